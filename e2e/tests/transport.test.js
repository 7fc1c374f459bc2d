// Where there is no road or a browser lacks what the agent needs: the page never notices. Bad roads are in `delivery.test.js`.

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
