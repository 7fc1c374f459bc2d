// Scenario 39 in Chromium: a long visit with thousands of clicks. The agent's memory and listeners stay what they were, and its
// values are the oracle's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertEqual, assertStored } from '../comparison.js';
import { pause, stage } from '../harness.js';
import { ORACLE_SETTLES_MS, openPage } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

const REAL_CLICKS = 500;
const SYNTHETIC_CLICKS = 5_000;
const MOST_GROWTH_BYTES = 200_000;
/** The first clicks compile code and fill tables that then stay. */
const WARM_UP_CLICKS = 30;

/** More than a bounded snippet keeps; there is one a frame at most. */
const SHIFTS_BEFORE_AGENT = 540;

/** Clicks of a person, as fast as the page takes them; every `slowEvery`th on the slow button. */
async function realClicks(tab, count, slowEvery = Infinity) {
  const places = [await tab.hover('#b0'), await tab.middleOf('#b1')];
  for (let done = 1; done <= count; done++) await tab.clickQuickly(places[done % slowEvery === 0 ? 1 : 0], 1);
}

const syntheticClicks = (tab, count) => tab.evaluate((count) => { for (let done = 0; done < count; done++) document.querySelector('#b0').click(); }, count);

/** Bytes that JavaScript and WebAssembly hold after a garbage collection, and listeners. */
async function footprint(tab) {
  await pause(300); // The browser delivers its last entries.
  for (let times = 0; times < 3; times++) await tab.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize = 0 } = await tab.send('Runtime.getHeapUsage');
  const { jsEventListeners, nodes } = await tab.send('Memory.getDOMCounters');
  return { bytes: usedSize + backingStorageSize, listeners: jsEventListeners, nodes };
}

test('39 5000 clicks by script and 500 real ones: heap and listeners stay', async (t) => {
  const { window, tab } = await openPage(scene, { name: '39', page: 'inputs.html?click=0,0&quiet=1&oracle=none' });
  await realClicks(tab, WARM_UP_CLICKS);
  await syntheticClicks(tab, WARM_UP_CLICKS);
  await pause(2_000); // The early flush is over.
  const before = await footprint(tab);
  await syntheticClicks(tab, SYNTHETIC_CLICKS);
  await realClicks(tab, REAL_CLICKS);
  const after = await footprint(tab);
  t.diagnostic(`the heap grew by ${after.bytes - before.bytes} bytes`);
  assert.ok(after.bytes - before.bytes < MOST_GROWTH_BYTES, `the heap grew by ${after.bytes - before.bytes} bytes`);
  assert.equal(after.listeners, before.listeners);
  assert.deepEqual(tab.errors, []);
  await window.close();
});

test('39 500 real clicks, ten of them slow: the tenth longest counts, as the oracle says', async () => {
  const { run, window, tab } = await openPage(scene, { name: '39', page: 'inputs.html?click=0,60' });
  await syntheticClicks(tab, SYNTHETIC_CLICKS);
  await realClicks(tab, REAL_CLICKS, REAL_CLICKS / 10);
  await pause(ORACLE_SETTLES_MS);
  await tab.leave();
  const { ours, said } = await assertEqual(scene, run);
  assert.equal(ours[0].vitals.INP.value, said.raw.INP);
  assert.ok(ours[0].vitals.INP.value >= 48, `INP ${ours[0].vitals.INP.value}`);
  assert.equal(ours[0].context.interactions, REAL_CLICKS);
  await window.close();
});

test('39 hundreds of layout shifts before the agent comes: no other vital suffers, as the oracle says that was there from the start', async () => {
  const { run, window, tab } = await openPage(scene, { name: '39', page: 'inputs.html?click=150&agent=late' });
  await tab.evaluate(async (count) => {
    for (let frame = 0; frame < count; frame++) {
      await new Promise(requestAnimationFrame);
      document.querySelector('#title').style.marginTop = `${frame % 2 ? 40 : 20}px`;
    }
  }, SHIFTS_BEFORE_AGENT);
  await tab.click('#b0');
  await tab.evaluate('loadLate()');
  await pause(ORACLE_SETTLES_MS);
  await tab.leave();
  await assertEqual(scene, run, { except: ['CLS'] });
  assert.ok(scene.pages.sink.beaconsOf(run).at(-1).self.entries_dropped > 0, 'what the snippet could not keep is counted');
  await window.close();
});

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
