// The synthetic history with known truth: imported as a user would, judged hour by hour, and nothing but the truth is found. What the
// dashboard shows of it is another test's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage } from '../harness.js';
import { seedHistory } from '../seed.js';

let seed;

const scene = stage({
  async prepare({ collector }) {
    seed = await seedHistory(collector);
  },
});

test('every series of 45 days is there, and the measurements of the last two', async () => {
  const [history] = await scene.collector.query(`SELECT uniqExact(vital) AS vitals, uniqExact(route) AS routes, dateDiff('day', min(hour), max(hour)) AS days FROM vitalscope.rollups WHERE app = 'shop' AND kind = 'vital'`);
  assert.equal(Number(history.vitals), 7);
  assert.ok(Number(history.routes) >= 6);
  assert.ok(Number(history.days) >= 44, `${history.days} days`);
  const [views] = await scene.collector.query(`SELECT uniqExact(vital) AS vitals, dateDiff('hour', min(started_at), max(started_at)) AS hours FROM vitalscope.measurements WHERE app = 'shop'`);
  assert.equal(Number(views.vitals), 7);
  assert.ok(Number(views.hours) >= 46 && Number(views.hours) <= 48, `${views.hours} hours`);
});

test('rollups that the collector made of page views continue the history', async () => {
  const [{ strata }] = await scene.collector.query(`SELECT count() AS strata FROM (SELECT route, vital, stratum, uniqExact(toDate(hour)) AS days FROM vitalscope.rollups WHERE app = 'shop' AND kind = 'vital' AND route != '*' GROUP BY route, vital, stratum HAVING sum(n) > 5000 AND (days < 44 OR max(hour) < now() - INTERVAL 6 HOUR))`);
  assert.equal(Number(strata), 0, 'no busy stratum ends or begins where the page views begin');
});

test('the known regressions are findings, and nothing else is', async () => {
  const findings = await scene.collector.query(`SELECT route, vital, direction, state, severity, change_ratio, change_low, change_high, release, p_value, change_point, baseline_p75, current_p75, recommendation FROM vitalscope.findings WHERE app = 'shop' ORDER BY route, vital`);
  const expected = [...seed.regressions].sort((a, b) => (a.route + a.vital < b.route + b.vital ? -1 : 1));
  const found = findings.map(({ route, vital, direction, release }) => ({ route, vital, direction, release }));
  assert.deepEqual(found, expected.map(({ route, vital, release }) => ({ route, vital, direction: 'regression', release })));
  for (const [index, finding] of findings.entries()) {
    const truth = expected[index];
    assert.equal(finding.state, 'confirmed');
    assert.equal(finding.severity, 'critical', 'both are 25 % and more');
    assert.ok(Math.abs(finding.change_ratio - truth.change_ratio) < 0.06, `${finding.route} ${finding.vital}: ${finding.change_ratio}, in truth ${truth.change_ratio}`);
    assert.ok(finding.change_low < finding.change_ratio && finding.change_ratio < finding.change_high);
    assert.ok(finding.p_value < 0.001);
    const onset_error_h = Math.abs(Date.parse(`${finding.change_point.replace(' ', 'T')}Z`) - Date.parse(truth.hour)) / 3_600_000;
    assert.ok(onset_error_h <= 6, `change point ${finding.change_point}, in truth ${truth.hour}`);
    assert.ok(finding.current_p75 > finding.baseline_p75);
    assert.ok(finding.recommendation.length > 20);
  }
});

test('every judged series has a baseline', async () => {
  const [row] = await scene.collector.query(`SELECT countIf(state = 'learning') AS learning, count() AS all FROM vitalscope.baselines WHERE app = 'shop' AND vital IN ('LCP', 'FCP', 'TTFB', 'CLS', 'INP') AND route != '*'`);
  assert.equal(Number(row.learning), 0);
  assert.ok(Number(row.all) >= 30);
});

test('a second evaluation changes nothing', async () => {
  const before = await scene.collector.query(`SELECT id, state, change_ratio FROM vitalscope.findings ORDER BY id`);
  await scene.collector.command('detect', '--since', seed.judge_since);
  assert.deepEqual(await scene.collector.query(`SELECT id, state, change_ratio FROM vitalscope.findings ORDER BY id`), before);
});
