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

export const supports = (type) => attempt(() => PerformanceObserver.supportedEntryTypes.includes(type));

export const isHidden = () => document.hidden;

/** The document's record. */
export const navigationEntry = () => performance.getEntriesByType('navigation')[0] || {};

/** What stays the same for a document, for the beacon's context; what is unknown is left out. */
export function device() {
  const { connection, hardwareConcurrency: cores, deviceMemory: memory_gb, webdriver: automation } = navigator;
  const { effectiveType, rtt } = connection || {};
  // The shorter side tells a tablet from a phone.
  const touch = matchMedia('(pointer:coarse)').matches && Math.min(screen.width, screen.height);
  return {
    device: touch ? (touch < 600 ? 'mobile' : 'tablet') : 'desktop',
    connection: effectiveType,
    rtt_ms: rtt,
    cores,
    memory_gb,
    width: innerWidth,
    height: innerHeight,
    referrer: attempt(() => new URL(document.referrer).hostname),
    automation,
  };
}

/** `network` or `cache`: where the document came from. */
export const delivery = (n) => (n.transferSize ? 'network' : n.decodedBodySize ? 'cache' : '');

/** Milestones of the navigation by their names on the wire, each with `_ms`. */
const MILESTONES = {
  dns_start: 'domainLookupStart',
  dns_end: 'domainLookupEnd',
  connect_start: 'connectStart',
  tls_start: 'secureConnectionStart',
  connect_end: 'connectEnd',
  worker_start: 'workerStart',
  request: 'requestStart',
  interim_response: 'firstInterimResponseStart',
  final_response: 'finalResponseHeadersStart',
  response_end: 'responseEnd',
  dom_interactive: 'domInteractive',
  dom_content_loaded: 'domContentLoadedEventEnd',
  load: 'loadEventEnd',
};
const MAX_SERVER_TIMINGS = 8;

/** The milestones that were reached, ms since the activation, and what the server said of its own time. */
export function milestones(n) {
  const timing = {};
  for (const name in MILESTONES) {
    const at = n[MILESTONES[name]];
    if (at > 0) timing[name + '_ms'] = round(Math.max(at - (n.activationStart || 0), 0));
  }
  for (const { name, duration } of (n.serverTiming || []).slice(0, MAX_SERVER_TIMINGS)) timing['server_' + cut(name, 40) + '_ms'] = duration;
  return timing;
}

/** When the document became hidden, where the browser remembers. */
export const hiddenTimes = () =>
  performance
    .getEntriesByType('visibility-state')
    .filter((entry) => entry.name == 'hidden')
    .map((entry) => entry.startTime);
