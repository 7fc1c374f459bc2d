// Sending: beacons wait here, bounded, under one retry rule. A beacon says the same in every attempt but for its time; what it said
// counts as acknowledged when the collector or the browser has taken it. While the collector is down one beacon at a time probes it, so
// that a whole site's tabs come back gently. Without WebAssembly nothing waits: a beacon goes when the page hides.

import { hasNews, seal } from './beacon.js';
import { wasm } from './engine.js';
import { GRANTED, life, note } from './gate.js';
import { dropped } from './operations.js';
import { attempt } from './page.js';
import { onRetry } from './signals.js';
import { views } from './views.js';

/** Longer than this is no answer, ms. */
const ANSWER_TIMEOUT = 10e3;
/** Shorter beacons gain nothing from compression. */
const MIN_COMPRESSED = 400;
/** Waiting beacons; an outage costs one for each page view, so this is rarely reached. */
const MAX_QUEUED = 30;
const MAX_QUEUED_BYTES = 256e3;
/** Browsers refuse keepalive requests over 64 KiB in flight, the exit beacon included; this leaves it room. */
const MAX_KEEPALIVE_BYTES = 44e3;
const MAX_IN_FLIGHT = 4;
/** How exact a retry is, ms. */
const LOOK_AGAIN = 1e3;
const FIRST_BACKOFF = 1e3;
const LONGEST_BACKOFF = 60e3;
/** Each wait is up to this share longer or shorter. */
const JITTER = 0.2;
/** A collector may ask for more patience than our own, within reason, ms. */
const LONGEST_RETRY_AFTER = 3600e3;
/** Attempts that reach nothing, when nothing was ever reached: an ad blocker or a policy, not an outage. */
const MAX_UNREACHABLE = 3;

/** What waits or flies, oldest first: `{view, acked, beacon, half, size, flies}`. */
let waiting = [];
/** The collector does not want this page's beacons. */
let isRefused;
/** Nothing was ever reached: only a last beacon at exit is tried. */
let isUnreachable;
let wasReached;
/** Failed attempts since the last success. */
let failures = 0;
let retryAt = 0;
let isLooking;
let isSealing;
/** The optional part that keeps beacons across page loads, see the package's `offline.js`. */
let offline;

/** Asks it what to do, if it is there: about a beacon, or else about what it has kept. True when it has taken the beacon over. */
export const consult = (beacon) => attempt(() => offline?.(life, dropped, beacon, failures));

export const setOffline = (_, part) => {
  offline = part;
  consult();
};

/** Makes a beacon of every view that has news, if anything may be sent, and sends what waits: at exit all of it, for the page may be
 * gone after this. */
export function flush(atExit) {
  // What the page asks from inside `beforeSend` is not heard.
  if (life.consent < GRANTED || isSealing) return;
  isSealing = 1;
  try {
    for (const view of views.slice().reverse()) if (hasNews(view) && (wasm || atExit)) queue({ view, acked: view.acked, beacon: seal(view, 1) });
  } finally {
    isSealing = 0;
  }
  if (atExit) exit();
  else pump();
}

const flying = () => waiting.filter((entry) => entry.flies);
const sizeOf = (entries) => entries.reduce((sum, entry) => sum + entry.size, 0);

const remove = (entry) => {
  waiting = waiting.filter((each) => each != entry);
};

/** Beacons carry every value that was not acknowledged yet, so an older one of the view that still waits is replaced; but operations count
 * by their beacon. */
const isReplaced = (entry, by) => entry.view == by.view && !(entry.flies || entry.half || entry.beacon.ops);

export function queue(entry) {
  if (!wasm) return consult(entry.beacon) || beacon(entry) || attempt(() => fetch(life.address, request(stampedText(entry), 1)));
  if (isRefused) return dropped('gave-up');
  entry.size = new Blob([JSON.stringify(entry.beacon)]).size;
  waiting = waiting.filter((each) => !isReplaced(each, entry));
  waiting.push(entry);
  while (waiting.length > MAX_QUEUED || sizeOf(waiting) > MAX_QUEUED_BYTES) {
    remove(waiting.find((entry) => !entry.flies));
    dropped('buffer-full');
  }
}

/** Sends what may go now. */
export function pump() {
  for (let entry; !isUnreachable && flying().length < (failures ? 1 : MAX_IN_FLIGHT) && (entry = waiting.find((entry) => !entry.flies)); ) {
    if (performance.now() < retryAt) return (isLooking ||= setTimeout(onRetry, LOOK_AGAIN));
    entry.flies = 1;
    post(entry, sizeOf(flying()) <= MAX_KEEPALIVE_BYTES);
  }
}

/** The collector answers: what waits may go at once. */
const isUp = () => (failures = retryAt = 0);

/** The network is back. */
export function online() {
  isUnreachable = isUp();
  pump();
}

/** The time to look again has come. */
export function look() {
  isLooking = 0;
  pump();
}

/** Hands all that waits to the browser, newest first, which sends it even when the page is gone. A fetch where it declines. What may fly
 * into nothing, or does so already, is offered to whoever keeps it. */
function exit() {
  later?.abort();
  for (const entry of waiting.slice().reverse()) {
    const isKept = consult(entry.beacon);
    if (isKept || !entry.flies) {
      entry.flies = 1;
      if (isKept || beacon(entry)) {
        acknowledge(entry);
        remove(entry);
      } else post(entry, 1, 1);
    }
  }
}

const stampedText = (entry) => {
  note('sent', entry.beacon);
  const text = JSON.stringify(Object.assign(entry.beacon, { sent: Date.now() }));
  entry.view.bytes += text.length;
  return text;
};

const request = (body, keepalive) => ({ method: 'POST', body, keepalive, credentials: 'omit' });

const beacon = (entry) => attempt(() => navigator.sendBeacon(life.address, stampedText(entry)));

const compressed = (text) => new Response(new Response(text).body.pipeThrough(new CompressionStream('gzip'))).arrayBuffer();

/** Posts; the answer is told with its status (0: none) and how long to wait by `Retry-After`, in seconds or as a date. At exit nothing
 * that takes a moment is done to it. */
function post(entry, keepalive, atExit) {
  const text = stampedText(entry);
  // The agent may have ended when the text is packed.
  const { address } = life;
  // Once: what an attempt says after its time is over must not be taken for the answer to the next attempt.
  let settle = (status, wait) => {
    settle = () => {};
    // Given up meanwhile, by the end of the agent too: it means nothing.
    if (waiting.includes(entry)) onAnswer(entry, status, wait);
  };
  const nothing = () => settle(0, 0);
  const send = (body, query) =>
    fetch(address + query, request(body, keepalive)).then((response) => {
      const after = response.headers.get('retry-after');
      settle(response.status, after * 1e3 || Date.parse(after) - Date.now() || 0);
      // The collector took the beacon, but not all of it.
      if (response.status == 200) response.json().then(({ rejected = [] }) => rejected.forEach(({ code }) => dropped('rejected-' + code)), nothing);
    }, nothing);
  setTimeout(nothing, ANSWER_TIMEOUT);
  attempt(() =>
    window.CompressionStream && text.length > MIN_COMPRESSED && !atExit ? compressed(text).then((bytes) => {
          entry.view.bytes += bytes.byteLength - text.length;
          send(bytes, '?enc=gzip');
        }, nothing) : send(text, ''),
  ) || nothing();
}

function onAnswer(entry, status, wait) {
  note('answer', status, entry.beacon.seq);
  entry.flies = 0;
  wasReached ||= status;
  if (/^(0|408|425|429|5..)$/.test(status)) {
    const backoff = Math.min(FIRST_BACKOFF * 2 ** failures++, LONGEST_BACKOFF) * (1 - JITTER + 2 * JITTER * Math.random());
    retryAt = performance.now() + Math.max(backoff, Math.min(wait, LONGEST_RETRY_AFTER));
    // What waits again gives way to a newer beacon that says all it says.
    if (waiting.slice(waiting.indexOf(entry) + 1).some((newer) => isReplaced(entry, newer))) remove(entry);
    if (navigator.onLine && !wasReached && failures >= MAX_UNREACHABLE) {
      isUnreachable = 1;
      dropped('gave-up');
    }
  } else {
    isUp();
    remove(entry);
    if (status < 300) acknowledge(entry);
    else if (status != 413) dropped('rejected-4xx');
    else if (!divide(entry)) dropped('too-large');
    if (status == 401 || status == 403) {
      isRefused = 1;
      dropped('gave-up', waiting.length);
      waiting = [];
    }
  }
  pump();
}

/** What a beacon said need not be said again, unless the view has got another name since. */
function acknowledge(entry) {
  for (const { n, v } of entry.beacon.m) entry.acked[n] = v;
  Object.assign(entry.acked, entry.beacon.context);
}

/** A beacon that is too large for something on the way goes again in two halves of its operations, once. Nothing of it was stored. */
function divide({ view, acked, beacon: { m, ops = [], ...rest }, half }) {
  if (half || m.length + ops.length < 2) return;
  const middle = ops.length / 2;
  [ops.slice(0, middle), ops.slice(middle)].forEach((ops, at) =>
    queue({ view, acked, half: 1, beacon: { ...rest, seq: view.seq++, m: at ? [] : m, drop: at ? undefined : rest.drop, ops: ops[0] && ops } }),
  );
  return 1;
}

/** The agent ends: what waits is not sent any more. */
export function abandon() {
  later?.abort();
  waiting = [];
  isRefused = wasReached = isUnreachable = isUp();
}

/** What the browser shall send if the page is killed: the newest values, without operations, under a number of its own. */
let later;

export function insure(view) {
  later?.abort();
  if (life.consent == GRANTED && window.fetchLater && wasm && hasNews(view)) {
    later = new AbortController();
    attempt(() => fetchLater(life.address, { ...request(JSON.stringify(seal(view))), signal: later.signal }));
  }
}
