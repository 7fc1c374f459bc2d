// The scenarios in Firefox ESR, but for those that need what only Chromium has: what the browser measures is there and as the
// oracle says; what it cannot measure is absent, never zero.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertStored } from '../comparison.js';
import { launchFirefoxPlainly } from '../gecko.js';
import { stage } from '../harness.js';
import { INPUTS } from '../scenarios/inputs.js';
import { RESTORED } from '../scenarios/lifecycle.js';
import { HIDDEN_BEFORE_LOAD, LOAD } from '../scenarios/load.js';
import { scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchFirefoxPlainly });

scenarios(scene, [...LOAD, HIDDEN_BEFORE_LOAD, ...INPUTS, ...RESTORED].filter((row) => !row.isChromiumOnly));

test('the collector took every beacon and holds what was compared', () => assertStored(scene));

test('41 no layout shift score and no memory anywhere, and the browser is known', async () => {
  const rows = await scene.collector.query(`SELECT DISTINCT vital FROM vitalscope.measurements ORDER BY vital`);
  assert.deepEqual(rows.map(({ vital }) => vital), ['FCP', 'FID', 'INP', 'LCP', 'TTFB']);
  const browsers = await scene.collector.query(`SELECT DISTINCT browser FROM vitalscope.page_views`);
  assert.equal(browsers.length, 1);
  assert.match(browsers[0].browser, /^Firefox/);
});
