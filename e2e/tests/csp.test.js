// Scenario 40 in Chromium: a policy under which WebAssembly does not compile. The page sends raw entries, the collector computes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertStored } from '../comparison.js';
import { stage } from '../harness.js';
import { painted } from '../scenarios/expectations.js';
import { play } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

const computedByCollector = ({ ours }) => {
  for (const [vital, { engine }] of Object.entries(ours[0].vitals)) assert.equal(engine, 'collector', vital);
};

for (const row of [
  {
    name: '40 WebAssembly forbidden, two clicks: the collector computes what the oracle says',
    page: 'inputs.html?strict=1&click=60,120',
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await assert.rejects(tab.evaluate('WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))'), /unsafe-eval/);
      await tab.click('#b0');
      await tab.click('#b1');
    },
    check: computedByCollector,
  },
  {
    name: '40 WebAssembly forbidden, three shift windows: the collector computes what the oracle says',
    page: 'shifts.html?strict=1',
    act: async (tab) => {
      await painted(tab);
      await tab.evaluate('shiftAt([[0, 8], [1100, 200], [2200, 8]])');
    },
    check: computedByCollector,
  },
]) test(row.name, () => play(scene, row));

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
