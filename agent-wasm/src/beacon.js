// What is sent and what the page is told: objects of plain JavaScript, put together from the engine's numbers and the page's names.
// A beacon says every value that was not acknowledged yet, absolute, under a sequence number of its view. Not here: when and how
// anything is sent.

import { LIMITS, MAX_SENT, VITALS, facts, value, wasm } from './engine.js';
import { life, note } from './gate.js';
import { dropped, judge, takeDrops, tell } from './operations.js';
import { attempt, device, known, round } from './page.js';
import { current } from './views.js';

const RATINGS = ['good', 'needs-improvement', 'poor'];

const measurement = (view, vital, value, delta, attribution) => ({
  name: VITALS[vital],
  value,
  delta,
  rating: RATINGS[LIMITS[vital]?.filter((limit) => limit < value).length],
  navigationType: view.nav,
  route: view.route,
  view: view.id,
  attribution,
});

/** The values of a view's vitals as of now. Behind them the engine has its counts of interactions. */
const valuesOf = (view) => VITALS.map((_, vital) => value(view, vital));

/** Tells the page of new values of the open view. */
export function notice() {
  const view = current;
  if (!view || !wasm || !(life.onMeasurement || life.debug || Object.keys(life.budgets)[0])) return;
  const told = view.told || [];
  view.told = valuesOf(view);
  view.told.forEach((value, vital) => {
    if (!(value >= 0) || value === told[vital]) return;
    const change = measurement(view, vital, value, value - (told[vital] > 0 && told[vital]), facts(view, vital)[1]);
    note('measured', change);
    tell(life.onMeasurement, change);
    judge(VITALS[vital], value);
  });
}

/** The measurements of a view that were not acknowledged; `beforeSend` may change a value or keep it back, nothing else. */
function measurements(view) {
  const all = [];
  valuesOf(view).forEach((value, vital) => {
    if (value < 0 && !view.isOdd) dropped('out-of-range', (view.isOdd = 1));
    if (!(value >= 0)) return;
    let [sent, blame] = facts(view, vital);
    // What cannot be called keeps nothing back.
    if (life.beforeSend?.call) {
      const kept = attempt(() => life.beforeSend(measurement(view, vital, sent, sent, blame)));
      if (!Number.isFinite((sent = kept?.value))) return dropped('before-send');
    }
    if (view.acked[VITALS[vital]] !== sent) all.push({ n: VITALS[vital], v: sent, a: blame });
  });
  return all;
}

/** What changes when there is something new to say of a view: its values or, without WebAssembly, how many entries there were; what it
 * loaded and how busy it was. */
const stateOf = (view) => [wasm ? valuesOf(view) : view.calls.filter(([kind]) => kind < 6).length, view.resources?.count, view.busy.long_tasks].join();

/** Whether a view has anything new since its last beacon. */
export const hasNews = (view) => view.ops[0] || view.isChanged || stateOf(view) != view.sealed;

/** The next beacon of a view. `withOperations`: also what counts only once. */
export function seal(view, withOperations) {
  const news = (name) => view.acked[name] !== view[name] && view[name];
  const beacon = known({
    v: 1,
    view: view.id,
    seq: view.seq++,
    session: life.session,
    // Thirteen digits, whatever the clock will say: the length must not change.
    sent: withOperations ? Date.now() : 0,
    start: view.start,
    nav: view.nav != 'navigate' && view.nav,
    path: view.path,
    route: view.route != view.path && view.route,
    release: life.release,
    env: life.environment,
    context: known({
      ...device(),
      ...view.context,
      ...view.busy,
      interactions: value(view, 7),
      interactions_seen: value(view, 8),
      sample_rate: life.sampleRate < 1 && life.sampleRate,
      timing: news('timing'),
      resources: news('resources'),
      custom: view.custom,
    }),
    self: known({ main_ms: round(view.mainMs), bytes: view.bytes, entries_dropped: view.dropped }),
    m: wasm && measurements(view),
    raw: !wasm && { open: view.numbers, calls: view.calls.slice(0, MAX_SENT) },
  });
  if (withOperations) {
    view.sealed = stateOf(view);
    beacon.ops = view.ops[0] && view.ops;
    view.ops = [];
    view.opsBytes = view.isChanged = 0;
    beacon.drop = takeDrops();
  }
  return beacon;
}
