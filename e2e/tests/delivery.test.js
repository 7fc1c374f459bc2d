// How beacons get to the collector: on a bad road nothing is lost and nothing counts twice; what must not be sent is not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { launchChromiumPlainly } from '../chromium.js';
import { pause, stage, until } from '../harness.js';
import { loaded } from '../scenarios/expectations.js';
import { newRun } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

/** Longer than the early flush of a page takes to come. */
const EARLY_FLUSH_MS = 2_500;

/** A page without the oracle whose release meets `faults`; `close` asserts that the page saw no exception. */
async function open({ name, path = 'text.html', query = {}, options = {}, faults = [] }) {
  const run = newRun(name);
  scene.pages.sink.faults[run] = faults;
  const address = new URL(`${scene.pages.origin}/${path}`);
  address.search = new URLSearchParams({ run, oracle: 'none', options: JSON.stringify(options), ...query });
  const window = await scene.browser.window();
  const tab = await window.open();
  await tab.watchErrors();
  await tab.goto(address.href);
  const delivered = () => scene.pages.sink.deliveredOf(run);
  return {
    run, window, tab, delivered,
    arrives: (what, is) => until(what, () => delivered().find(is), 20_000),
    async close() {
      assert.deepEqual(tab.errors, []);
      await window.close();
    },
  };
}

const hasOperation = (name) => ({ beacon }) => beacon.ops?.some(({ n }) => n === name);
const withoutTime = ({ beacon: { sent: _, ...rest } }) => rest;
const clean = ({ fault }) => fault === 'none';

// Each page has a window and a release of its own, and mostly waits: some of them at a time.
describe('delivery', { concurrency: 4 }, () => {
  for (const fault of ['busy', 'lost-answer']) {
    test(`a beacon that meets "${fault}" twice is sent again under the same seq with the same content, and counts once`, async () => {
      const { run, tab, delivered, arrives, close } = await open({ name: fault, faults: [fault, fault] });
      await tab.evaluate(`vitalscope('measure', 'checkout', 123.5)`);
      await arrives('the beacon passes on its third try', clean);
      const [first, second, third] = delivered();
      assert.deepEqual([first.fault, second.fault, third.fault], [fault, fault, 'none']);
      assert.deepEqual(withoutTime(second), withoutTime(first));
      assert.deepEqual(withoutTime(third), withoutTime(first));
      assert.ok(third.beacon.sent > first.beacon.sent, '`sent` is the time of the attempt');
      if (fault === 'busy') assert.ok(second.at - first.at >= 1_000, `Retry-After is honoured: ${second.at - first.at} ms`);
      await tab.leave();
      const [{ n, ms }] = await until('the operation is stored', async () => {
        const rows = await scene.collector.query(`SELECT count() AS n, any(duration_ms) AS ms FROM vitalscope.operations WHERE release = '${run}' AND name = 'checkout'`);
        return Number(rows[0].n) > 0 && rows;
      });
      assert.deepEqual([Number(n), ms], [1, 123.5]);
      assert.deepEqual(await scene.collector.query(`SELECT vital FROM vitalscope.measurements WHERE release = '${run}' GROUP BY vital HAVING count() > 1`), []);
      await close();
    });
  }

  test('a beacon that is too large is split: every operation arrives once', async () => {
    const { run, tab, arrives, delivered, close } = await open({ name: '413', faults: ['too-large'] });
    await tab.evaluate(() => { for (let i = 0; i < 20; i++) window.vitalscope('measure', `operation ${i}`, i, { text: 'x'.repeat(200) }); });
    await arrives('the refused beacon', ({ fault }) => fault === 'too-large');
    const names = () => delivered().filter(clean).flatMap(({ beacon }) => beacon.ops ?? []).map(({ n }) => n).sort();
    await until('every operation', () => names().length >= 20).catch(() => {});
    await tab.leave();
    assert.deepEqual(names(), Array.from({ length: 20 }, (_, i) => `operation ${i}`).sort(), `of ${run}`);
    await close();
  });

  for (const [fault, status] of [['unknown-app', 401], ['foreign-origin', 403]]) {
    test(`after an answer of ${status} the page sends nothing more`, async () => {
      const { tab, arrives, delivered, close } = await open({ name: `${status}`, faults: [fault] });
      await arrives('the refused beacon', () => true);
      await pause(100); // The answer is on its way to the page.
      await tab.evaluate(`vitalscope('measure', 'checkout', 10), vitalscope('flush')`);
      await pause(300);
      await tab.leave();
      await pause(300);
      assert.equal(delivered().length, 1);
      await close();
    });
  }

  test('a beacon that is refused as malformed is dropped, and the next one says so', async () => {
    const { tab, arrives, delivered, close } = await open({ name: '400', faults: ['malformed'] });
    await tab.evaluate(`vitalscope('measure', 'lost', 10)`);
    await arrives('the refused beacon', () => true);
    await pause(100);
    await tab.evaluate(`vitalscope('measure', 'later', 10), vitalscope('flush')`);
    const { beacon } = await arrives('the next beacon', hasOperation('later'));
    assert.equal(beacon.drop['rejected-4xx'], 1);
    assert.ok(!delivered().filter(clean).some(hasOperation('lost')), 'not sent again');
    await close();
  });

  test('offline beacons wait, and go when the network is back', async () => {
    const { tab, arrives, delivered, close } = await open({ name: 'offline' });
    await arrives('the early flush', clean);
    const network = (offline) => tab.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await tab.send('Network.enable');
    await network(true);
    await tab.untilPage('the page is offline', () => !navigator.onLine);
    const before = delivered().length;
    await tab.evaluate(`vitalscope('measure', 'checkout', 10), vitalscope('flush')`);
    await pause(1_000);
    assert.equal(delivered().length, before);
    await network(false);
    await arrives('the waiting beacon', hasOperation('checkout'));
    assert.equal(delivered().filter(hasOperation('checkout')).length, 1);
    await close();
  });

  test('where sendBeacon refuses, the last beacon goes by a fetch that outlives the page', async () => {
    const { run, tab, arrives, close } = await open({ name: 'refuses', query: { refuses: '1' } });
    await arrives('the early flush', clean);
    await tab.evaluate(`vitalscope('measure', 'checkout', 10)`);
    await tab.leave();
    const { type } = await arrives('the last beacon', hasOperation('checkout'));
    assert.match(type, /^(text\/plain.*)?$/, 'nothing that needs a preflight');
    const vitals = Object.keys(scene.pages.sink.viewsOf(run)[0].vitals);
    for (const vital of ['FCP', 'LCP', 'TTFB', 'CLS']) assert.ok(vitals.includes(vital), vital);
    await close();
  });

  test('a tab that is closed right after its load has FCP, LCP and TTFB all the same', async () => {
    const { run, tab, arrives, window } = await open({ name: 'closed' });
    await tab.untilPage('content is painted', () => performance.getEntriesByName('first-contentful-paint').length > 0);
    await loaded(tab);
    await tab.close();
    await arrives('the last beacon', clean);
    const [view] = scene.pages.sink.viewsOf(run);
    for (const vital of ['FCP', 'LCP', 'TTFB']) assert.ok(vital in view.vitals, `${vital} of ${Object.keys(view.vitals)}`);
    await window.close();
  });

  test('while consent is pending or denied, or no session is sampled, nothing is sent and nothing stored', async () => {
    await Promise.all([{ consent: 'pending' }, { consent: 'denied' }, { sampleRate: 0 }].map(async (options) => {
      const what = JSON.stringify(options);
      const { tab, delivered, close } = await open({ name: 'silent', options });
      await tab.click('#title');
      await tab.evaluate(`vitalscope('measure', 'checkout', 10), vitalscope('flush')`);
      await pause(EARLY_FLUSH_MS); // The early flush would have come by now.
      assert.equal(await tab.evaluate('sessionStorage.length + localStorage.length + document.cookie.length'), 0, what);
      await tab.leave();
      await pause(300);
      assert.deepEqual(delivered(), [], what);
      await close();
    }));
  });

  test('no query string, fragment, or identifier of the path leaves the page', async () => {
    const path = 'user/8271934/order/550e8400-e29b-41d4-a716-446655440000/text.html';
    const { tab, delivered, arrives, close } = await open({ name: 'private', path, query: { token: 'SECRET1' } });
    await tab.evaluate(`location.hash = 'SECRET2', addHero()`);
    await tab.evaluate(`hero.src = '/photo.bmp?key=SECRET3', hero.decode()`);
    await tab.click('#title');
    await arrives('the early flush', clean);
    await tab.leave();
    await pause(300);
    // The next page is told where people came from: by host alone.
    for (const { text, url } of delivered()) {
      for (const secret of ['SECRET', '8271934', '550e8400', 'token', '?']) {
        // The query that names the packing is the agent's own.
        assert.ok(!text.includes(secret) && !url.replace('?enc=gzip', '').includes(secret), `${secret} in ${url} ${text}`);
      }
    }
    assert.equal(delivered()[0].beacon.path, '/user/:id/order/:id/text.html');
    await close();
  });

  test('a busy page view costs few requests, and none of them a preflight', async () => {
    const { run, tab, delivered, arrives, close } = await open({ name: 'few' });
    await tab.evaluate('void addHero()');
    for (let clicks = 0; clicks < 10; clicks++) await tab.click('#title');
    await tab.evaluate(() => { for (let i = 0; i < 40; i++) window.vitalscope('measure', `operation ${i % 5}`, i); });
    await arrives('the early flush', clean);
    await pause(1_000);
    await tab.hide();
    await tab.show();
    await tab.leave();
    await pause(300);
    assert.equal(scene.pages.sink.viewsOf(run).length, 1);
    assert.ok(delivered().length <= 4, `${delivered().length} requests`);
    assert.ok(delivered().reduce((sum, { text }) => sum + text.length, 0) < 16_000, 'bytes');
    await close();
  });
});

test('a packed beacon is understood by the collector as by the road', async () => {
  const run = newRun('packed');
  const beacon = { v: 1, view: crypto.randomUUID(), seq: 0, sent: Date.now(), start: Date.now() - 1_000, nav: 'navigate', path: '/packed', release: run, m: [{ n: 'LCP', v: 1_234 }] };
  const response = await fetch(`${scene.pages.roadOrigin}/road/v1/views/e2e?enc=gzip`, { method: 'POST', body: gzipSync(JSON.stringify(beacon)) });
  assert.equal(response.status, 204);
  assert.equal(scene.pages.sink.viewsOf(run)[0].vitals.LCP.value, 1_234);
  const [row] = await until('its row', async () => {
    const rows = await scene.collector.query(`SELECT value FROM vitalscope.measurements WHERE release = '${run}'`);
    return rows.length > 0 && rows;
  });
  assert.equal(row.value, 1_234);
});

test('the collector took every beacon that reached it, and no beacon needed a preflight', () => {
  assert.deepEqual(scene.pages.sink.complaints, []);
  assert.deepEqual(scene.pages.sink.preflights, []);
});
