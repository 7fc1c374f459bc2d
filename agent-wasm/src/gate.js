// Who is measured, and whether: options, consent, privacy signals, session and sampling are decided here, before the agent's
// engine gets anything to do. Not here: what is measured. One agent lives on a page, so its state is this module's own.

import { attempt, cut, facts } from './page.js';
import { begin, end } from './signals.js';

export const DENIED = 0;
/** Measure in memory; store and send nothing yet. */
export const PENDING = 1;
export const GRANTED = 2;

/** A visit ends after this much time without a page view, ms. */
export const IDLE = 30 * 60e3;
/** A visit never lasts longer, ms. */
export const LONGEST = 4 * 60 * 60e3;
/** A flush more often than this is a mistake in the page; timers of browsers hold 31 bits. */
const SHORTEST_INTERVAL = 1e3;
const LONGEST_INTERVAL = 2e9;
const MAX_ROUTES = 200;
const MAX_NAME_BYTES = 200;
const MAX_CUSTOM_KEYS = 10;
const KEY = 'vitalscope';

/** What was started on this page: its settings, and whether it has `begun`. */
export let life;

/** An unknown word is no consent; no word at all is the page's own decision to measure. */
export const consentOf = (word) => (typeof word != 'string' || word == 'granted' ? GRANTED : word == 'pending' ? PENDING : DENIED);

const text = (value) => (typeof value == 'string' ? cut(value, MAX_NAME_BYTES) : undefined);
const callable = (value) => typeof value == 'function' && value;
/** A number in range; what is no number or outside is the default. */
const number = (value, fallback, least, greatest) => (typeof value == 'number' && value >= least && value <= greatest ? value : fallback);

/** The page's own dimensions. */
export const custom = (context) => facts(context, MAX_CUSTOM_KEYS);

/** Settings; nothing without an app. Each option is judged on its own, so that one mistaken option does not stop the agent. */
export function read(options) {
  const o = options || {};
  if (!text(o.app)) return;
  const interval = (value, fallback) => number(value, fallback, SHORTEST_INTERVAL, LONGEST_INTERVAL);
  const signalled = o.respectPrivacySignals && (navigator.globalPrivacyControl || navigator.doNotTrack == '1');
  return {
    address: ('' + (o.endpoint || '')).replace(/\/+$/, '') + '/v1/views/' + encodeURIComponent(o.app),
    release: text(o.release),
    environment: text(o.environment),
    sampleRate: number(o.sampleRate, 1, 0, 1),
    templates: (Array.isArray(o.routes) ? o.routes : []).slice(0, MAX_ROUTES).map(text).join('\n'),
    route: callable(o.route),
    flush: interval(o.flushIntervalMs, 30e3),
    memory: interval(o.memoryIntervalMs, 10e3),
    bufferSize: number(o.bufferSize, 100, 1, 1e3),
    budgets: o.budgets || {},
    consent: signalled ? DENIED : consentOf(o.consent),
    onMeasurement: callable(o.onMeasurement),
    onBudgetViolation: callable(o.onBudgetViolation),
    beforeSend: callable(o.beforeSend),
    custom: custom(o.context),
    sendRawPath: !!o.sendRawPath,
  };
}

/** Begins, now or when consent or activation allow it. `hear` is the engine's ear; `early` what the shim has seen so far. */
export function gate(options, early, hear) {
  const settings = !life && attempt(() => read(options));
  if (!settings) return console.warn('vitalscope: not started');
  life = { ...settings, early, hear };
  if (life.sampleRate) pass();
  else close();
}

function pass() {
  if (!life || life.begun) return;
  if (!life.consent) take();
  else if (document.prerendering) document.addEventListener('prerenderingchange', pass);
  else {
    life.begun = true;
    const early = take();
    const clock = Date.now();
    const resumed = life.consent == GRANTED && attempt(() => resume(sessionStorage.getItem(KEY), clock));
    [life.session, life.since] = resumed || [randomHex(16), clock];
    store();
    if (isSampled(life.session, life.sampleRate)) begin(early);
  }
}

/** What the shim holds. It stops before the agent's own observers begin, so that no layout shift counts twice; denied, nothing is kept. */
function take() {
  const { early } = life;
  life.early = 0;
  if (early) attempt(() => early.stop());
  return early || {};
}

/** `granted` or `denied`, at once. */
export function consent(word) {
  if (!life) return;
  life.consent = consentOf(word);
  if (life.consent == DENIED) close();
  else if (life.begun) {
    store();
    life.hear(17, [life.consent == GRANTED], '', '');
  } else pass();
}

/** Ends everything. */
export function close() {
  if (life) {
    take();
    end();
    life = 0;
  }
}

/** The stored visit `[id, begun]` if it still runs. */
export function resume(stored, clock) {
  const [id, begun, seen] = stored.split(' ');
  const within = (since, limit) => clock >= +since && clock - since < limit;
  if (/^[\da-f]{16}$/.test(id) && within(seen, IDLE) && within(begun, LONGEST)) return [id, +begun];
}

/** The visit was active now. Storage may be full or forbidden: then the session lives in memory. */
export const store = () =>
  life.consent == GRANTED && attempt(() => sessionStorage.setItem(KEY, [life.session, life.since, Date.now()].join(' ')));

/** Random hex digits, unguessable where the browser has a `crypto`. */
export function randomHex(count) {
  const bytes = new Uint8Array(count / 2);
  attempt(() => crypto.getRandomValues(bytes)) || bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
}

/** A UUID, version 4; the variant's two free bits are not needed. */
export const uuid = () => randomHex(32).replace(/(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-a$4-');

/** The decision depends on the session alone, so it is the same on every page and can be checked by anyone: FNV-1a (32 bit) of the
 * id, mixed once more because the last byte hardly moves its high bits, as a fraction of its range. */
export function isSampled(id, rate) {
  let hash = 0x811c9dc5;
  for (const letter of id) hash = Math.imul(hash ^ letter.charCodeAt(), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32 < rate;
}
