// Everything the engine hears and says. `hear(kind, numbers, text, selector)` is its one ear: records have the kinds of
// `records.js`, signals those that `agent.rs` lists. What it says waits until it has finished, because a page that calls the
// agent from its own callback must find it free.

import { change, forget, notice, onLoaded, record, views } from './beacon.js';
import { custom, life, store } from './gate.js';
import { attempt, cut, hasInteractionIds, hiddenTimes, isHidden, navigation, resource, supports } from './page.js';
import { TYPES, copies } from './records.js';

/** The first flush comes this long after the load event, so that a tab that is killed has said something, ms. */
const FIRST_FLUSH = 1500;
/** Longer than this is no answer, ms. */
const ANSWER_TIMEOUT = 10e3;
const MAX_PATH_BYTES = 512;
const MAX_TEXT_BYTES = 256;

const say = (kind, numbers, text = '', selector = '') => life && life.hear(kind, numbers, text, selector);
const signal = (kind, ...numbers) => say(kind, numbers);

/** Names the open view while its path is unchanged, else opens a soft one. */
export const setRoute = (route) => {
  const name = typeof route == 'string' ? cut(route, MAX_PATH_BYTES) : '';
  take();
  if (!views[0]) return;
  if (views[0].raw == location.pathname) return change({ route: name || views[0].template });
  signal(19);
  life.name = name;
  say(20, [], location.pathname);
};

export const setContext = (context) => change({ custom: attempt(() => custom(context)) });

export const operation = (...facts) => {
  if (attempt(() => record(tell, ...facts))) signal(19);
  else drain();
};

/** Begins to measure with what the shim has seen. */
export function begin({ records, hidden, dropped }) {
  const known = hiddenTimes();
  life.hidden = known.length ? known : hidden || [];
  life.observed = records;
  life.dropped = dropped || 0;
  life.name = (life.route && cut((attempt(() => '' + life.route(location))) || '', MAX_PATH_BYTES)) || '';
  const flags = [
    life.consent > 1,
    records,
    document.wasDiscarded,
    isHidden(),
    ...TYPES.slice(0, 3).map(supports),
    supports('event') && hasInteractionIds(),
  ].map(Boolean);
  say(6, [life.flush, life.memory, ...flags, ...navigation(), ...life.hidden], location.pathname, life.templates);
  deliver(records || []);
  for (const type of EVENTS) addEventListener(type, onEvent, true);
  // At once: a page that hides next runs no timer any more, and its navigation record is complete already.
  if (document.readyState == 'complete') onLoad();
  // Begun because the page hides: its signal has passed already, and this is the last chance to speak.
  if (flags[3]) signal(8, performance.now());
}

export function end() {
  for (const type of EVENTS) removeEventListener(type, onEvent, true);
  signal(18);
  forget();
}

/** The navigation record is complete. */
const onLoad = () => {
  onLoaded();
  say(7, navigation());
  setTimeout(signal, FIRST_FLUSH, 19);
};

// All on the window in the capture phase, so that values are final before the page's own listeners run. Never `unload` or
// `beforeunload`: they keep pages out of the back/forward cache.
const EVENTS = ['visibilitychange', 'pagehide', 'pageshow', 'keydown', 'click', 'load', 'online'];

function onEvent(event) {
  const at = event.timeStamp;
  const kind = EVENTS.indexOf(event.type);
  // The record is complete one task after the load event.
  if (kind > 4) return kind > 5 ? signal(14) : setTimeout(onLoad);
  if (kind > 2 && !event.isTrusted) return;
  if (kind == 2 && !event.persisted) return;
  take();
  if (kind > 2) signal(13);
  else if (kind > 1) {
    say(11, [at], location.pathname);
    // In the second animation frame, what the first one drew is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => signal(12, performance.now())));
  } else if (kind) signal(10);
  else if (isHidden()) {
    store();
    signal(8, at);
  } else signal(9);
}

/** The observer that the engine registered. */
let observer;

export const watcher = () => (list) => deliver(copies(list.getEntries()));

/** Observes every type that a vital needs. 16 ms is the least duration browsers report events at: their default hides most interactions. */
export function observe(registered, buffered) {
  observer = registered;
  for (const type of TYPES) {
    if (supports(type)) attempt(() => observer.observe({ type, buffered, durationThreshold: 16 }));
  }
}

/** What the browser has queued but not delivered. */
const take = () => life && observer && deliver(copies(observer.takeRecords()));

/** An address without query, fragment and user info; what carries its content in itself is named by its scheme only. */
export const address = (url) =>
  attempt(() => {
    const { protocol, host, pathname } = new URL(url);
    return cut(host ? protocol + '//' + host + pathname : protocol, MAX_TEXT_BYTES);
  }) || '';

function deliver(records) {
  if (!records[0]) return;
  for (const [kind, start, a, b, c, d, text, selector] of records) {
    say(kind, [start, ...(kind == 1 ? resource(text, start) : [a, b, c, d])], kind == 1 ? address(text) : text, selector);
  }
  signal(5, performance.interactionCount);
}

const waiting = [];

/** Says what waits. */
export const drain = () => waiting.splice(0).forEach(attempt);

const tell = (callback, object) => callback && waiting.push(() => callback(object));

/** A vital of the open view has a new value. */
export const changed = (...facts) => notice(tell, ...facts);

/** Every attempt of a beacon says the same but for its time. */
const stamped = (body) => JSON.stringify(Object.assign(body, { sent: Date.now() }));

/** Posts; the answer is heard with its status (0: none) and how long to wait by `Retry-After`, in seconds or as a date. */
export const post = (id, body, keepalive) => {
  const { address, hear } = life;
  const text = stamped(body);
  waiting.push(() => {
    // Once: what an attempt says after its time is over must not be taken for the answer to the next attempt.
    let settle = (status, wait) => {
      settle = () => {};
      hear(15, [id, status, wait, navigator.onLine], '', '');
    };
    const nothing = () => settle(0, 0);
    const options = { method: 'POST', body: text, keepalive, credentials: 'omit' };
    setTimeout(nothing, ANSWER_TIMEOUT);
    attempt(() =>
      fetch(address, options).then((response) => {
        const after = response.headers.get('retry-after');
        settle(response.status, after ? after * 1000 || Date.parse(after) - Date.now() || 0 : 0);
      }, nothing),
    ) || nothing();
  });
};

/** Hands a beacon to the browser, which sends it even when the page is gone. A fetch where it declines. */
export const beacon = (id, body) => {
  const { address, hear } = life;
  const text = stamped(body);
  waiting.push(() => {
    if (attempt(() => navigator.sendBeacon(address, text))) hear(16, [id], '', '');
    else {
      post(id, body, true);
      drain();
    }
  });
};
