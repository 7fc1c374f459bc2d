// What happens to beacons on a bad road: nothing is lost, nothing counts twice, and the page never notices.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage, until } from '../harness.js';

const scene = stage();

/** A page whose errors count as failures of the test. */
async function openPage(url, prepare = () => {}) {
  const context = await scene.browser.newContext();
  await context.addInitScript(prepare);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(url, { waitUntil: 'load' });
  return { page, errors, close: () => context.close() };
}

for (const fault of ['busy', 'lost-answer']) {
  test(`a beacon that meets "${fault}" is sent again and counts once`, async () => {
    scene.pages.sink.delivered.length = 0;
    scene.pages.sink.faults.push(fault, fault);
    const { page, errors, close } = await openPage(`${scene.pages.origin}/road.html?endpoint=road&release=${fault}`);
    await page.evaluate(() => vitalscope('measure', 'checkout', 123.5));
    await until('the beacon passed on its third try', () => scene.pages.sink.delivered.filter((one) => one.fault === 'none').length >= 1, 20_000);
    const [first, second, third] = scene.pages.sink.delivered;
    assert.deepEqual([first.fault, second.fault, third.fault], [fault, fault, 'none']);
    const { sent: _1, ...before } = first.beacon;
    const { sent: _2, ...again } = third.beacon;
    assert.deepEqual(again, before, 'the same content under the same seq, only `sent` is new');
    await page.goto('about:blank');
    const [count] = await until('the operation is stored', async () => {
      const rows = await scene.collector.query(`SELECT count() AS n, any(duration_ms) AS duration_ms FROM vitalscope.operations WHERE release = '${fault}' AND name = 'checkout'`);
      return Number(rows[0].n) > 0 && rows;
    });
    assert.equal(Number(count.n), 1);
    assert.equal(count.duration_ms, 123.5);
    const doubled = await scene.collector.query(`SELECT vital, count() AS n FROM vitalscope.measurements WHERE release = '${fault}' GROUP BY vital HAVING n > 1`);
    assert.deepEqual(doubled, []);
    assert.deepEqual(errors, []);
    await close();
  });
}

test('a dead endpoint is met with silence and bounded memory', async () => {
  const { page, errors, close } = await openPage(`${scene.pages.origin}/road.html?endpoint=dead&release=dead`);
  await page.evaluate(() => {
    for (let i = 0; i < 20_000; i++) vitalscope('measure', `operation ${i % 50}`, i % 100);
    vitalscope('flush');
  });
  const before = await page.evaluate(() => performance.memory.usedJSHeapSize);
  await page.evaluate(() => {
    for (let i = 0; i < 20_000; i++) vitalscope('measure', `operation ${i % 50}`, i % 100);
  });
  const grown = (await page.evaluate(() => performance.memory.usedJSHeapSize)) - before;
  assert.ok(grown < 8_000_000, `the heap grew by ${grown} bytes`);
  assert.deepEqual(errors, []);
  await close();
});

for (const [missing, prepare] of [
  ['PerformanceObserver', () => { delete window.PerformanceObserver; }],
  ['WebAssembly', () => { delete window.WebAssembly; }],
  ['sendBeacon', () => { delete Navigator.prototype.sendBeacon; }],
  ['sessionStorage', () => { Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('denied', 'SecurityError'); } }); }],
]) {
  test(`a page without ${missing} sees no exception`, async () => {
    const { page, errors, close } = await openPage(`${scene.pages.origin}/plain.html?release=without-${missing}`, prepare);
    await page.locator('#slow').click();
    await page.waitForTimeout(1_500); // Nothing is expected to happen: this is the time in which it would.
    await page.goto('about:blank');
    assert.deepEqual(errors, []);
    if (missing === 'sendBeacon' || missing === 'sessionStorage') {
      await until('its vitals arrive all the same', async () => {
        const [row] = await scene.collector.query(`SELECT uniqExact(vital) AS n FROM vitalscope.measurements WHERE release = 'without-${missing}'`);
        return Number(row.n) === 7;
      });
    }
    await close();
  });
}
