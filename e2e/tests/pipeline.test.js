// A person clicks through the demo shop; what ClickHouse holds afterwards is compared with Google's library on the same pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addOracle, stage, until } from '../harness.js';

const ALL = ['CLS', 'FCP', 'FID', 'INP', 'LCP', 'MEMORY', 'TTFB'];
/** Google's library reports an interaction at the next idle moment, at the latest after one second. */
const ORACLE_SETTLES_MS = 1_200;
/** The promise: leaving a page puts its rows into ClickHouse within this time. */
const VISIBLE_WITHIN_MS = 5_000;

const scene = stage();

/** Opens `url`, waits for the page to load (and for `settled`, if given), clicks `selector` like a person, waits for the oracle. */
async function visit(page, url, selector, settled) {
  await page.goto(url, { waitUntil: 'load' });
  if (settled) await page.waitForSelector(settled);
  await page.locator(selector).first().hover();
  await page.waitForTimeout(300); // The first input of a headless Chromium needs the pointer to rest.
  await page.locator(selector).first().click();
  await page.waitForTimeout(ORACLE_SETTLES_MS);
}

/** The page's rows as `{LCP: row, …}` once every vital in `vitals` is there. */
async function rows(where, vitals, timeout_ms = VISIBLE_WITHIN_MS) {
  let found = [];
  try {
    await until(`rows of ${where}`, async () => {
      found = await scene.collector.query(`SELECT vital, value, rating, navigation_type, engine, route, path, release, view_id FROM vitalscope.measurements WHERE ${where}`);
      return vitals.every((vital) => found.some((row) => row.vital === vital));
    }, timeout_ms);
  } catch (error) {
    throw new Error(`${error.message}; there: ${found.map((row) => row.vital).join(' ')}; missing: ${vitals.filter((vital) => !found.some((row) => row.vital === vital)).join(' ')}`);
  }
  return Object.fromEntries(found.map((row) => [row.vital, row]));
}

/** The oracle's last word on a page of its own `path`, as `{LCP: {value, rating, navigationType}, …}`. */
async function oracle(path) {
  const { reports } = await until(`the oracle speaks of ${path}`, () => scene.pages.heard.findLast((said) => said.path === path));
  return Object.fromEntries(reports.filter(({ source }) => source !== 'at40').map((said) => [said.name, said]));
}

function assertEqualToOracle(ours, said, path) {
  for (const vital of ['FCP', 'LCP', 'CLS', 'INP', 'TTFB', 'FID']) {
    assert.equal(vital in ours, vital in said, `${path}: ${vital} is there on one side only`);
    if (!(vital in said)) continue;
    const tolerance = vital === 'CLS' ? 1e-4 : 1;
    const difference = Math.abs(ours[vital].value - said[vital].value);
    assert.ok(difference <= tolerance, `${path}: ${vital} is ${ours[vital].value}, the oracle says ${said[vital].value}`);
    assert.equal(ours[vital].rating, said[vital].rating, `${path}: rating of ${vital}`);
    assert.equal(ours[vital].navigation_type, said[vital].navigationType, `${path}: navigation type`);
  }
}

test('list, product and cart of the demo shop: every vital as the oracle measured it, computed in the page', async () => {
  const context = await scene.browser.newContext();
  await addOracle(context, scene.pages);
  const page = await context.newPage();
  const demo = scene.collector.addresses.demo;
  const visits = [[`${demo}/`, '/demo'], [`${demo}/product/3`, '/demo/product/:id'], [`${demo}/cart`, '/demo/cart']];
  for (const [url] of visits) await visit(page, url, 'h1');
  await page.goto('about:blank');
  const left = Date.now();
  for (const [url, route] of visits) {
    const ours = await rows(`app = 'demo' AND route = '${route}'`, ALL, Math.max(VISIBLE_WITHIN_MS - (Date.now() - left), 1));
    const path = new URL(url).pathname;
    assertEqualToOracle(ours, await oracle(path), path);
    for (const row of Object.values(ours)) {
      assert.equal(row.engine, 'wasm');
      assert.equal(row.path, route, 'identifiers never leave the page');
    }
    assert.equal(new Set(Object.values(ours).map((row) => row.view_id)).size, 1, 'one page view');
  }
  const [view] = await scene.collector.query(`SELECT * FROM vitalscope.page_views WHERE app = 'demo' AND route = '/demo/cart'`);
  assert.equal(view.device, 'desktop');
  assert.match(view.browser, /^(Headless)?Chrom/);
  assert.ok(view.session_id);
  assert.equal(Number(view.interactions), 1);
  await context.close();
});

test('anyone with curl may count vitals, and all seven are there', async () => {
  const counted = await scene.collector.query('SELECT vital, count() AS n FROM vitalscope.measurements GROUP BY vital ORDER BY vital');
  assert.deepEqual(counted.map((row) => row.vital), ALL);
});

test('the slow release delays its image, shifts its layout and blocks its click, and the rows show it', async () => {
  const context = await scene.browser.newContext();
  await addOracle(context, scene.pages);
  const page = await context.newPage();
  scene.pages.heard.length = 0;
  await visit(page, `${scene.collector.addresses.demo}/product/3?release=slow`, '[data-action="add-to-cart"]');
  await page.goto('about:blank');
  const slow = await rows(`app = 'demo' AND release = 'slow'`, ALL);
  assertEqualToOracle(slow, await oracle('/demo/product/3'), 'slow product');
  const fast = await rows(`app = 'demo' AND release != 'slow' AND route = '/demo/product/:id'`, ALL);
  assert.ok(slow.LCP.value > fast.LCP.value + 500, `LCP ${slow.LCP.value} against ${fast.LCP.value}`);
  assert.ok(slow.CLS.value > 0.05 && slow.CLS.value > fast.CLS.value, `CLS ${slow.CLS.value} against ${fast.CLS.value}`);
  assert.ok(slow.INP.value >= 200, `INP ${slow.INP.value}`);
  await context.close();
});

test('the script tag alone, from another origin: the agent\'s own observers give all seven vitals', async () => {
  const context = await scene.browser.newContext();
  await addOracle(context, scene.pages);
  const page = await context.newPage();
  await visit(page, `${scene.pages.origin}/plain.html?release=tag`, '#slow', '[data-settled]');
  await page.goto('about:blank');
  const ours = await rows(`app = 'e2e' AND release = 'tag'`, ALL);
  assertEqualToOracle(ours, await oracle('/plain.html'), 'plain.html');
  assert.ok(ours.CLS.value > 0, 'the paragraph moved');
  assert.ok(ours.INP.value >= 150, 'the click was blocked');
  assert.ok(ours.MEMORY.value > 100_000, 'bytes');
  await context.close();
});

test('an agent that comes late inherits what the snippet saw', async () => {
  const context = await scene.browser.newContext();
  await addOracle(context, scene.pages);
  const page = await context.newPage();
  await visit(page, `${scene.pages.origin}/early.html?release=late-agent`, '#slow');
  // 70 ms is under the browser's own buffering threshold of 104: only the snippet has seen this interaction.
  await until('the agent has loaded', () => page.evaluate(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/agent.js') && entry.responseEnd > 0)));
  await page.waitForTimeout(ORACLE_SETTLES_MS);
  await page.goto('about:blank');
  const ours = await rows(`app = 'e2e' AND release = 'late-agent'`, ALL);
  assertEqualToOracle(ours, await oracle('/early.html'), 'early.html');
  assert.ok(ours.INP.value >= 64 && ours.INP.value < 104, `INP ${ours.INP.value}`);
  await context.close();
});

test('an agent that begins because the page hides still says all that is known', async () => {
  const context = await scene.browser.newContext();
  const page = await context.newPage();
  await page.goto(`${scene.pages.origin}/early.html?release=at-exit`, { waitUntil: 'load' });
  await until('the agent has loaded', () => page.evaluate(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/agent.js') && entry.responseEnd > 0)));
  await page.goto('about:blank');
  const ours = await rows(`app = 'e2e' AND release = 'at-exit'`, ['CLS', 'FCP', 'LCP', 'MEMORY', 'TTFB']);
  assert.ok(ours.TTFB.value > 0);
  await context.close();
});
