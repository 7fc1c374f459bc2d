// The oracle: Google's web-vitals library and plain observers, put on the same page as the agent. It tells all it has heard in one
// message each time the page hides, by sendBeacon, which survives the end of the page. Not here: comparing.

import { readFile } from 'node:fs/promises';

const library = (name) => readFile(new URL(`./node_modules/${name}/dist/web-vitals.iife.js`, import.meta.url), 'utf8');

/**
 * The oracle as a classic script. `all`: report every change; `soft`: report soft navigations.
 * web-vitals 6 speaks as source `six` (event threshold 16) and, for INP, as `at40` too; 4.2.4, the last with FID, as `four`.
 */
export async function oracleScript({ sink, all = false, soft = false }) {
  return `(() => {
    if (!location.protocol.startsWith('http') || window.top !== window) return;
    const six = (() => { ${await library('web-vitals')}; return webVitals; })();
    const four = (() => { ${await library('web-vitals-4')}; return webVitals; })();
    const raw = (${rawObserver})();
    const message = { run: new URLSearchParams(location.search).get('run'), path: location.pathname, page: Math.random(), hides: 0, sent: 0, reports: [], raw: {} };
    (${countBeacons})(message);
    const options = (more) => ({ reportAllChanges: ${all}, reportSoftNavs: ${soft}, ...more });
    let restored = 0;
    addEventListener('pageshow', (event) => { if (event.persisted) restored = event.timeStamp; }, true);
    const hear = (source) => ({ name, value, rating, delta, id, navigationType, navigationStartTime, navigationURL }) =>
      message.reports.push({ source, name, value, rating, delta, id, navigationType, since: navigationStartTime || (navigationType === 'back-forward-cache' ? restored : 0), url: navigationURL });
    for (const name of ['FCP', 'LCP', 'CLS', 'TTFB']) six['on' + name](hear('six'), options());
    six.onINP(hear('six'), options({ durationThreshold: 16 }));
    six.onINP(hear('at40'), options({ durationThreshold: 40 }));
    four.onFID(hear('four'));
    window.oracle = Object.assign(message, { known: raw.known });
    // On the window and not capturing: all that listens to this event has had its say.
    addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'hidden') return;
      message.hides++;
      message.raw = raw();
      navigator.sendBeacon(${JSON.stringify(sink)}, JSON.stringify(message));
    });
  })();`;
}

/** Run in the page: counts what the agent hands to the browser, so that a test knows what to wait for. */
function countBeacons(message) {
  const count = (address) => String(address).includes('/v1/views/') && message.sent++;
  const { sendBeacon } = Navigator.prototype;
  const { fetch } = window;
  Navigator.prototype.sendBeacon = function (address, body) {
    const isTaken = sendBeacon.call(this, address, body);
    if (isTaken) count(address);
    return isTaken;
  };
  window.fetch = (address, options) => {
    count(address?.url ?? address);
    return fetch(address, options);
  };
}

/**
 * The raw observer, run in the page: every entry processed at once and by itself, nothing deferred, pending records taken when
 * asked. It knows one page view, no restores. Returns the asking function.
 */
function rawObserver() {
  const latencies = new Map();
  const known = { CLS: 0, taken: 0, finalised: 0, seen: 0 };
  const shift = { value: 0, first: 0, last: 0 };
  const counted = performance.interactionCount ?? 0;
  let hidden = Infinity;
  const take = {
    'layout-shift'({ startTime, value, hadRecentInput }) {
      if (hadRecentInput) return;
      const joins = shift.value && startTime - shift.last < 1000 && startTime - shift.first < 5000;
      if (!joins) Object.assign(shift, { value: 0, first: startTime });
      shift.value += value;
      shift.last = startTime;
      known.CLS = Math.max(known.CLS, shift.value);
    },
    event({ interactionId, duration }) {
      if (interactionId) latencies.set(interactionId, Math.max(latencies.get(interactionId) ?? 0, duration));
    },
    'first-input'(entry) {
      this.event(entry);
      known.FID ??= entry.processingStart - entry.startTime;
    },
    'largest-contentful-paint'({ startTime, size }) {
      known.size = size;
      if (!known.finalised && startTime < hidden) known.LCP = startTime;
    },
  };
  const each = (entries) => entries.forEach((entry) => take[entry.entryType](entry));
  const observers = Object.keys(take).filter((type) => PerformanceObserver.supportedEntryTypes.includes(type)).map((type) => {
    const observer = new PerformanceObserver((list) => each(list.getEntries()));
    observer.observe({ type, buffered: true, durationThreshold: 16 });
    return observer;
  });
  const pending = () => observers.forEach((observer) => {
    const entries = observer.takeRecords();
    known.taken += entries.length;
    each(entries);
  });
  const finalise = (event) => {
    if (!event.isTrusted || known.finalised) return;
    pending();
    known.finalised = 1;
  };
  for (const type of ['keydown', 'click']) addEventListener(type, finalise, true);
  addEventListener('visibilitychange', (event) => {
    if (document.visibilityState === 'hidden') hidden = Math.min(hidden, event.timeStamp);
    finalise(event);
  }, true);
  const ask = () => {
    pending();
    const longest = [...latencies.values()].sort((a, b) => b - a).slice(0, 10);
    const count = (performance.interactionCount ?? latencies.size) - counted;
    known.INP = longest[Math.min(longest.length - 1, Math.floor(count / 50))];
    return { ...known, seen: latencies.size, count };
  };
  // What is known by now, for tests that wait for an entry.
  ask.known = known;
  return ask;
}
