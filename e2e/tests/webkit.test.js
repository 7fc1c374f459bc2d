// WebKitGTK, which has no event timing and no largest contentful paint: the agent sends what the engine can see, as the oracle says,
// and the page sees no exception.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertEqual, assertStored } from '../comparison.js';
import { pause, stage, until } from '../harness.js';
import { newRun } from '../scenarios/run.js';
import { launchWebKit, missingForWebKit } from '../webkit.js';

const missing = await missingForWebKit();
if (missing) console.error(`skipped: ${missing}`);
const skip = missing ?? false;

const scene = missing ? {} : stage({ launch: launchWebKit });

test('FCP and TTFB as the oracle says, the others absent, no exception in the page', { skip }, async () => {
  const run = newRun('webkit');
  const { browser } = scene;
  await browser.goto(`${scene.pages.origin}/text.html?run=${run}`);
  await until('the oracle reports', () => browser.evaluate(`['FCP', 'TTFB'].every((wanted) => oracle.reports.some(({ name }) => name === wanted))`));
  await browser.click('#title');
  await pause(500);
  await browser.evaluate(`vitalscope('measure', 'checkout', 12.5), vitalscope('setRoute', '/webkit')`);
  assert.deepEqual(await browser.evaluate('problems'), []);
  await browser.goto('about:blank');
  const { ours } = await assertEqual(scene, run);
  const { LCP, CLS, INP, MEMORY } = ours[0].vitals;
  assert.deepEqual({ LCP, CLS, INP, MEMORY }, { LCP: undefined, CLS: undefined, INP: undefined, MEMORY: undefined }, 'absent, never zero');
  assert.ok(scene.pages.sink.beaconsOf(run).some(({ ops = [] }) => ops.some(({ n }) => n === 'checkout')));
});

test('the collector took every beacon and holds what was compared', { skip }, () => assertStored(scene));
