// Scenarios 1 to 13 in Chromium: TTFB, FCP and LCP of pages that load in every way that matters.

import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertStored } from '../comparison.js';
import { stage } from '../harness.js';
import { LOAD } from '../scenarios/load.js';
import { scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

scenarios(scene, LOAD, { abreast: 3 });

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
