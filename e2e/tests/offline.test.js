// The agent's optional part that keeps beacons across page loads: what leaves a page without a network comes from the next one, once; it
// is bounded, what is given up is counted, and nothing is stored that the visitor did not allow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { stage, until } from '../harness.js';
import { newRun } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

const hasOperation = (name) => ({ ops }) => ops?.some(({ n }) => n === name);

/** A visitor with a storage of their own, who opens pages that have the offline part. */
async function visitor(name, { keeps = 50, options } = {}) {
  const run = newRun(name);
  const address = new URL(`${scene.pages.origin}/text.html`);
  address.search = new URLSearchParams({ run, oracle: 'none', offline: keeps, ...(options && { options: JSON.stringify(options) }) });
  const window = await scene.browser.window();
  const delivered = () => scene.pages.sink.beaconsOf(run);
  const tabs = [];
  return {
    run, delivered,
    async visit() {
      const tab = await window.open();
      tabs.push(tab);
      await tab.watchErrors();
      await tab.send('Network.enable');
      await tab.goto(address.href);
      return tab;
    },
    arrives: (what, is) => until(what, () => delivered().find(is), 20_000),
    async close() {
      assert.deepEqual(tabs.flatMap(({ errors }) => errors), []);
      await window.close();
    },
  };
}

async function network(tab, isThere) {
  await tab.send('Network.emulateNetworkConditions', { offline: !isThere, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await tab.untilPage('the page has noticed', (isThere) => navigator.onLine === isThere, isThere);
}

/** The keys of what is kept. */
const kept = (tab) => tab.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('vitalscope-offline ')));
const isEmpty = (tab) => tab.untilPage('nothing is left', () => Object.keys(localStorage).length === 0);

test('a beacon that leaves a page without a network comes from the next page, once and as it was', async () => {
  const { run, visit, delivered, arrives, close } = await visitor('offline-kept');
  const first = await visit();
  const { view } = await arrives('the early flush', () => true);
  assert.deepEqual(await kept(first), [], 'a healthy page stores nothing');
  await network(first, false);
  await first.evaluate(`vitalscope('measure', 'checkout', 123.5)`);
  await first.hide();
  assert.equal((await kept(first)).length, 1);
  // The network is emulated for a tab, and a tab that goes elsewhere has it for a moment: this one goes for ever.
  await first.close();
  assert.ok(!delivered().some(hasOperation('checkout')));
  const second = await visit();
  const late = await arrives('the kept beacon', hasOperation('checkout'));
  assert.equal(late.view, view, 'it is the page view\'s that made it');
  await isEmpty(second);
  await second.leave();
  // A third page has nothing to send of the first.
  const third = await visit();
  await until('three page views', () => scene.pages.sink.viewsOf(run).length === 3);
  await third.leave();
  assert.equal(delivered().filter(hasOperation('checkout')).length, 1);
  const known = delivered().filter((beacon) => beacon.view === view).map(({ seq }) => seq);
  assert.equal(new Set(known).size, known.length, 'no beacon came twice');
  const [row] = await until('all of it is stored', async () => {
    const rows = await scene.collector.query(`SELECT toUInt32(beacons) AS beacons FROM vitalscope.page_views WHERE release = '${run}' AND toString(view_id) = '${view}'`);
    return rows[0]?.beacons >= known.length && rows;
  });
  assert.equal(row.beacons, known.length);
  const operations = await scene.collector.query(`SELECT duration_ms FROM vitalscope.operations WHERE release = '${run}' AND name = 'checkout'`);
  assert.deepEqual(operations, [{ duration_ms: 123.5 }]);
  await close();
});

test('only the newest are kept, and the next page says how many were given up', async () => {
  const { visit, delivered, arrives, close } = await visitor('offline-full', { keeps: 3 });
  const first = await visit();
  const { view } = await arrives('the early flush', () => true);
  const late = () => delivered().filter((beacon) => beacon.view === view).slice(1);
  await network(first, false);
  await first.evaluate(() => {
    for (let i = 0; i < 5; i++) {
      window.vitalscope('measure', `operation ${i}`, i);
      window.vitalscope('flush');
    }
  });
  await first.hide();
  assert.equal((await kept(first)).length, 3);
  await first.close();
  assert.deepEqual(late(), []);
  const second = await visit();
  const { drop } = await arrives('the count', ({ drop }) => drop?.['offline-full']);
  await isEmpty(second);
  const operations = late().flatMap(({ ops = [] }) => ops.map(({ n }) => n)).sort();
  assert.equal(late().length, 3);
  assert.ok(operations.includes('operation 4'), 'the newest');
  assert.equal(operations.length + drop['offline-full'], 5, `${operations}, and the others are counted`);
  await close();
});

test('nothing is stored before consent, and a refusal clears what was', async () => {
  const { visit, delivered, close } = await visitor('offline-consent', { options: { consent: 'pending' } });
  const tab = await visit();
  await network(tab, false);
  await tab.evaluate(`vitalscope('measure', 'checkout', 1)`);
  await tab.hide();
  assert.deepEqual(await tab.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]), []);
  await tab.show();
  await tab.evaluate(`vitalscope('setConsent', 'granted')`);
  await tab.hide();
  assert.ok((await kept(tab)).length > 0, 'allowed, it is kept');
  await tab.show();
  await tab.evaluate(`vitalscope('setConsent', 'denied')`);
  assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage)), []);
  await network(tab, true);
  await tab.leave();
  assert.deepEqual(delivered(), []);
  await close();
});

test('the collector took every beacon that reached it', () => {
  assert.deepEqual(scene.pages.sink.complaints, []);
  assert.deepEqual(scene.pages.sink.preflights, []);
});
