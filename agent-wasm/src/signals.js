// Everything that is heard: the timeline, the page's life, the page's own calls and the engine's timers. All of it runs inside
// `guarded`, so that nothing is thrown into the page and the agent knows its own cost.

import { notice } from './beacon.js';
import { abandon, flush, insure, look, online } from './delivery.js';
import { attach, hear, label, wasm } from './engine.js';
import { HEARD, softPaint } from './entries.js';
import { life, note, store } from './gate.js';
import { dropped } from './operations.js';
import { cut, isHidden, milestones, navigationEntry, supports } from './page.js';
import { TYPES } from './records.js';
import { DOCUMENT, NATIVE, RESTORED, ROUTE, current, forget, makeNative, open, rename, viewAt, views } from './views.js';

/** The first flush comes this long after the load event or a route change, so that a tab that is killed has said something, ms. */
const FIRST_FLUSH = 1500;
/** Leaving a page gives two signals, pagehide and hidden; a new sample for the second would only cost a beacon, ms. */
const SHORTEST_SAMPLE_GAP = 1e3;
/** The whole page's memory is measured at random times, this far apart on average: it costs a garbage collection, ms. */
const PAGE_MEMORY_GAP = 300e3;

export const guarded =
  (run) =>
  (...facts) => {
    const begun = performance.now();
    try {
      run(...facts);
    } catch (error) {
      note('failed', error);
    }
    if (current) current.mainMs += performance.now() - begun;
  };

let observer;
/** Told when the page has loaded, so that the engine comes. */
let onIdle;
let sampledAt;
let sampling;
/** Ends what listens. */
let listening;

const watch = guarded((list, _, facts) => {
  current.dropped += facts?.droppedEntriesCount || 0;
  deliver(list.getEntries());
});

/** Observes everything; `isBuffered` says of which types the past is told too. */
function observe(isBuffered) {
  for (const type in HEARD) {
    // 16 ms is the least duration browsers report events at: their default hides most interactions.
    if (supports(type) && (type != 'measure' || life.userTiming)) observer.observe({ type, buffered: isBuffered(type), durationThreshold: 16 });
  }
}

/** Begins to measure with what the shim has seen; `bringEngine` will give an engine to who asks. */
export const begin = guarded((early, bringEngine) => {
  const view = open(DOCUMENT, 0, early);
  tellNavigation(view);
  const records = early.raw?.records;
  // The shim lives as long as the page: what it held goes.
  deliver(records?.splice(0) || []);
  observer = new PerformanceObserver(watch);
  // What the shim has seen is not told again, but for the largest paint: it replaces, and only an entry knows its address.
  observe((type) => !records || !/^(paint|layout-shift|event|first-input)$/.test(type));
  listening = new AbortController();
  const options = { capture: 1, signal: listening.signal };
  for (const type in EVENTS) addEventListener(type, guarded(EVENTS[type]), options);
  window.navigation ? navigation.addEventListener('currententrychange', onPath, options) : addEventListener('popstate', onPath, options);
  onIdle = bringEngine(engage);
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
  attach(exports, views, watch, life.flush);
  sampling = setInterval(onSample, life.memory);
  observer = { observe: wasm.observe, takeRecords: wasm.take, disconnect: wasm.end };
  observe(() => 0);
  notice();
});

export function end() {
  listening?.abort();
  observer?.disconnect();
  observer = 0;
  clearInterval(sampling);
  abandon();
  forget();
  attach(0, []);
}

/** The newest count of interactions, and the page's callbacks. */
function settle() {
  hear(current, 6, performance.interactionCount);
  notice();
}

/** Takes entries of the timeline to the views in which they began. */
function deliver(entries) {
  let hasEvents;
  for (const entry of entries) {
    hasEvents ||= entry.entryType == 'event';
    const view = viewAt(entry.startTime);
    if (view) HEARD[entry.entryType]?.(view, entry, entry.startTime);
  }
  if (hasEvents) settle();
  else if (entries[0]) notice();
}

/** The document's record as of now. A type that has no place among the beacon's is a plain navigation. */
function tellNavigation(view) {
  const n = navigationEntry();
  const type = ['navigate', 'reload', 'back_forward'].indexOf(n.type);
  hear(view, 7, type, n.activationStart || 0, n.workerStart, n.fetchStart, n.domainLookupStart, n.connectStart, n.connectEnd, n.responseStart, performance.now());
  hear(view, 8, n.domInteractive, n.domContentLoadedEventStart, n.domComplete);
}

/** The browser saw a soft navigation: a view of its own, or the one that a route change has opened for the same path. */
export function onSoftNavigation(_, entry, start) {
  const before = current;
  const painted = entry.presentationTime || entry.paintTime;
  if (new URL(entry.name, location.href).pathname == before.raw) {
    if (before.opening != ROUTE || start > before.from) return;
    makeNative(before, start);
    hear(before, 14, start, performance.interactionCount);
  } else openSoft(NATIVE, start);
  current.interaction = entry.interactionId;
  if (painted) hear(current, 0, painted);
  softPaint(current, entry.getLargestInteractionContentfulPaint?.());
}

/** The view before the one that ends is done: only two are kept. Both are sent when what belongs to them has come. */
function openSoft(opening, at, route) {
  if (views[1]) flush();
  open(opening, at, { route });
  sample();
  setTimeout(flushNow, FIRST_FLUSH);
}

/** The path may have changed. A redirect inside the page is one view. */
const onPath = guarded((event) => {
  const view = current;
  if (location.pathname == view.raw) return;
  take();
  if (event.navigationType == 'replace' && view.opening == ROUTE && !view.seq) rename();
  else openSoft(ROUTE, performance.now());
});

/** Names the open view while its path is unchanged, else opens a soft one. */
export const setRoute = guarded((_, route) => {
  const name = typeof route == 'string' ? cut(route, 512) : '';
  take();
  if (!current || current.raw == location.pathname) current && rename(name);
  else openSoft(ROUTE, performance.now(), name);
});

/** Sends what is known now. */
export const flushNow = guarded(() => {
  take();
  if (current) flush();
});

/** What the browser has queued but not delivered. */
const take = () => observer && deliver(observer.takeRecords());

/** The engine's timer, to send. */
export const tick = guarded(() => flush());

/** It is time to look at what no entry tells. */
const onSample = guarded(() => {
  if (!isHidden()) sample();
  settle();
  insure(current);
});

/** A retry may be due. */
export const onRetry = guarded(look);

function sample() {
  const now = performance.now();
  const view = current;
  const { usedJSHeapSize, totalJSHeapSize, jsHeapSizeLimit } = performance.memory || {};
  if (isHidden() && now - sampledAt < SHORTEST_SAMPLE_GAP) return;
  sampledAt = now;
  if (usedJSHeapSize) hear(view, 13, 1, usedJSHeapSize, now, totalJSHeapSize, jsHeapSizeLimit);
  // One question at a time, while somebody looks; the answer is a view's own.
  if (!view.isMeasuring && !isHidden() && Math.random() < life.memory / PAGE_MEMORY_GAP) {
    view.isMeasuring = 1;
    performance.measureUserAgentSpecificMemory?.().then(
      ({ bytes }) => {
        view.isMeasuring = 0;
        if (current == view) hear(view, 13, 2, bytes, performance.now());
      },
      () => dropped('memory-rejected'),
    );
  }
}

/** The navigation record is complete. It is the document's: a route change meanwhile has closed the view it belongs to. */
const onLoad = guarded(() => {
  const view = views.find(({ opening }) => !opening);
  if (view) {
    tellNavigation(view);
    hear(view, 9);
    view.timing = { ...view.timing, ...milestones(navigationEntry()) };
    notice();
  }
  onIdle?.();
  setTimeout(flushNow, FIRST_FLUSH);
});

// All on the window in the capture phase, so that values are final before the page's own listeners run. Never `unload` or
// `beforeunload`: they keep pages out of the back/forward cache.
const EVENTS = {
  online,
  // The record is complete one task after the event.
  load: () => setTimeout(onLoad),
  pagehide: () => leave(),
  pageshow: (event) => event.persisted && onRestored(event.timeStamp),
  visibilitychange: (event) => (isHidden() ? leave(event.timeStamp) : decide(event)),
  keydown: (event) => decide(event),
  click: (event) => decide(event),
};

/** A key, a click, or shown again: the largest paint is decided. */
function decide(event) {
  if (event.isTrusted && !(current.heard & (1 << 10))) {
    take();
    hear(current, 10);
  }
}

/** The page may be gone after this. Some browsers do not hide a page before they leave it, the others say the rest right after. */
function leave(hiddenAt) {
  take();
  sample();
  if (hiddenAt) hear(current, 11, hiddenAt);
  store();
  settle();
  flush(1);
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
        hear(view, 0, performance.now());
        hear(view, 10);
        notice();
      }),
    ),
  );
  awaitInput(view);
}

/** The browser reports no first input after a restore: the first cancelable one is timed here; one that ends in a scroll is none. */
function awaitInput(view) {
  const begun = performance.now();
  const waiting = new AbortController();
  const options = { capture: 1, passive: 1, signal: waiting.signal };
  let pressed;
  const onInput = guarded(({ type, timeStamp, cancelable }) => {
    // Some browsers stamp events with the time of day.
    const now = timeStamp > 1e12 ? Date.now() : performance.now();
    const input = cancelable && [label(view, type), now - timeStamp];
    const first = type == 'pointerup' ? pressed : input && (pressed || input);
    if (type == 'pointerdown') pressed = input;
    else if (type == 'pointercancel') pressed = 0;
    else if (first) {
      waiting.abort();
      hear(view, 12, ...first, performance.now() - begun);
    }
  });
  for (const type of ['mousedown', 'keydown', 'touchstart', 'pointerdown', 'pointerup', 'pointercancel']) addEventListener(type, onInput, options);
}
