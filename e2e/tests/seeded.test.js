// The synthetic history with known truth: imported as a user would, judged hour by hour, and nothing but the truth is found;
// the dashboard shows it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { here, root, stage, until } from '../harness.js';

const run = promisify(execFile);
/** Screenshots of every run, for people to look at. */
const artifacts = join(here, 'artifacts');

let seed;

const scene = stage({
  async prepare({ collector }) {
    const folder = await mkdtemp(join(tmpdir(), 'vitalscope-seed-'));
    const file = join(folder, 'seed.ndjson');
    const { stdout } = await run('cargo', ['xtask', 'seed', file], { cwd: root });
    seed = JSON.parse(stdout);
    await collector.command('import', file);
    await collector.command('detect', '--since', seed.judge_since);
    await rm(folder, { recursive: true });
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
  const [{ strata }] = await scene.collector.query(`SELECT count() AS strata FROM (SELECT route, vital, stratum, uniqExact(toDate(hour)) AS days FROM vitalscope.rollups WHERE app = 'shop' AND route != '*' GROUP BY route, vital, stratum HAVING sum(n) > 5000 AND (days < 44 OR max(hour) < now() - INTERVAL 6 HOUR))`);
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

for (const [theme, width, height] of [['light', 1440, 1000], ['dark', 1440, 1000], ['light', 390, 844], ['dark', 390, 844]]) {
  test(`the dashboard shows route, vital, size and release of each (${theme}, ${width} px)`, async () => {
    const context = await scene.browser.newContext({ colorScheme: theme, viewport: { width, height } });
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => new URL(request.url()).origin !== scene.collector.privateOrigin && problems.push(`asked ${request.url()}`));
    await page.goto(`${scene.collector.addresses.dashboard}/?app=shop`);
    for (const { route, vital, release } of seed.regressions) {
      const text = await until(`a finding on ${route}`, () => page.locator('body').innerText().then((text) => text.includes(route) && text.includes(release) && text));
      assert.ok(text.includes(vital));
      assert.match(text, /\+\s?\d\d\s?%/);
    }
    await mkdir(artifacts, { recursive: true });
    await page.screenshot({ path: join(artifacts, `dashboard-${theme}-${width}.png`), fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    assert.deepEqual(problems, []);
    await context.close();
  });
}
