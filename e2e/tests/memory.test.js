// Scenario 41 in Chromium: MEMORY is what the browser's own interface said in the same task, and follows the heap.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { pause, stage, until } from '../harness.js';
import { openPage } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

const INTERVAL_MS = 1_000;
const ALLOCATED_BYTES = 50_000_000;

const samples = (tab) => tab.evaluate(`told.filter(({ name }) => name === 'MEMORY').map(({ value }) => value)`);

test('41 each sample equals performance.memory of the same task, grows with the heap, and stops while hidden', async () => {
  const page = `text.html?watched=1&oracle=none&options=${encodeURIComponent(JSON.stringify({ memoryIntervalMs: INTERVAL_MS }))}`;
  const { run, window, tab } = await openPage(scene, { name: '41', page });
  await until('two samples', async () => (await samples(tab)).length >= 2);
  const before = (await samples(tab)).at(-1);
  await tab.evaluate((bytes) => void (window.kept = new Array(bytes / 8).fill(0.5)), ALLOCATED_BYTES);
  await until('the heap has grown', async () => (await samples(tab)).at(-1) >= before + ALLOCATED_BYTES * 0.9);
  await tab.hide();
  const reads = await tab.evaluate('reads');
  await pause(2 * INTERVAL_MS + 500);
  assert.deepEqual(await tab.evaluate('reads'), reads, 'not read while hidden');
  await tab.show();
  const told = await samples(tab);
  const allReads = await tab.evaluate('reads');
  for (const value of told) assert.ok(allReads.includes(value), `${value} was never read`);
  await tab.evaluate('void (kept = undefined)');
  await tab.leave();
  const view = await until('the last beacon', () => scene.pages.sink.viewsOf(run)[0]);
  assert.ok(view.vitals.MEMORY.value >= 100_000);
  assert.deepEqual(tab.errors, []);
  await window.close();
});
