// What is sent and what the page is told: objects of plain JavaScript, put together from the engine's numbers and the page's
// names. Not here: when anything is sent.

import { life, uuid } from './gate.js';
import { attempt, cut, delivery, device, facts, known, milestones, round } from './page.js';

const MAX_NAME_BYTES = 200;
const MAX_PATH_BYTES = 512;
const MAX_DETAIL_KEYS = 8;
/** Longer operations are a machine that slept, ms. */
const MAX_DURATION = 600e3;

/** Why something is given up; the first four are the transport's. */
const REASONS = ['buffer-full', 'rejected-4xx', 'too-large', 'gave-up', 'out-of-range'];

/** The open view, and the one before it. */
export let views = [];
let measurements = [];
let drops = {};
let byteLength = 0;

const viewOf = (number) => views.find((view) => view.number == number);

/** An object of the engine's flat list of text and numbers. */
const objectOf = (list) => {
  const object = {};
  for (let at = 0; at < list.length; ) {
    const key = list[at++];
    const value = list[at++];
    object[key] = typeof value == 'number' ? round(value) : value;
  }
  return object;
};

/** A new page view. What the document is stays the same, the page's own dimensions go on. */
export function open(number, since, nav, route, path) {
  const [before] = views;
  const clock = Date.now() - performance.now() + since;
  const view = {
    number,
    since,
    nav,
    raw: location.pathname,
    path: life.sendRawPath ? cut(location.pathname, MAX_PATH_BYTES) : path,
    template: route,
    route: life.name || route,
    id: uuid(),
    start: Math.floor(clock),
    seq: 0,
    bytes: 0,
    ops: [],
    changed: 0,
    custom: before ? before.custom : life.custom,
    context: !before
      ? { delivery: delivery(), late: !life.observed, hidden_at_start: life.hidden[0] <= since }
      : nav == 'soft-navigation'
        ? { soft: 'route' }
        : { delivery: 'cache' },
    dropped: before ? 0 : life.dropped,
  };
  life.name = '';
  views = nav == 'back-forward-cache' ? [view] : [view, ...views.slice(0, 1)];
}

export const forget = () => {
  views = [];
  measurements = [];
  drops = {};
};

/** The open view gets another name or other dimensions. */
export const change = (facts) => Object.assign(views[0] || {}, facts, { changed: 1 });

/** The document's milestones; a route change meanwhile has closed the view they belong to. */
export const onLoaded = () => {
  const view = viewOf(0);
  if (view) view.timing = milestones();
};

/** What is new of a view beside its vitals: 0 nothing, 1 its names, 2 and more operations. */
export const news = (number) => {
  const { ops, changed } = viewOf(number);
  return ops[0] ? 2 : changed;
};

const dropped = (reason, count) => {
  if (count) drops[reason] = (drops[reason] || 0) + count;
};

/** Records an operation of the open view; whether the buffer is full now. */
export function record(tell, name, duration, errorType, at, detail) {
  const [view] = views;
  if (!view) return;
  if (!(duration >= 0 && duration <= MAX_DURATION && name)) return dropped(REASONS[4], 1);
  // Full and not flushed: nothing may be sent yet.
  if (view.ops.length >= life.bufferSize) return dropped(REASONS[0], 1);
  const { memory_bytes, input_size, ...rest } = detail || {};
  const number = (value) => (Number.isFinite(value) ? value : undefined);
  name = cut('' + name, MAX_NAME_BYTES);
  view.ops.push({
    n: name,
    v: round(duration),
    ok: typeof errorType != 'string',
    error: errorType ? cut('' + errorType, MAX_NAME_BYTES) : undefined,
    at: round(Math.max(at - view.since, 0)),
    memory_bytes: number(memory_bytes),
    input_size: number(input_size),
    detail: facts(rest, MAX_DETAIL_KEYS),
  });
  judge(tell, name, duration);
  return view.ops.length >= life.bufferSize;
}

/** Tells the page of a value over its budget. */
function judge(tell, name, value) {
  const budget = attempt(() => life.budgets[name]);
  if (typeof budget == 'number' && value > budget) tell(life.onBudgetViolation, { name, value, budget, route: views[0].route });
}

const told = ({ nav, route, id }, name, value, delta, rating, list) => ({
  name,
  value,
  delta,
  rating,
  navigationType: nav,
  route,
  view: id,
  attribution: objectOf(list),
});

/** Tells the page of a vital's new value. */
export function notice(tell, name, value, before, rating, list) {
  const delta = before >= 0 ? value - before : value;
  if (life.onMeasurement) tell(life.onMeasurement, told(views[0], name, value, delta, rating || undefined, list));
  judge(tell, name, value);
}

/** A vital of the beacon that is about to be sealed. What the page gives back may change the value, nothing else. */
export function measured(number, name, value, list) {
  if (life.beforeSend) {
    const answer = attempt(() => life.beforeSend(told(viewOf(number), name, value, value, undefined, list))) || {};
    if (!Number.isFinite((value = answer.value))) return dropped('before-send', 1);
  }
  measurements.push({ n: name, v: round(value, name == 'CLS' ? 1e8 : 1e4), a: list[0] && objectOf(list) });
}

/** The next beacon of a view: all that is known of it, its measurements absolute, so that any one that arrives is enough. */
export function seal(number, interactions, interactions_seen, main, ...counts) {
  counts.forEach((count, place) => dropped(REASONS[place], count));
  const view = viewOf(number);
  const { ops } = view;
  const beacon = {
    v: 1,
    view: view.id,
    seq: view.seq++,
    session: life.session,
    // Thirteen digits, whatever the clock will say: the length must not change.
    sent: Date.now(),
    start: view.start,
    nav: view.nav,
    path: view.path,
    route: view.route,
    release: life.release,
    env: life.environment,
    context: {
      ...device(),
      ...known({
        ...view.context,
        interactions,
        interactions_seen,
        sample_rate: life.sampleRate,
        automation: navigator.webdriver,
        timing: view.timing,
        custom: view.custom,
      }),
    },
    m: measurements,
    ops: ops[0] && ops,
    drop: drops,
    self: { main_ms: round(main), bytes: view.bytes, entries_dropped: view.dropped },
  };
  view.ops = [];
  view.changed = 0;
  measurements = [];
  drops = {};
  byteLength = new TextEncoder().encode(JSON.stringify(beacon)).length;
  view.bytes += byteLength;
  return beacon;
}

export const byteCount = () => byteLength;