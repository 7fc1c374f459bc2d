// Sending: beacons wait here under the ids that the transport gave them, in WebAssembly, which decides when each of them goes. A
// beacon says the same in every attempt but for its time; what it said counts as acknowledged when the collector or the browser has
// taken it. Without WebAssembly there is nothing to wait with: a beacon goes when the page hides.

import { hasNews, seal } from './beacon.js';
import { wasm } from './engine.js';
import { GRANTED, life, note } from './gate.js';
import { dropped } from './operations.js';
import { attempt } from './page.js';
import { views } from './views.js';

/** Longer than this is no answer, ms. */
const ANSWER_TIMEOUT = 10e3;
/** Shorter beacons gain nothing from compression. */
const MIN_COMPRESSED = 400;
/** Why the transport gives up, in its order. */
const REASONS = ['buffer-full', 'rejected-4xx', 'too-large', 'gave-up'];

/** `{view, acked, beacon, half}` by id. */
const waiting = new Map();

let isSealing;

/** Makes a beacon of every view that has news, if anything may be sent, and sends what waits: at exit all of it, for the page may be
 * gone after this. */
export function flush(atExit) {
  // What the page asks from inside `beforeSend` is not heard.
  if (life.consent < GRANTED || isSealing) return;
  isSealing = 1;
  try {
    for (const view of views.slice().reverse()) if (hasNews(view) && (wasm || atExit)) queue({ view, acked: view.acked, beacon: seal(view, true) });
  } finally {
    isSealing = 0;
  }
  if (atExit) exit();
  else pump();
}

function queue(entry) {
  const { size } = new Blob([JSON.stringify(entry.beacon)]);
  if (wasm) waiting.set(wasm.accept(entry.view.number, size, !!(entry.beacon.ops || entry.half)), entry);
  else if (!beacon(entry)) attempt(() => fetch(life.address, request(stampedText(entry), true)));
}

/** Sends what may go now. */
export function pump() {
  if (!wasm) return;
  for (let id; (id = wasm.next(performance.now(), false)); ) post(Math.abs(id), id > 0);
  // What was replaced or given up meanwhile.
  for (const id of waiting.keys()) if (!wasm.holds(id)) waiting.delete(id);
  REASONS.forEach((reason, at) => dropped(reason, wasm.drops(at)));
}

/** Hands all that waits to the browser, which sends it even when the page is gone. A fetch where it declines. */
function exit() {
  later?.abort();
  for (let id; (id = wasm?.next(performance.now(), true)); ) {
    const entry = waiting.get(id);
    if (beacon(entry)) {
      acknowledge(entry);
      wasm.taken(id);
    } else post(id, true, true);
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

const compressed = (text) => new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();

/** Posts; the answer is told with its status (0: none) and how long to wait by `Retry-After`, in seconds or as a date. At exit nothing
 * that takes a moment is done to it. */
function post(id, keepalive, atExit) {
  const entry = waiting.get(id);
  const text = stampedText(entry);
  // The agent may have ended when the text is packed.
  const { address } = life;
  // Once: what an attempt says after its time is over must not be taken for the answer to the next attempt.
  let settle = (status, wait) => {
    settle = () => {};
    if (life) onAnswer(id, status, wait);
  };
  const nothing = () => settle(0, 0);
  const send = (body, query) =>
    fetch(address + query, request(body, keepalive)).then((response) => {
      const after = response.headers.get('retry-after');
      settle(response.status, after ? after * 1000 || Date.parse(after) - Date.now() || 0 : 0);
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

function onAnswer(id, status, wait) {
  const entry = waiting.get(id);
  note('answer', status, entry?.beacon.seq);
  if (entry && status >= 200 && status < 300) acknowledge(entry);
  if (entry && status == 413 && divide(entry)) wasm.taken(id);
  else wasm.answer(id, status, wait, navigator.onLine, performance.now(), Math.random());
  pump();
}

/** What a beacon said need not be said again, unless the view has got another name since. */
function acknowledge({ acked, beacon: { m, context } }) {
  for (const { n, v } of m) acked[n] = v;
  for (const name of ['timing', 'resources']) acked[name] = context[name] || acked[name];
}

/** A beacon that is too large for something on the way goes again in two halves, once. Nothing of it was stored. */
function divide({ view, acked, beacon: { m, ops = [], ...rest }, half }) {
  if (half || m.length + ops.length < 2) return;
  const halves = (list) => [list.slice(0, (list.length + 1) / 2), list.slice((list.length + 1) / 2)];
  const [measurements, operations] = [m, ops].map(halves);
  [0, 1].forEach((at) => {
    const drop = at ? undefined : rest.drop;
    queue({ view, acked, half: 1, beacon: { ...rest, drop, seq: view.seq++, m: measurements[at], ops: operations[at][0] && operations[at] } });
  });
  return 1;
}

/** The agent ends: what waits is not sent any more. */
export function abandon() {
  later?.abort();
  waiting.clear();
}

/** What the browser shall send if the page is killed: the newest values, without operations, under a number of its own. */
let later;

export function insure(view) {
  later?.abort();
  later = 0;
  if (life.consent == GRANTED && window.fetchLater && wasm && hasNews(view)) {
    later = new AbortController();
    attempt(() => fetchLater(life.address, { ...request(JSON.stringify(seal(view))), signal: later.signal }));
  }
}
