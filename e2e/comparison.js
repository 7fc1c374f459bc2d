// Ours against the oracle's, view by view. Ours is what the collector would hold: the road's beacons merged, or, where the page sent
// raw entries, the collector's own rows. Not here: what a page does.

import assert from 'node:assert/strict';
import { pause, until } from './harness.js';

export const VITALS = ['FCP', 'LCP', 'CLS', 'INP', 'FID', 'TTFB'];
/** Both sides saw the same entries; the wire keeps four decimals of milliseconds, eight of a layout shift score. */
const TOLERANCE = { FCP: 0.1, LCP: 0.1, CLS: 1e-4, INP: 0.1, FID: 0.1, TTFB: 0.1 };
/** Nothing that should not be sent comes within this time. */
const QUIET_MS = 100;

/** Rows that were written together are all there after this time. */
const STORED_WITHIN_MS = 200;

/** The oracle's newest message of a run, once the page has hidden `hides` times, and all that the agent sent by then has arrived. */
export async function oracleOf(scene, run, hides, nav) {
  const { heard, sink } = scene.pages;
  const isOf = (said) => said.run === run;
  const message = await until(`the oracle speaks of ${run}`, () => heard.findLast((said) => isOf(said) && said.hides >= hides && (!nav || said.reports[0].navigationType === nav)));
  const newest = new Map(heard.filter(isOf).map((said) => [said.page, said.sent]));
  const sent_count = [...newest.values()].reduce((sum, count) => sum + count, 0);
  await until(`${sent_count} beacons of ${run}`, () => sink.deliveredOf(run).length >= sent_count);
  await pause(QUIET_MS);
  return { ...message, views: viewsHeard(message) };
}

/** Reports grouped by the page view they belong to: `[{nav, url, vitals: {LCP: {value, rating, sequence}}, at40}]`. */
function viewsHeard({ reports }) {
  const views = new Map();
  for (const { source, name, value, rating, navigationType, since, url } of reports) {
    const view = views.get(since) ?? { nav: navigationType, since, url, vitals: {}, at40: undefined };
    views.set(since, view);
    if (source === 'at40') {
      view.at40 = value;
      continue;
    }
    const sequence = view.vitals[name]?.sequence ?? [];
    view.vitals[name] = { value, rating, sequence: [...sequence, value] };
  }
  return [...views.values()].sort((a, b) => a.since - b.since);
}

/** Our page views of a run, from the road; a page view with raw entries in it is the collector's to compute. */
export function oursOf(scene, run) {
  return Promise.all(scene.pages.sink.viewsOf(run).map((view) => (view.hasRaw ? storedView(scene, view) : view)));
}

/** A page view as ClickHouse holds it, once every beacon of it has got there. */
async function storedView({ collector }, view) {
  const where = `view_id = '${view.id}'`;
  const page = await until(`${view.beacon_count} beacons of ${view.id} in ClickHouse`, async () => {
    const [row] = await collector.query(`SELECT beacons, interactions, interactions_seen FROM vitalscope.page_views WHERE ${where}`);
    return Number(row?.beacons) >= view.beacon_count && row;
  });
  // The two views are filled one after the other.
  let rows = [];
  await until(`vitals of ${view.id} in ClickHouse`, async () => {
    const before = rows.length;
    rows = await collector.query(`SELECT vital, value, engine, navigation_type, attribution FROM vitalscope.measurements WHERE ${where}`);
    await pause(STORED_WITHIN_MS);
    return rows.length > 0 && rows.length === before;
  });
  const vitals = Object.fromEntries(rows.map(({ vital, attribution, ...row }) => [vital, { ...row, attribution: JSON.parse(attribution || '{}') }]));
  const context = { ...view.context, interactions: Number(page.interactions), interactions_seen: Number(page.interactions_seen) };
  return { ...view, nav: rows[0]?.navigation_type ?? view.nav, vitals, context };
}

/**
 * Every view and vital of a run on both sides. `except` names vitals that the scenario itself compares with another oracle;
 * `within` widens a tolerance where the specification does: `{FCP: 20}`; `nav` takes page views of one navigation type only, of a
 * run that loads its page more than once. Returns both sides.
 */
export async function assertEqual(scene, run, { hides = 1, except = [], within = {}, nav } = {}) {
  const said = await oracleOf(scene, run, hides, nav);
  const ours = (await oursOf(scene, run)).filter((view) => !nav || view.nav === nav);
  assert.equal(ours.length, said.views.length, `page views: ours ${ours.map(brief).join('; ')} | oracle ${said.views.map(brief).join('; ')}`);
  for (const [index, theirs] of said.views.entries()) {
    const view = ours[index];
    assert.equal(view.nav, theirs.nav, 'navigation type');
    for (const vital of VITALS) {
      if (except.includes(vital)) continue;
      assertVital(vital, view, theirs, within[vital] ?? TOLERANCE[vital]);
      // Then thresholds of 16 and 40 must agree; browsers compare before they round to 8 ms.
      if (vital === 'INP' && theirs.vitals.INP?.value >= 48) assert.equal(theirs.at40, theirs.vitals.INP.value, 'INP at a threshold of 40');
      if (vital in theirs.vitals) scene.compared.push({ run, view: view.id, vital, rating: theirs.vitals[vital].rating, nav: theirs.nav, value: view.vitals[vital].value });
    }
  }
  return { ours, said };
}

function assertVital(vital, ours, theirs, tolerance) {
  const sides = `ours ${brief(ours)} | oracle ${brief(theirs)}`;
  assert.equal(vital in ours.vitals, vital in theirs.vitals, `${vital} is there on one side only: ${sides}`);
  if (!(vital in theirs.vitals)) return;
  const difference = Math.abs(ours.vitals[vital].value - theirs.vitals[vital].value);
  assert.ok(difference <= tolerance, `${vital} differs by ${difference}: ${sides}`);
}

export const brief = ({ nav, vitals }) => `${nav} ${Object.entries(vitals).map(([name, { value }]) => `${name} ${value}`).join(' ')}`;

/** Everything compared in this file, as ClickHouse holds it: same value, the oracle's rating, its navigation type. */
export async function assertStored(scene) {
  assert.ok(scene.compared.length > 0, 'something was compared');
  const { sink } = scene.pages;
  const key = (row) => `${row.view} ${row.vital}`;
  let problems = [];
  await until('the rows', async () => {
    const rows = await scene.collector.query(`SELECT view_id AS view, vital, value, rating, navigation_type AS nav FROM vitalscope.measurements WHERE app = 'e2e'`);
    const stored = new Map(rows.map((row) => [key(row), row]));
    problems = scene.compared.flatMap((expected) => {
      const row = stored.get(key(expected));
      const isEqual = row && Math.abs(row.value - expected.value) < 1e-9 && row.rating === expected.rating && row.nav === expected.nav;
      return isEqual ? [] : [`${JSON.stringify(expected)} is ${JSON.stringify(row)}`];
    });
    return problems.length === 0;
  }).catch(() => assert.deepEqual(problems, []));
  assert.deepEqual(sink.complaints, [], 'the collector took every beacon');
  assert.deepEqual(sink.preflights, [], 'no beacon needed a preflight');
}
