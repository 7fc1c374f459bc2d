// What the agent reads from the page. Nothing here decides anything, and nothing here throws.

const MAX_TEXT = 256;

/** Runs something that browsers may forbid, or that the page does wrong. */
export const attempt = (run) => {
  try {
    return run();
  } catch {}
};

/** At most `max` characters; what is no Unicode becomes U+FFFD, which is dropped where it was cut. */
export const cut = (text, max) => text.slice(0, max).replace(/\p{Cs}$/u, '').replace(/\p{Cs}/gu, '\ufffd');

/** Six decimals, as the engine rounds. */
export const round = (value) => Math.round(value * 1e6) / 1e6;

/** What is known of an object: neither empty, nor false, nor no number. */
export const known = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value || value === 0));

/** At most `max` flat facts of an object; nothing when there are none. Nothing nested gets through. */
export const flat = (object, max) => {
  const facts = Object.entries(object || {})
    .filter(([, value]) => typeof value == 'string' || typeof value == 'boolean' || Number.isFinite(value))
    .slice(0, max)
    .map(([key, value]) => [cut(key, MAX_TEXT), typeof value == 'string' ? cut(value, MAX_TEXT) : value]);
  return facts[0] && Object.fromEntries(facts);
};

export const supports = (type) => PerformanceObserver.supportedEntryTypes.includes(type);

export const isHidden = () => document.hidden;

/** The document's record. */
export const navigationEntry = () => performance.getEntriesByType('navigation')[0] || {};

/** What stays the same for a document, for the beacon's context; what is unknown is left out. */
export function device() {
  const { connection } = navigator;
  return {
    // The shorter side tells a tablet from a phone.
    device: !matchMedia('(pointer:coarse)').matches ? 'desktop' : Math.min(screen.width, screen.height) < 600 ? 'mobile' : 'tablet',
    connection: connection?.effectiveType,
    rtt_ms: connection?.rtt,
    cores: navigator.hardwareConcurrency,
    memory_gb: navigator.deviceMemory,
    width: innerWidth,
    height: innerHeight,
    referrer: attempt(() => new URL(document.referrer).hostname),
    automation: navigator.webdriver,
  };
}

/** `network` or `cache`: where the document came from. */
export const delivery = (n) => (n.transferSize ? 'network' : n.decodedBodySize ? 'cache' : '');

/** Milestones of the navigation, as browsers call them; the collector has names of its own. */
const MILESTONES =
  'domainLookupStart domainLookupEnd connectStart secureConnectionStart connectEnd workerStart requestStart firstInterimResponseStart finalResponseHeadersStart responseEnd domInteractive domContentLoadedEventEnd loadEventEnd'.split(' ');
const MAX_SERVER_TIMINGS = 8;

/** The milestones that were reached, ms since the activation, and what the server said of its own time. */
export function milestones(n) {
  const timing = {};
  for (const name of MILESTONES) if (n[name] > 0) timing[name] = round(Math.max(n[name] - (n.activationStart || 0), 0));
  for (const { name, duration } of (n.serverTiming || []).slice(0, MAX_SERVER_TIMINGS)) timing['server_' + cut(name, 40) + '_ms'] = duration;
  return timing;
}

/** When the document became hidden, where the browser remembers. */
export const hiddenTimes = () =>
  performance
    .getEntriesByType('visibility-state')
    .filter((entry) => entry.name == 'hidden')
    .map((entry) => entry.startTime);
