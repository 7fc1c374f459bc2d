// The optional part that keeps beacons across page loads: what leaves a page while there is no network, or while the collector does not
// answer, waits in the browser's storage and goes from a later page of the site, with the same view and sequence number, so that the
// collector counts it once however often it arrives. Bounded in number, bytes and age; what is given up is counted by reason in the next
// beacon. Nothing is stored before consent, and a refusal clears it. Without this file the agent stores no beacon.

/** Each beacon has a key of its own, so that two tabs never overwrite each other's: this, its view and its number. */
const PREFIX = 'vitalscope-offline ';
/** What was given up by pages that could not say so any more, by reason; also the lock under which one tab at a time sends. */
const DROPS = 'vitalscope-offline';
/** Beacons kept: a visit of some ten pages without a network. */
const MAX_BEACONS = 50;
/** Characters kept, of the five million that a site has for all it stores. */
const MAX_CHARACTERS = 256e3;
/** Older news are no news; dashboards are about now. */
const MAX_AGE_HOURS = 24;
/** The agent's own words for consent. */
const DENIED = 0;
const GRANTED = 2;
/** Longer than this is no answer, ms. */
const ANSWER_TIMEOUT = 10e3;
/** Answers after which another attempt may go better. */
const RETRIED = /^(0|408|425|429|5..)$/;

const isLimit = (value, least) => typeof value == 'number' && value >= least;
const limit = (value, fallback) => (isLimit(value, 0) ? value : fallback);

/** In the order in which they were made: that of the page views, and of the beacons in them. */
const byAge = (a, b) => a.beacon.start - b.beacon.start || a.beacon.seq - b.beacon.seq;

/** What is kept, oldest first: `{key, at, to, beacon, size}`. What is not ours is not touched; what cannot be read goes. */
function kept() {
  const all = [];
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(PREFIX)) continue;
    try {
      const text = localStorage[key];
      const { at, to, beacon } = JSON.parse(text);
      if (!isLimit(at, 0) || typeof to != 'string' || !beacon.view) throw 0;
      all.push({ key, at, to, beacon, size: key.length + text.length });
    } catch {
      localStorage.removeItem(key);
    }
  }
  return all.sort(byAge);
}

const sizeOf = (entries) => entries.reduce((sum, { size }) => sum + size, 0);

/** Gives up, and remembers how many: the page may be gone before it can say so. */
function giveUp(entries, reason) {
  if (!entries.length) return;
  for (const { key } of entries) localStorage.removeItem(key);
  const drops = dropsOf();
  localStorage[DROPS] = JSON.stringify({ ...drops, [reason]: (drops[reason] || 0) + entries.length });
}

function dropsOf() {
  try {
    return { ...JSON.parse(localStorage[DROPS] || '{}') };
  } catch {
    return {};
  }
}

/**
 * @param {{maxBeacons?: number, maxBytes?: number, maxAgeHours?: number}} [options]
 * @returns what the agent asks: `(life, dropped, beacon, failures)`; with a beacon, true says that it is kept.
 */
export function offline(options) {
  const maxBeacons = limit(options?.maxBeacons, MAX_BEACONS);
  const maxCharacters = limit(options?.maxBytes, MAX_CHARACTERS);
  const maxAge = limit(options?.maxAgeHours, MAX_AGE_HOURS) * 3600e3;
  let isSending;
  let isListening;

  /** A page that goes hands over its newest beacon first, so the one that has to go may be this one. */
  function keep(to, beacon) {
    const key = PREFIX + beacon.view + ' ' + beacon.seq;
    const text = JSON.stringify({ at: Date.now(), to, beacon });
    const one = { key, beacon, size: key.length + text.length };
    if (one.size > maxCharacters || maxBeacons < 1) return false;
    const all = [...kept().filter((entry) => entry.key != key), one].sort(byAge);
    let gone = 0;
    while (all.length - gone > maxBeacons || sizeOf(all.slice(gone)) > maxCharacters) gone++;
    giveUp(all.slice(0, gone), 'offline-full');
    if (all.indexOf(one) >= gone) localStorage[key] = text;
    return true;
  }

  /** Sends what was kept for this collector and app, one at a time; the first that is not answered says that there is no road yet. */
  async function send(life, dropped) {
    const isOld = ({ at }) => !(Math.abs(Date.now() - at) <= maxAge);
    giveUp(kept().filter(isOld), 'offline-old');
    const drops = dropsOf();
    for (const reason in drops) dropped(reason, drops[reason]);
    localStorage.removeItem(DROPS);
    for (const { key, to, beacon } of kept()) {
      if (to != life.address) continue;
      // Asked each time: it may be over, or another tab was quicker.
      if (life.consent != GRANTED || !localStorage[key]) return;
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(), ANSWER_TIMEOUT);
      const body = JSON.stringify({ ...beacon, sent: Date.now() });
      const { status } = await fetch(to, { method: 'POST', body, credentials: 'omit', signal: timeout.signal }).catch(() => ({ status: 0 }));
      clearTimeout(timer);
      if (RETRIED.test(status)) return;
      localStorage.removeItem(key);
      if (status >= 300) dropped('rejected-4xx');
    }
  }

  async function sendOnce(life, dropped) {
    if (isSending || life.consent != GRANTED) return;
    isSending = true;
    try {
      if (navigator.locks) await navigator.locks.request(DROPS, { ifAvailable: true }, (lock) => lock && send(life, dropped));
      else await send(life, dropped);
    } catch {
      // Storage may be forbidden: then there is nothing to send.
    }
    isSending = false;
  }

  /** After the page has loaded, in an idle moment: it is the past, the page comes first. */
  function sendSoon(life, dropped) {
    const run = () => (window.requestIdleCallback || setTimeout)(() => sendOnce(life, dropped));
    if (document.prerendering) document.addEventListener('prerenderingchange', () => sendSoon(life, dropped), { once: true });
    else if (document.readyState == 'complete') run();
    else addEventListener('load', run, { once: true });
    if (!isListening) addEventListener('online', () => sendOnce(life, dropped));
    isListening = true;
  }

  return (life, dropped, beacon, failures) => {
    // Not started yet.
    if (!life) return false;
    if (beacon) return life.consent == GRANTED && (!navigator.onLine || failures > 0) && keep(life.address, beacon);
    if (life.consent == DENIED) for (const key of Object.keys(localStorage)) (key + ' ').startsWith(PREFIX) && localStorage.removeItem(key);
    if (life.consent == GRANTED) sendSoon(life, dropped);
    return false;
  };
}
