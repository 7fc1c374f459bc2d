// Scenarios 22 to 31 in Chromium: interactions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertStored } from '../comparison.js';
import { stage } from '../harness.js';
import { INPUTS } from '../scenarios/inputs.js';
import { scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

scenarios(scene, INPUTS, { abreast: 3 });

test('26 to 28 D2: of the interactions before a page goes or before it is loaded upstream lost some, ours none', () => {
  assert.equal(scene.lost.length, 4);
  assert.ok(scene.lost.some((ms) => ms > 0), `upstream lost ${scene.lost}`);
});

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
