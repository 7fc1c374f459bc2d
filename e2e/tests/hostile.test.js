// Anyone can send a beacon. What strangers write into routes, releases and elements is shown as text and never runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage, until } from '../harness.js';

const SCRIPT = `"><script>window.ran = true</script>`;
const IMAGE = `/<img src=x onerror="window.ran = true">`;
const LINK = 'javascript:window.ran=true';

const scene = stage();

const beacon = (changes) => JSON.stringify({
  v: 1, view: crypto.randomUUID(), seq: 0, session: SCRIPT, sent: Date.now(), start: Date.now() - 1000, path: IMAGE, route: IMAGE, release: SCRIPT, env: LINK,
  m: [{ n: 'LCP', v: 2000, a: { element: IMAGE, url: LINK } }, { n: 'INP', v: 300, a: { element: SCRIPT } }],
  ops: [{ n: SCRIPT, v: 10 }], ...changes,
});

test('hostile strings are stored as they are and shown as text on every view', async () => {
  for (let i = 0; i < 30; i++) {
    const response = await fetch(`${scene.collector.publicOrigin}/v1/views/hostile`, { method: 'POST', body: beacon() });
    assert.equal(response.status, 204);
  }
  await until('the rollups', async () => {
    const [row] = await scene.collector.query(`SELECT sum(n) AS n FROM vitalscope.rollups WHERE app = 'hostile' AND kind = 'vital'`);
    return Number(row.n) === 60;
  }, 30_000);
  const [{ release, route }] = await scene.collector.query(`SELECT any(release) AS release, any(route) AS route FROM vitalscope.measurements WHERE app = 'hostile'`);
  assert.equal(release, SCRIPT);
  const page = await (await scene.browser.newContext()).newPage();
  const problems = [];
  page.on('dialog', (dialog) => { problems.push(dialog.message()); dialog.dismiss(); });
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  const seen = new Set();
  const open = async (address) => {
    seen.add(address);
    await page.goto(address);
    await page.waitForLoadState('networkidle');
    assert.equal(await page.evaluate(() => window.ran), undefined, address);
    // What is saved is a table, not a page.
    return page.locator('a:not([download])').evaluateAll((links) => links.map((link) => link.href));
  };
  const links = await open(`${scene.collector.addresses.dashboard}/?app=hostile`);
  await until('the route as text', () => page.locator('body').innerText().then((text) => text.includes(route)));
  for (const link of links) {
    assert.ok(link.startsWith(scene.collector.privateOrigin), `a link leads to ${link}`);
    if (!seen.has(link)) await open(link);
  }
  assert.ok(seen.size >= 5, 'overview, routes, route, findings, baselines, health');
  assert.deepEqual(problems, []);
});

test('a foreign page can neither read nor write through a visitor of the dashboard', async () => {
  const page = await (await scene.browser.newContext()).newPage();
  await page.goto(`${scene.collector.publicOrigin}/demo/`);
  const outcome = await page.evaluate(async (origin) => {
    const attempt = (path, options) => fetch(`${origin}${path}`, options).then((response) => response.status, () => 'blocked');
    return [
      await attempt('/api/v1/overview'),
      await attempt('/api/v1/deploys', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"app":"demo","release":"x"}' }),
      await attempt('/api/v1/deploys', { method: 'POST', mode: 'no-cors', body: '{"app":"demo","release":"x"}' }),
    ];
  }, scene.collector.privateOrigin);
  assert.deepEqual(outcome.slice(0, 2), ['blocked', 'blocked']);
  const deploys = await scene.collector.query(`SELECT release FROM vitalscope.deploys WHERE release = 'x'`);
  assert.deepEqual(deploys, [], 'the opaque request changed nothing');
});
