// What the agent reads from the page in one go: each function gathers many properties and answers with one flat array, which is
// smaller and faster than a crossing for each. Nothing here decides anything, and nothing here throws.

const nothing = undefined;

/** Runs something that browsers may forbid. */
const attempt = (run) => {
  try {
    return run();
  } catch {}
};

export const page = () => (typeof window == 'object' ? window : nothing);

export const supports = (type) => !!attempt(() => PerformanceObserver.supportedEntryTypes.includes(type));

export const hasInteractionIds = () => !!attempt(() => 'interactionId' in PerformanceEventTiming.prototype);

/** Registers; whether it worked. 16 ms is the least duration browsers report events at: their default hides most interactions. */
export const observe = (observer, type, buffered) =>
  !!attempt(() => (observer.observe({ type, buffered, durationThreshold: 16 }), 1));

/** [device, connection, round trip, cores, memory, width, height, referrer, driven by a program, discarded before] */
export function device() {
  const { connection, hardwareConcurrency, deviceMemory, webdriver } = navigator;
  const { effectiveType, rtt } = connection || {};
  // The shorter side tells a tablet from a phone.
  const touch = matchMedia('(pointer:coarse)').matches && Math.min(screen.width, screen.height);
  const kind = touch ? (touch < 600 ? 'mobile' : 'tablet') : 'desktop';
  const referrer = (attempt(() => new URL(document.referrer)) || {}).hostname;
  return [kind, effectiveType, rtt, hardwareConcurrency, deviceMemory, innerWidth, innerHeight, referrer, webdriver, document.wasDiscarded];
}

/** The navigation record: [type, activation, worker, fetch, DNS, connect, connected, first byte, delivery, milestones], or nothing. */
export function navigation() {
  const n = performance.getEntriesByType('navigation')[0];
  if (n) {
    const delivery = n.transferSize ? 'network' : n.decodedBodySize ? 'cache' : '';
    const milestones = {
      dns_start_ms: n.domainLookupStart,
      dns_end_ms: n.domainLookupEnd,
      connect_start_ms: n.connectStart,
      tls_start_ms: n.secureConnectionStart,
      connect_end_ms: n.connectEnd,
      request_ms: n.requestStart,
      response_end_ms: n.responseEnd,
      dom_interactive_ms: n.domInteractive,
      dom_content_loaded_ms: n.domContentLoadedEventEnd,
      load_ms: n.loadEventEnd,
    };
    return [
      n.type.replace('_', '-'),
      n.activationStart || 0,
      n.workerStart,
      n.fetchStart,
      n.domainLookupStart,
      n.connectStart,
      n.connectEnd,
      n.responseStart,
      delivery,
      milestones,
    ];
  }
}

/** When the document became hidden, where the browser remembers. */
export const hiddenTimes = () =>
  performance
    .getEntriesByType('visibility-state')
    .filter((entry) => entry.name == 'hidden')
    .map((entry) => entry.startTime);

/** How an image was loaded, [request, end], by the last request for it that began before it was painted. */
export function resource(url, painted) {
  const entry = url && performance.getEntriesByName(url).filter((each) => each.startTime <= painted).pop();
  return entry ? [entry.requestStart || entry.startTime, entry.responseEnd] : nothing;
}

export const heapBytes = () => (performance.memory || {}).usedJSHeapSize;
export const interactionCount = () => performance.interactionCount;
export const path = () => location.pathname;

/** Random hex digits, unguessable where the browser has a `crypto`. */
export function randomHex(count) {
  const bytes = new Uint8Array(count / 2);
  attempt(() => crypto.getRandomValues(bytes)) || bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
}

/** A UUID, version 4; the variant's two free bits are not needed. */
export const uuid = () => randomHex(32).replace(/(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-a$4-');

export const isHidden = () => document.visibilityState == 'hidden';
export const isPrerendering = () => !!document.prerendering;
export const isLoaded = () => document.readyState == 'complete';

const KEY = 'vitalscope';

/** The stored session: [id, begun, last seen], or nothing. */
export const stored = () =>
  attempt(() => {
    const [id, begun, seen] = sessionStorage.getItem(KEY).split(' ');
    return [id, +begun, +seen];
  });

/** Storage may be full or forbidden: then the session lives in memory. */
export const store = (id, begun, seen) => attempt(() => sessionStorage.setItem(KEY, [id, begun, seen].join(' ')));

/** Do Not Track or Global Privacy Control. */
export const hasPrivacySignal = () => !!navigator.globalPrivacyControl || navigator.doNotTrack == '1';

/** Posts; gives `settle` the status (0: no answer) and how long to wait by `Retry-After`, in seconds or as a date. */
export function post(address, body, keepalive, settle) {
  const options = { method: 'POST', body, keepalive, credentials: 'omit' };
  attempt(() =>
    fetch(address, options).then(
      (response) => {
        const after = response.headers.get('retry-after');
        settle(response.status, after ? after * 1000 || Date.parse(after) - Date.now() || 0 : 0);
      },
      () => settle(0, 0),
    ),
  ) || settle(0, 0);
}

/** The flat facts of an object: [key, value, key, value, ...], at most `max` of them. */
export const facts = (object, max) =>
  Object.entries(object || {})
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, max)
    .flat();

/** Calls the page; what it throws is its own affair. */
export const call = (callback, argument) => attempt(() => callback(argument));
