// What the agent reads from the page. Nothing here decides anything, and nothing here throws.

const MAX_TEXT_BYTES = 256;

/** Runs something that browsers may forbid, or that the page does wrong. */
export const attempt = (run) => {
  try {
    return run();
  } catch {}
};

/** At most `max` bytes of UTF-8, cut at a character; what is no Unicode becomes U+FFFD. */
export const cut = (text, max) =>
  /^[ -~]*$/.test(text)
    ? text.slice(0, max)
    : new TextDecoder().decode(new TextEncoder().encode(text).slice(0, max)).replace(/\ufffd+$/, '');

/** Numbers keep four decimals (0.1 µs), layout shift scores eight: both finer than any browser's clock or layout. */
export const round = (value, scale = 1e4) => Math.round(value * scale) / scale;

/** What a browser has told. */
export const known = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value || value === 0));

/** At most `max` flat facts of an object; nothing when there are none. Nothing nested gets through. */
export const facts = (object, max) => {
  const flat = Object.entries(object || {})
    .filter(([, value]) => typeof value == 'string' || typeof value == 'boolean' || Number.isFinite(value))
    .slice(0, max)
    .map(([key, value]) => [cut(key, MAX_TEXT_BYTES), typeof value == 'string' ? cut(value, MAX_TEXT_BYTES) : value]);
  return flat[0] && Object.fromEntries(flat);
};

export const supports = (type) => attempt(() => PerformanceObserver.supportedEntryTypes.includes(type));

export const hasInteractionIds = () => attempt(() => 'interactionId' in PerformanceEventTiming.prototype);

/** What stays the same for a document, for the beacon's context; what is unknown is left out. */
export function device() {
  const { connection, hardwareConcurrency: cores, deviceMemory: memory_gb } = navigator;
  const { effectiveType, rtt } = connection || {};
  // The shorter side tells a tablet from a phone.
  const touch = matchMedia('(pointer:coarse)').matches && Math.min(screen.width, screen.height);
  const device = touch ? (touch < 600 ? 'mobile' : 'tablet') : 'desktop';
  const referrer = attempt(() => new URL(document.referrer).hostname);
  return known({ device, connection: effectiveType, rtt_ms: rtt, cores, memory_gb, width: innerWidth, height: innerHeight, referrer });
}

const record = () => performance.getEntriesByType('navigation')[0] || {};

/** [type, activation, worker, fetch, DNS, connect, connected, first byte] of the navigation; the type by its place among the beacon's. */
export const navigation = () => {
  const n = record();
  return [
    ['navigate', 'reload', 'back_forward', '', 'prerender'].indexOf(n.type),
    n.activationStart || 0,
    n.workerStart,
    n.fetchStart,
    n.domainLookupStart,
    n.connectStart,
    n.connectEnd,
    n.responseStart,
  ];
};

/** `network` or `cache`: where the document came from. */
export const delivery = () => (record().transferSize ? 'network' : record().decodedBodySize ? 'cache' : '');

const MILESTONES = {
  dns_start: 'domainLookupStart',
  dns_end: 'domainLookupEnd',
  connect_start: 'connectStart',
  tls_start: 'secureConnectionStart',
  connect_end: 'connectEnd',
  request: 'requestStart',
  response_end: 'responseEnd',
  dom_interactive: 'domInteractive',
  dom_content_loaded: 'domContentLoadedEventEnd',
  load: 'loadEventEnd',
};

/** The navigation's milestones that were reached, ms since the activation. */
export function milestones() {
  const n = record();
  const timing = {};
  for (const name in MILESTONES) {
    const at = n[MILESTONES[name]];
    if (at > 0) timing[name + '_ms'] = round(Math.max(at - (n.activationStart || 0), 0));
  }
  return timing;
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
  return entry ? [entry.requestStart || entry.startTime, entry.responseEnd] : [];
}

export const heapBytes = () => (performance.memory || {}).usedJSHeapSize;
export const isHidden = () => document.visibilityState == 'hidden';
