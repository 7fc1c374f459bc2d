// What a reader asks for is in the address: filters, search, order, page. All of it works by keyboard, and every table can be saved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage, until } from '../harness.js';

const ROUTES = 60;
const LONG = `release-${'x'.repeat(150)}`;

const scene = stage({ prepare });

/** Letters only: what looks like a number would be taken for an identifier. */
const name = (number) => `/page${String.fromCharCode(97 + Math.floor(number / 26), 97 + (number % 26))}`;

/** Two page views on each of 60 routes: one mobile of an old release, one desktop of a long-named new one. */
async function prepare({ collector }) {
  const view = (number, device) => ({
    v: 1, view: crypto.randomUUID(), seq: 0, session: crypto.randomUUID().replaceAll('-', '').slice(0, 16), sent: Date.now(), start: Date.now() - 1000,
    path: name(number), route: name(number), release: device === 'mobile' ? '1.0' : LONG, env: 'production', context: { device, connection: '4g' },
    m: [{ n: 'LCP', v: device === 'mobile' ? 4200 : 1200 }],
  });
  const lines = Array.from({ length: ROUTES }, (_, number) => ['mobile', 'desktop'].map((device) => JSON.stringify(view(number, device)))).flat();
  const response = await fetch(`${collector.publicOrigin}/v1/views/shop`, { method: 'POST', body: lines.join('\n') });
  assert.ok(response.ok, `${response.status}`);
  await until('the page views in the overview', async () => {
    const answer = await fetch(`${collector.privateOrigin}/api/v1/overview?app=shop&range=24h`);
    return answer.ok && (await answer.json()).page_view_count === 2 * ROUTES;
  }, 60_000);
}

async function open(path, options = {}) {
  const context = await scene.browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
  await page.goto(`${scene.collector.privateOrigin}/${path}`);
  return page;
}

const rows = (page) => page.locator('table.routes tbody tr').count();
const asked = (page) => Object.fromEntries(new URL(page.url()).searchParams);

test('a filter is chosen, shown, kept in the address and taken back', async () => {
  const page = await open('?view=routes&app=shop&environment=production');
  await page.locator('table.routes').waitFor();
  await page.locator('#more-summary').focus();
  await page.keyboard.press('Enter');
  await page.locator('#filter-device').selectOption('mobile');
  await page.getByRole('link', { name: 'Remove the filter Device: Mobile' }).waitFor();
  assert.equal(asked(page).device, 'mobile');
  await until('the mobile p75', async () => (await page.locator('table.routes tbody').innerText()).includes('4.'));
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#more').getAttribute('open'), null);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'more-summary');
  // A link to another page takes the filter along; the browser's way back ends it.
  await page.getByRole('link', { name: 'Overview' }).click();
  await until('the overview of mobile visitors', () => page.locator('.page-head').innerText().then((text) => text.includes(`${ROUTES} page views`)));
  assert.equal(asked(page).device, 'mobile');
  await page.goBack();
  await page.goBack();
  await until('no filter', async () => (await page.locator('.filter-chip').count()) === 0);
  assert.deepEqual(page.problems, []);
});

test('a list has pages, an order and a search, all by keyboard', async () => {
  const page = await open('?view=routes&app=shop&environment=production&range=24h');
  await page.locator('table.routes').waitFor();
  assert.equal(await rows(page), 50);
  await page.getByRole('link', { name: 'Next →' }).press('Enter');
  await until('the second page', async () => (await rows(page)) === ROUTES - 50);
  assert.equal(asked(page).offset, '50');
  await page.getByRole('link', { name: 'Route', exact: true }).press('Enter');
  await until('by name from the first on', async () => (await page.locator('table.routes tbody th').first().innerText()).trim() === '/pageaa');
  assert.equal(await page.locator('th[aria-sort=ascending]').count(), 1);
  await page.getByRole('searchbox').fill('PAGEB');
  await until('twenty-six routes', async () => (await rows(page)) === 26);
  assert.equal(asked(page).search, 'PAGEB');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search', 'who types goes on typing');
  await page.getByRole('searchbox').fill('nothing');
  await until('an honest empty list', () => page.locator('main').innerText().then((text) => text.includes('No route has this in its name')));
  assert.deepEqual(page.problems, []);
});

test('what a table shows can be saved, filtered as it is', async () => {
  const page = await open(`?view=routes&app=shop&environment=production&range=24h&device=desktop`);
  await page.locator('table.routes').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save routes as CSV' }).click()]);
  assert.equal(download.suggestedFilename(), 'vitalscope-routes.csv');
  const text = await new Response(await download.createReadStream()).text();
  const lines = text.trim().split('\r\n');
  assert.match(lines[0], /^route,page_view_count,/);
  assert.equal(lines.length, 1 + ROUTES, 'all pages of it');
  assert.ok(lines.slice(1).every((line) => line.split(',')[1] === '1'), 'the desktop ones only');
});

test('what cannot be answered is said in a sentence', async () => {
  const page = await open('?view=routes&app=shop&environment=production&device=fridge');
  await until('the reason', () => page.locator('[role=alert]').innerText().then((text) => text.includes('device is one of mobile desktop unknown')));
  const gone = await open('?view=routes&app=shop&environment=production&release=never');
  await until('the reason', () => gone.locator('[role=alert]').innerText().then((text) => text.includes('no page view of this app ever had this release')));
  const quiet = await open('?app=shop&environment=production&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z');
  await until('nothing then', () => quiet.locator('main').innerText().then((text) => text.includes('Nothing was measured in this range')));
  assert.deepEqual(quiet.problems, []);
});

test('a long name does not widen a narrow page', async () => {
  for (const view of ['routes', 'overview', 'route&route=%2Fpageab']) {
    const page = await open(`?view=${view}&app=shop&environment=production&range=24h&release=${LONG}`, { viewport: { width: 390, height: 844 } });
    await page.locator('.filter-chip').waitFor();
    await page.locator('main:not([aria-busy]) .panel').first().waitFor();
    await page.locator('#more-summary').click();
    await page.locator('#filter-release').waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${view} is ${overflow} px wider than the window`);
    assert.deepEqual(page.problems, []);
  }
});
