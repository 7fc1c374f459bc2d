// Who is measured, and whether: options, consent, privacy signals, visit and sampling are decided here, before the engine gets
// anything to do. Not here: what is measured. One agent lives on a page, so its state is this module's own.

import { KEY, isSampled, uuid, visit } from './identity.js';
import { attempt, cut, flat } from './page.js';
import { begin, end, flushNow } from './signals.js';
import { consult } from './delivery.js';

const DENIED = 0;
/** Measure in memory; store and send nothing yet. */
export const PENDING = 1;
export const GRANTED = 2;

/** A flush more often than this is a mistake in the page; timers of browsers hold 31 bits. */
const SHORTEST_INTERVAL = 1e3;
const LONGEST_INTERVAL = 2e9;
const MAX_ROUTES = 200;
const MAX_NAME_BYTES = 200;
const MAX_CUSTOM_KEYS = 10;

/** What was started on this page: its settings, and whether it has `begun`. */
export let life;

/** An unknown word is no consent; no word at all is the page's own decision to measure. */
export const consentOf = (word) => (typeof word != 'string' || word == 'granted' ? GRANTED : word == 'pending' ? PENDING : DENIED);

const text = (value) => (typeof value == 'string' ? cut(value, MAX_NAME_BYTES) : undefined);
/** A number in range; what is no number or outside is the default. */
const number = (value, fallback, least, greatest) => (Math.max(least, Math.min(value, greatest)) === value ? value : fallback);

/** An address as the timeline names it, so that our own requests are known there; one that no URL can be stays what it is. */
const absolute = (address) => attempt(() => new URL(address, document.baseURI).href) || address;

/** The page's own dimensions. */
export const custom = (context) => flat(context, MAX_CUSTOM_KEYS);

/** Settings; nothing without an app. Each option is judged on its own, so that one mistaken option does not stop the agent. */
export function read(options) {
  const o = options || {};
  if (!text(o.app)) return;
  const interval = (value, fallback) => number(value, fallback, SHORTEST_INTERVAL, LONGEST_INTERVAL);
  const settings = {
    ...o,
    address: absolute(('' + (o.endpoint || '')).replace(/\/+$/, '') + '/v1/views/' + encodeURIComponent(o.app)),
    release: text(o.release),
    environment: text(o.environment),
    sampleRate: number(o.sampleRate, 1, 0, 1),
    templates: [o.routes].flat().slice(0, MAX_ROUTES).map(text).filter(Boolean),
    flush: interval(o.flushIntervalMs, 30e3),
    memory: interval(o.memoryIntervalMs, 10e3),
    bufferSize: number(o.bufferSize, 100, 1, 1e3),
    budgets: o.budgets || {},
    consent: o.respectPrivacySignals && (navigator.globalPrivacyControl || navigator.doNotTrack == '1') ? DENIED : consentOf(o.consent),
    custom: custom(o.context),
  };
  return settings;
}

/** In debug mode, says what is kept, sent and refused, and why. */
export const note = (...facts) => life && life.debug && console.debug('vitalscope', ...facts);

let early;
let bringEngine;

/** What the shim has seen so far, and what brings the engine when there is something to measure. */
export function arrive(shim, engine) {
  early = shim;
  bringEngine = engine;
}

/** The same where wasm-pack's module has brought the engine before. */
export const arriveWith = (shim, exports) => arrive(shim, (engage) => engage(exports));

/** Begins, now or when consent or activation allow it. */
export function start(_, options) {
  if (life) return;
  const settings = attempt(() => read(options));
  if (!settings) return console.warn('vitalscope: not started');
  life = settings;
  consult();
  if (life.sampleRate) pass();
  else close();
}

function pass() {
  if (!life || life.begun) return;
  if (!life.consent) take();
  else if (document.prerendering) document.addEventListener('prerenderingchange', pass);
  else {
    life.begun = 1;
    const seen = take();
    seen.view ||= attempt(uuid) || '';
    [life.session, life.since] = visit(life.consent == GRANTED && attempt(() => sessionStorage[KEY]), seen.view, Date.now());
    store();
    if (isSampled(life.session, life.sampleRate)) {
      begin(seen, bringEngine);
    } else note('not sampled');
  }
}

/** What the shim holds. It stops before the agent's own observers begin, so that no layout shift counts twice; denied, nothing is kept. */
function take() {
  const seen = early || {};
  early = 0;
  attempt(seen.stop);
  return seen;
}

/** `granted` or `denied`, at once. */
export function setConsent(_, word) {
  if (!life) return;
  life.consent = consentOf(word);
  consult();
  if (!life.consent) close();
  else if (life.begun) {
    store();
    flushNow();
  } else pass();
}

/** Ends everything. */
export function close() {
  if (!life) return;
  take();
  end();
  life = 0;
}

/** The visit was active now. Storage may be full or forbidden: then the visit lives in memory. */
export const store = () =>
  life.consent == GRANTED && attempt(() => (sessionStorage[KEY] = [life.session, life.since, Date.now()].join(' ')));
