// One engine, two homes: recorded streams go through WebAssembly in a browser and, as raw-entry beacons, through the collector's native
// build. Values and what is blamed for them must be the same to the last bit, and the same text.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, stage, until } from '../harness.js';

const scene = stage();
const recorded = join(root, 'crates/vitals/testdata');

/** The page views of a file: `{name, open, calls}`, each as far as it was recorded. */
async function streams(file) {
  const views = [];
  for (const line of (await readFile(join(recorded, file), 'utf8')).split('\n').filter(Boolean)) {
    const { open, call } = JSON.parse(line);
    if (open) views.push({ name: `${file}, view ${views.length + 1}`, open, calls: [] });
    // The agent cleans addresses before they come this far.
    if (call) views.at(-1).calls.push(call.map((each) => (typeof each === 'string' ? each.replace(/\?.*/, '') : each)));
  }
  return views;
}

/** Run in the page: the measurements of a beacon, made by the agent's own modules from wasm-pack's output. */
async function measuredInPage({ open, calls, module }) {
  const pkg = await import('/pkg/vitalscope_agent.js');
  const exports = await pkg.default();
  const { VITALS, attach, facts, value } = await import(`/pkg/${module}`);
  const view = { number: 0, numbers: open.map((number) => number ?? NaN), calls, heard: 0, dropped: 0 };
  attach(exports, [view], () => {}, 2e9, 2e9);
  const measurements = [];
  VITALS.forEach((n, vital) => {
    if (!(value(view, vital) >= 0)) return;
    const [v, a] = facts(view, vital);
    measurements.push({ n, v, a: Object.keys(a)[0] ? JSON.stringify(a, Object.keys(a).sort()) : '' });
  });
  attach(0, []);
  return JSON.stringify(measurements);
}

/** What the collector makes of the same calls. */
async function measuredByCollector({ open, calls }) {
  const view = randomUUID();
  const now = Date.now();
  const body = JSON.stringify({ v: 1, view, seq: 0, session: '8f14e45fceea167a', sent: now, start: now - 10_000, path: '/', raw: { open, calls } });
  const answer = await fetch(`${scene.collector.publicOrigin}/v1/views/e2e`, { method: 'POST', body });
  assert.equal(answer.status, 204, await answer.text());
  const rows = await until(`rows of ${view}`, async () => {
    const found = await scene.collector.query(`SELECT vital AS n, value AS v, attribution AS a, engine FROM vitalscope.measurements WHERE view_id = '${view}'`);
    return found.length > 0 && found;
  });
  const sorted = (text) => (text ? JSON.stringify(JSON.parse(text), Object.keys(JSON.parse(text)).sort()) : '');
  const order = ['FCP', 'LCP', 'CLS', 'FID', 'INP', 'TTFB', 'MEMORY'];
  assert.ok(rows.every(({ engine }) => engine === 'collector'));
  return JSON.stringify(order.flatMap((name) => rows.filter(({ n }) => n === name).map(({ n, v, a }) => ({ n, v, a: sorted(a) }))));
}

test('recorded streams give the same in the browser and in the collector', async () => {
  const packed = join(root, 'agent-wasm/pkg/snippets');
  const [folder] = await readdir(packed);
  const module = `snippets/${folder}/src/engine.js`;
  const page = await (await scene.browser.newContext()).newPage();
  await page.goto(`${scene.pages.origin}/text.html?agent=none&snippet=none&oracle=none`);
  let compared = 0;
  for (const file of await readdir(recorded)) {
    if (!file.endsWith('.jsonl')) continue;
    for (const stream of await streams(file)) {
      const native = await measuredByCollector(stream);
      assert.equal(await page.evaluate(measuredInPage, { ...stream, module }), native, stream.name);
      compared += JSON.parse(native).length;
    }
  }
  assert.ok(compared > 20, `${compared} measurements compared`);
});
