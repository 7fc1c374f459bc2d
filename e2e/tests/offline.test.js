// The agent's optional part that keeps beacons across page loads: what leaves a page without a network comes from the next one, once; it
// is bounded, what is given up is counted, and nothing is stored that the visitor did not allow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { stage, until } from '../harness.js';
import { newRun } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

const hasOperation = (name) => ({ ops }) => ops?.some(({ n }) => n === name);

/** A visitor with a storage of their own, on a page that has the offline part. */
async function visitor(name, { keeps = 50, options } = {}) {
  const run = newRun(name);
  const address = new URL(`${scene.pages.origin}/text.html`);
  address.search = new URLSearchParams({ run, oracle: 'none', offline: keeps, ...(options && { options: JSON.stringify(options) }) });
  const window = await scene.browser.window();
  const tab = await window.open();
  await tab.watchErrors();
  await tab.send('Network.enable');
  const delivered = () => scene.pages.sink.beaconsOf(run);
  return {
    run, tab, delivered,
    visit: () => tab.goto(address.href),
    arrives: (what, is) => until(what, () => delivered().find(is), 20_000),
    async network(isThere) {
      await tab.send('Network.emulateNetworkConditions', { offline: !isThere, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
      await tab.untilPage('the page has noticed', (isThere) => navigator.onLine === isThere, isThere);
    },
    kept: () => tab.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('vitalscope-offline '))),
    async close() {
      assert.deepEqual(tab.errors, []);
      await window.close();
    },
  };
}

test('a beacon that leaves a page without a network comes from the next page, once and as it was', async () => {
  const { run, tab, visit, delivered, arrives, network, kept, close } = await visitor('offline-kept');
  await visit();
  const { view } = await arrives('the early flush', () => true);
  assert.deepEqual(await kept(), [], 'a healthy page stores nothing');
  await network(false);
  await tab.evaluate(`vitalscope('measure', 'checkout', 123.5)`);
  await tab.leave();
  assert.ok(!delivered().some(hasOperation('checkout')));
  await network(true);
  await visit();
  const late = await arrives('the kept beacon', hasOperation('checkout'));
  assert.equal(late.view, view, 'it is the page view\'s that made it');
  await tab.untilPage('nothing is left', () => Object.keys(localStorage).length === 0);
  // A third page has nothing to send of the first.
  await tab.leave();
  await visit();
  await until('three page views', () => scene.pages.sink.viewsOf(run).length === 3);
  await tab.leave();
  assert.equal(delivered().filter(hasOperation('checkout')).length, 1);
  const known = delivered().filter((beacon) => beacon.view === view).map(({ seq }) => seq);
  assert.equal(new Set(known).size, known.length, 'no beacon came twice');
  const stored = await until('all of it is stored', async () => {
    const rows = await scene.collector.query(`SELECT toUInt32(beacons) AS beacons FROM vitalscope.page_views WHERE release = '${run}' AND toString(view_id) = '${view}'`);
    return rows[0]?.beacons === known.length && rows;
  });
  assert.equal(stored.length, 1);
  const operations = await scene.collector.query(`SELECT duration_ms FROM vitalscope.operations WHERE release = '${run}' AND name = 'checkout'`);
  assert.deepEqual(operations, [{ duration_ms: 123.5 }]);
  await close();
});

test('only the newest are kept, and the next page says how many were given up', async () => {
  const { tab, visit, delivered, arrives, network, close } = await visitor('offline-full', { keeps: 3 });
  await visit();
  const { view } = await arrives('the early flush', () => true);
  await network(false);
  const before = delivered().length;
  await tab.evaluate(() => {
    for (let i = 0; i < 5; i++) {
      window.vitalscope('measure', `operation ${i}`, i);
      window.vitalscope('flush');
    }
  });
  await tab.leave();
  assert.equal(delivered().length, before);
  await network(true);
  await visit();
  await arrives('the newest', hasOperation('operation 4'));
  const { drop } = await arrives('the count', ({ drop }) => drop?.['offline-full']);
  const late = delivered().slice(before).filter((beacon) => beacon.view === view);
  const operations = late.flatMap(({ ops = [] }) => ops.map(({ n }) => n)).sort();
  await tab.untilPage('nothing is left', () => Object.keys(localStorage).length === 0);
  assert.equal(delivered().filter((beacon) => beacon.view === view).length - before, 3);
  assert.equal(operations.length + drop['offline-full'], 5, `${operations}, and the others are counted`);
  await close();
});

test('nothing is stored before consent, and a refusal clears what was', async () => {
  const { tab, visit, delivered, network, kept, close } = await visitor('offline-consent', { options: { consent: 'pending' } });
  await visit();
  await network(false);
  await tab.evaluate(`vitalscope('measure', 'checkout', 1)`);
  await tab.hide();
  assert.deepEqual(await tab.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]), []);
  await tab.show();
  await tab.evaluate(`vitalscope('setConsent', 'granted')`);
  await tab.hide();
  assert.ok((await kept()).length > 0, 'allowed, it is kept');
  await tab.show();
  await tab.evaluate(`vitalscope('setConsent', 'denied')`);
  assert.deepEqual(await tab.evaluate(() => Object.keys(localStorage)), []);
  await network(true);
  await tab.leave();
  assert.deepEqual(delivered(), []);
  await close();
});

test('the collector took every beacon that reached it', () => {
  assert.deepEqual(scene.pages.sink.complaints, []);
  assert.deepEqual(scene.pages.sink.preflights, []);
});
