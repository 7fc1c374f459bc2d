// Everything that is heard: the timeline, the page's life, the page's own calls and the engine's timers. All of it runs inside
// `guarded`, so that nothing is thrown into the page and the agent knows its own cost.

import { notice } from './beacon.js';
import { address, callOf, paint } from './calls.js';
import { flush, insure, pump } from './delivery.js';
import { attach, hear, wasm } from './engine.js';
import { life, note, store } from './gate.js';
import { dropped, record } from './operations.js';
import { cut, isHidden, milestones, navigationCalls, round, supports } from './page.js';
import { TYPES } from './records.js';
import { onLongTask, onResource } from './resources.js';
import { DOCUMENT, NATIVE, RESTORED, ROUTE, forget, makeNative, open, rename, setContext, viewAt, views } from './views.js';

/** The first flush comes this long after the load event or a route change, so that a tab that is killed has said something, ms. */
const FIRST_FLUSH = 1500;
/** Leaving a page gives two signals, pagehide and hidden; a new sample for the second would only cost a beacon, ms. */
const SHORTEST_SAMPLE_GAP = 1e3;
/** The whole page's memory is measured at random times, this far apart on average: it costs a garbage collection, ms. */
const PAGE_MEMORY_GAP = 300e3;
/** An interaction longer than this is an operation too, at most so many of a view, ms. */
const SLOW_INTERACTION = 200;
const MAX_SLOW_INTERACTIONS = 20;

/** Types that no shim has seen; browsers keep some of each for those who come late. */
const LATE_TYPES = ['long-animation-frame', 'longtask', 'resource', 'soft-navigation', 'interaction-contentful-paint'];

const guarded =
  (run) =>
  (...facts) => {
    const begun = performance.now();
    try {
      run(...facts);
    } catch (error) {
      note('failed', error);
    }
    if (views[0]) views[0].mainMs += performance.now() - begun;
  };

let observer;
let sampledAt;

const watch = guarded((list, _, facts) => {
  views[0].dropped += facts?.droppedEntriesCount || 0;
  deliver(list.getEntries());
});

/** Observes everything; `isBuffered` says of which types the past is told too. */
function observe(isBuffered) {
  for (const type of life.userTiming ? [...TYPES, ...LATE_TYPES, 'measure'] : [...TYPES, ...LATE_TYPES]) {
    // 16 ms is the least duration browsers report events at: their default hides most interactions.
    if (supports(type)) observer.observe({ type, buffered: isBuffered(type), durationThreshold: 16 });
  }
}

/** Begins to measure with what the shim has seen. */
export const begin = guarded((early) => {
  sampledAt = -SHORTEST_SAMPLE_GAP;
  const view = open(DOCUMENT, 0, early);
  for (const call of navigationCalls()) hear(view, call);
  const { records } = early.raw || {};
  for (const record of records || []) onVital(view, record, record.entryType, record.startTime);
  observer = new PerformanceObserver(watch);
  // What the shim has seen is not told again, but for the largest paint: it replaces, and only an entry knows its address.
  observe((type) => !records || !TYPES.includes(type) || type == TYPES[1]);
  for (const type of EVENTS) addEventListener(type, onEvent, true);
  if (window.navigation) navigation.addEventListener('currententrychange', onPath);
  else addEventListener('popstate', onPath);
  // At once: a page that hides next runs no timer any more, and its navigation record is complete already.
  if (document.readyState == 'complete') onLoad();
  sample();
  settle();
});

/** The engine is there: it is told what was kept, and its own observer goes on where this one stops. */
export const engage = guarded((exports) => {
  if (!observer) return;
  take();
  observer.disconnect();
  attach(exports, views, watch, life.flush, life.memory);
  observer = { observe: wasm.observe, takeRecords: wasm.take, disconnect: wasm.end };
  observe(() => false);
  settle();
});

export function end() {
  for (const type of EVENTS) removeEventListener(type, onEvent, true);
  if (window.navigation) navigation.removeEventListener('currententrychange', onPath);
  removeEventListener('popstate', onPath);
  observer?.disconnect();
  observer = 0;
  forget();
  attach(0, []);
}

/** After everything that was heard: the newest count, and the page's callbacks. */
function settle() {
  hear(views[0], [6, performance.interactionCount]);
  notice();
}

/** Takes entries of the timeline to the views in which they began. A soft navigation comes first: it opens one. */
function deliver(entries) {
  if (!entries[0]) return;
  for (const entry of entries) if (entry.entryType == 'soft-navigation') onSoftNavigation(entry);
  for (const entry of entries) {
    const { entryType: type, startTime: start } = entry;
    const view = viewAt(start);
    if (view) (HEARD[type] || onVital)(view, entry, type, start);
  }
  settle();
}

function onVital(view, entry, type, start) {
  if (entry.name == 'first-paint') view.timing = { ...view.timing, first_paint_ms: round(Math.max(start - view.since, 0)) };
  const call = callOf(type, start, entry);
  // The document's paints say nothing of later views.
  if (!call || (call[0] < 2 && view.opening)) return;
  if (call[0] == 1) {
    // The shim has named an element that is gone now.
    if (view.largest?.[1] == start) call[5] ||= view.largest[5];
    view.largest = call;
  }
  hear(view, call);
  if (call[0] == 3 && call[2] > SLOW_INTERACTION) onSlowInteraction(view, call);
}

function onSlowInteraction(view, [, start, duration, , , id, type, element]) {
  const slow = (view.slow ||= new Map());
  const known = slow.get(id);
  if (known) known.v = Math.max(known.v, duration);
  else if (slow.size < MAX_SLOW_INTERACTIONS) {
    operation('interaction ' + type, duration, undefined, start, { element });
    slow.set(id, view.ops.at(-1) || {});
  }
}

/** What is heard of an entry by its type; vitals are the rest. */
const HEARD = {
  'soft-navigation': () => {},
  longtask: onLongTask,
  resource: (view, entry) => onResource(view, entry, operation),
  measure: (_, { name, duration, startTime }) => operation(name, duration, undefined, startTime),
  'long-animation-frame'(view, { duration, scripts }, _, start) {
    const [longest] = [...scripts].sort((a, b) => b.duration - a.duration);
    if (longest) hear(view, [5, start, duration, longest.duration, address(longest.sourceURL)]);
  },
  'interaction-contentful-paint'(view, entry) {
    if (view.opening == NATIVE && view.interaction == entry.interactionId) onSoftPaint(view, entry);
  },
};

function onSoftPaint(view, { largestContentfulPaint }) {
  if (largestContentfulPaint) hear(view, paint(largestContentfulPaint, largestContentfulPaint.renderTime));
}

/** The browser saw a soft navigation: a view of its own, or the one that a route change has opened for the same path. */
function onSoftNavigation(entry) {
  const { startTime, name, interactionId, presentationTime, paintTime } = entry;
  const [before] = views;
  const path = new URL(name, location.href).pathname;
  if (path == before.raw) {
    if (before.opening != ROUTE || startTime > before.from) return;
    makeNative(before, startTime);
    hear(before, [14, startTime, performance.interactionCount]);
  } else openSoft(NATIVE, startTime);
  const [view] = views;
  view.interaction = interactionId;
  if (presentationTime || paintTime) hear(view, [0, presentationTime || paintTime]);
  const largest = entry.getLargestInteractionContentfulPaint?.();
  if (largest) onSoftPaint(view, largest);
}

/** The view before the one that ends is done: only two are kept. Both are sent when what belongs to them has come. */
function openSoft(opening, at, route) {
  if (views[1]) flush();
  open(opening, at, { route });
  sample();
  setTimeout(guarded(() => life && flush()), FIRST_FLUSH);
}

/** The path may have changed. A redirect inside the page is one view. */
const onPath = guarded((event) => {
  const [view] = views;
  if (location.pathname == view.raw) return;
  take();
  if (event.navigationType == 'replace' && view.opening == ROUTE && !view.seq) rename();
  else openSoft(ROUTE, performance.now());
});

/** Records an operation; a full buffer goes. */
function operation(...facts) {
  if (record(...facts)) flush();
}

/** What the page may call; the first argument is when it did. */
export const API = {
  setContext,
  time: guarded((at, name, duration, errorType) => operation(name, duration, errorType, at)),
  measure: guarded((at, name, duration, detail) => operation(name, duration, undefined, at - duration, detail)),
  /** Names the open view while its path is unchanged, else opens a soft one. */
  setRoute: guarded((_, route) => {
    const name = typeof route == 'string' ? cut(route, 512) : '';
    take();
    if (!views[0] || views[0].raw == location.pathname) views[0] && rename(name);
    else openSoft(ROUTE, performance.now(), name);
  }),
  flush: guarded(() => {
    take();
    if (views[0]) flush();
  }),
};

export const onConsent = guarded(() => flush());

/** What the browser has queued but not delivered. */
const take = () => observer && deliver(observer.takeRecords());

/** A timer of the engine: 0 flush, 1 memory, 2 retry. */
export const tick = guarded((kind) => {
  if (kind > 1) return pump();
  if (kind) {
    if (!isHidden()) sample();
    settle();
    insure(views[0]);
  } else flush();
});

function sample() {
  const now = performance.now();
  const [view] = views;
  const { usedJSHeapSize, totalJSHeapSize, jsHeapSizeLimit } = performance.memory || {};
  if (isHidden() && now - sampledAt < SHORTEST_SAMPLE_GAP) return;
  sampledAt = now;
  if (usedJSHeapSize) hear(view, [13, 1, usedJSHeapSize, now, totalJSHeapSize, jsHeapSizeLimit]);
  if (window.crossOriginIsolated && performance.measureUserAgentSpecificMemory && !view.isMeasuring && !isHidden() && Math.random() < life.memory / PAGE_MEMORY_GAP) {
    view.isMeasuring = 1;
    performance.measureUserAgentSpecificMemory().then(
      ({ bytes }) => {
        view.isMeasuring = 0;
        if (views[0] == view) hear(view, [13, 2, bytes, performance.now()]);
      },
      () => dropped('memory-rejected'),
    );
  }
}

/** The navigation record is complete. It is the document's: a route change meanwhile has closed the view it belongs to. */
const onLoad = guarded(() => {
  const view = views.find(({ opening }) => !opening);
  if (view) {
    for (const call of [...navigationCalls(), [9]]) hear(view, call);
    view.timing = { ...view.timing, ...milestones() };
    settle();
  }
  setTimeout(API.flush, FIRST_FLUSH);
});

// All on the window in the capture phase, so that values are final before the page's own listeners run. Never `unload` or
// `beforeunload`: they keep pages out of the back/forward cache.
const EVENTS = ['visibilitychange', 'pagehide', 'pageshow', 'keydown', 'click', 'load', 'online'];

const onEvent = guarded(({ type, timeStamp, isTrusted, persisted }) => {
  if (type == 'online') {
    wasm?.online();
    pump();
  } else if (type == 'load') setTimeout(onLoad); // The record is complete one task after the event.
  else if (type == 'pagehide') leave();
  else if (type == 'pageshow') persisted && onRestored(timeStamp);
  else if (type == 'visibilitychange' && isHidden()) leave(timeStamp);
  else if (isTrusted && !(views[0].heard & (1 << 10))) {
    // A key, a click, or shown again: the largest paint is decided.
    take();
    hear(views[0], [10]);
  }
});

/** The page may be gone after this. Some browsers do not hide a page before they leave it, the others say the rest right after. */
function leave(hiddenAt) {
  take();
  sample();
  if (hiddenAt) hear(views[0], [11, hiddenAt]);
  store();
  settle();
  flush(true);
}

/** Back from the back/forward cache. What still arrives of the view before is too late: it was sent when the page went. */
function onRestored(at) {
  take();
  const view = open(RESTORED, at);
  sample();
  // In the second animation frame, what the first one drew is on the screen.
  requestAnimationFrame(() =>
    requestAnimationFrame(
      guarded(() => {
        hear(view, [0, performance.now()]);
        hear(view, [10]);
        settle();
      }),
    ),
  );
  awaitInput(view);
}

/** The browser reports no first input after a restore: the first cancelable one is timed here, one that ends in a scroll is none. */
function awaitInput(view) {
  const types = ['mousedown', 'keydown', 'touchstart', 'pointerdown'];
  const begun = performance.now();
  const options = { capture: true, passive: true };
  const end = (call) => {
    for (const type of types) removeEventListener(type, onInput, options);
    hear(view, call);
  };
  const onInput = guarded(({ type, timeStamp, cancelable }) => {
    if (!cancelable) return;
    // Some browsers stamp events with the time of day.
    const now = timeStamp > 1e12 ? Date.now() : performance.now();
    const call = [12, type, now - timeStamp, performance.now() - begun];
    if (type != 'pointerdown') return end(call);
    const onUp = (event) => {
      for (const type of ['pointerup', 'pointercancel']) removeEventListener(type, onUp, options);
      if (event.type == 'pointerup') end(call);
    };
    for (const type of ['pointerup', 'pointercancel']) addEventListener(type, onUp, options);
  });
  for (const type of types) addEventListener(type, onInput, options);
}
