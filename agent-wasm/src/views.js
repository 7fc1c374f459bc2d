// The open page view and the one before it: what they are called, and what of them was said already. What is measured in them is
// the engine's business, in the slot of the view's number.

import { openEngine, value, wasm } from './engine.js';
import { custom, life } from './gate.js';
import { uuid } from './identity.js';
import { attempt, cut, delivery, hiddenTimes, isHidden, navigationEntry, supports } from './page.js';
import { TYPES } from './records.js';
import { capped, scrub, templateOf } from './route.js';

const MAX_PATH_BYTES = 512;

/** The newest first, at most two. */
export let views = [];
/** The open one. */
export let current;

export function forget() {
  views = [];
  current = 0;
}

/** How a view began, in the engine's order. */
export const DOCUMENT = 0;
export const RESTORED = 1;
export const ROUTE = 2;
export const NATIVE = 3;
const KINDS = [, 'back-forward-cache', 'soft-navigation', 'soft-navigation'];
const CONTEXTS = [, { delivery: 'cache' }, { soft: 'route' }, { soft: 'native' }];

/** The view in which something began at a time of the document's clock. */
export const viewAt = (at) => views.find(({ from }) => at >= from);

/** Names a view by the page's own word, the page's function, a template or its path. */
export function rename(route) {
  const view = current;
  view.raw = location.pathname;
  const template = templateOf(view.raw, life.templates);
  const path = scrub(view.raw, template);
  const own = route || attempt(() => life.route?.(location));
  view.path = life.sendRawPath ? cut(view.raw, MAX_PATH_BYTES) : path;
  view.route = own ? cut('' + own, MAX_PATH_BYTES) : template || capped(path);
  relabel(view);
}

/** The view's newest beacon says what it is called: all its vitals go again. */
export function relabel(view) {
  view.acked = {};
  view.isChanged = 1;
}


/** The browser saw the navigation that a route change had told. */
export function makeNative(view, at) {
  view.opening = NATIVE;
  view.from = view.since = at;
  view.context = CONTEXTS[NATIVE];
  relabel(view);
}

export const setContext = (_, context) => {
  if (current) {
    current.custom = custom(context);
    current.isChanged = 1;
  }
};

/** How the document was navigated to, on the wire. */
function navigationType() {
  const n = navigationEntry();
  return n.activationStart > 0 ? 'prerender' : document.wasDiscarded ? 'restore' : (n.type || 'navigate').replace('_', '-');
}

/** What of an earlier view holds for the document: in WebAssembly the engine knows, without it what was heard has to do. */
const had = (view, bit, vital, kind) => view && (view.flags & (1 << bit) || (wasm ? value(view, vital) >= 0 : view.heard & (1 << kind)));

const hasIds = () => attempt(() => 'interactionId' in PerformanceEventTiming.prototype);

/** What the engine must know to begin, as the bits of its `open`. */
function flagsOf(before, opening) {
  const isFidClosed = before && (before.opening == RESTORED || before.flags & 128 || before.heard & ((1 << 4) | (1 << 11)));
  return [
    ...['paint', 'largest-contentful-paint', 'layout-shift'].map(supports),
    hasIds(),
    document.wasDiscarded,
    had(before, 5, 5, 9),
    had(before, 6, 0, 0),
    opening > RESTORED && isFidClosed,
  ].reduce((bits, flag, bit) => bits | (!!flag << bit), 0);
}

/** When the page was first hidden in a view that begins; times before the activation belong to the document nobody saw. */
function firstHidden(opening, since, hidden) {
  if (opening) return opening == RESTORED && isHidden() ? since : NaN;
  const [first = hidden] = hiddenTimes().filter((at) => at >= since);
  return first >= since ? first : isHidden() ? 0 : NaN;
}

/** Opens a view that began `at` a time of the document's clock; of a document, with what the shim knows of it. */
export function open(opening, at, { view: id, seq = 0, raw, route } = {}) {
  const before = current;
  const since = opening ? at : navigationEntry().activationStart || 0;
  const hiddenAt = firstHidden(opening, since, raw?.hidden);
  current = {
    number: before ? before.number + 1 : 0,
    opening,
    flags: flagsOf(before, opening),
    // Kinds of calls that it heard, as bits.
    heard: 0,
    // What began before belongs to the view before.
    from: opening ? at : -Infinity,
    since,
    nav: KINDS[opening] || navigationType(),
    id: id || attempt(uuid),
    seq,
    // The same in all beacons of a view.
    start: Math.floor(opening ? Date.now() - performance.now() + since : performance.timeOrigin + since),
    custom: before ? before.custom : life.custom,
    context: CONTEXTS[opening] || { delivery: delivery(navigationEntry()), late: !raw, hidden_at_start: hiddenAt <= since },
    // Absent where the browser tells no long tasks, not zero.
    busy: supports('longtask') && { long_tasks: 0, blocking_ms: 0 },
    ops: [],
    opsBytes: 0,
    mainMs: 0,
    bytes: 0,
    dropped: raw?.dropped || 0,
  };
  views = [current];
  if (before && opening != RESTORED) views.push(before);
  // A document has all interactions there were. A route changes inside one of the view before, which browsers count afterwards: its
  // views count by ids instead.
  openEngine(current, [opening, at, hiddenAt, opening ? (opening == ROUTE ? NaN : performance.interactionCount) : 0, current.flags]);
  rename(route);
  return current;
}
