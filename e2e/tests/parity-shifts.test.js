// Scenarios 14 to 21 in Chromium: layout shifts.

import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertStored } from '../comparison.js';
import { stage } from '../harness.js';
import { SHIFTS } from '../scenarios/shifts.js';
import { scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

scenarios(scene, SHIFTS, { abreast: 3 });

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
