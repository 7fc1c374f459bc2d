// Scenarios 22 to 31 in Chromium: interactions.

import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertStored } from '../comparison.js';
import { stage } from '../harness.js';
import { INPUTS } from '../scenarios/inputs.js';
import { scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

scenarios(scene, INPUTS);

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
