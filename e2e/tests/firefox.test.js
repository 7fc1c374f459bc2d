// The same page in Firefox ESR: what the browser measures is there and right, what it cannot measure is absent, never zero.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addOracle, firefoxContext, launchFirefox, stage, until } from '../harness.js';

const scene = stage({ launch: launchFirefox });

test('five vitals as the oracle says, no layout shift score and no memory', async () => {
  const context = await scene.browser.newContext(firefoxContext);
  await addOracle(context, `${scene.pages.origin}/oracle`);
  const page = await context.newPage();
  await page.goto(`${scene.pages.origin}/plain.html?release=firefox`, { waitUntil: 'load' });
  await page.waitForTimeout(800); // The agent starts after load; nothing in the page tells when.
  await page.locator('#slow').click();
  await page.waitForTimeout(1_200); // Google's library reports an interaction at the next idle moment.
  await page.goto('about:blank');
  const wanted = ['FCP', 'FID', 'INP', 'LCP', 'TTFB'];
  const found = await until('the rows', async () => {
    const rows = await scene.collector.query(`SELECT vital, value, engine FROM vitalscope.measurements WHERE release = 'firefox' ORDER BY vital`);
    return wanted.every((vital) => rows.some((row) => row.vital === vital)) && rows;
  });
  assert.deepEqual(found.map((row) => row.vital), wanted);
  const said = Object.fromEntries(scene.pages.told.map((one) => [one.name, one.value]));
  for (const { vital, value, engine } of found) {
    assert.equal(engine, 'wasm');
    assert.ok(Math.abs(value - said[vital]) <= 1, `${vital} is ${value}, the oracle says ${said[vital]}`);
  }
  const [view] = await scene.collector.query(`SELECT browser FROM vitalscope.page_views WHERE release = 'firefox'`);
  assert.match(view.browser, /^Firefox/);
  await context.close();
});
