// What a page can tell the agent: routes, consent, callbacks, budgets, timed functions. The collector's rows are the witness.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage, until } from '../harness.js';

const scene = stage();

/** A page that starts the agent with `options` (evaluated in the page) and fails the test on any exception. */
async function openPage(options) {
  const context = await scene.browser.newContext();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(`${scene.pages.origin}/manual.html`, { waitUntil: 'load' });
  await page.evaluate((source) => {
    window.heard = [];
    window.violations = [];
    vitalscope('start', new Function(`return (${source})`)());
  }, options);
  return {
    page,
    async leave() {
      await page.goto('about:blank');
      assert.deepEqual(errors, []);
      // The context stays open until the stage ends: closing it would cut off a beacon that is still on its way.
    },
  };
}

const options = (release, more = '') => `{ app: 'e2e', release: '${release}', endpoint: '${scene.collector.publicOrigin}', ${more} }`;

/** A click as a person makes it, and the time after which the browser has reported it. */
async function click(page) {
  await page.locator('#slow').hover();
  await page.waitForTimeout(300); // The first input of a headless Chromium needs the pointer to rest.
  await page.locator('#slow').click();
  await until('the click is measured', () => page.evaluate(() => heard.some(({ name, value }) => name === 'INP' && value >= 96)));
}

const rows = (sql) => scene.collector.query(sql);

test('setRoute on a new path opens a view of its own; the old one keeps what began in it', async () => {
  const { page, leave } = await openPage(options('soft', `routes: ['/manual.html', '/step/:n'], onMeasurement: (m) => heard.push(m)`));
  await until('the agent measures', () => page.evaluate(() => heard.some(({ name }) => name === 'TTFB')));
  await click(page);
  await page.evaluate(() => { history.pushState({}, '', '/step/2?private=1'); vitalscope('setRoute', '/step/:n'); heard.length = 0; });
  await click(page);
  await leave();
  const found = await until('both views', async () => {
    const views = await rows(`SELECT route, path, navigation_type, groupArray(vital) AS vitals FROM vitalscope.measurements WHERE release = 'soft' GROUP BY view_id, route, path, navigation_type ORDER BY route`);
    return views.length === 2 && views[1].vitals.includes('INP') && views;
  });
  assert.deepEqual(found.map(({ route, path, navigation_type }) => [route, path, navigation_type]), [['/manual.html', '/manual.html', 'navigate'], ['/step/:n', '/step/:n', 'soft-navigation']]);
  assert.deepEqual([...found[0].vitals].sort(), ['CLS', 'FCP', 'FID', 'INP', 'LCP', 'MEMORY', 'TTFB']);
  assert.deepEqual([...found[1].vitals].sort(), ['CLS', 'INP', 'MEMORY'], 'paints of a soft view are absent, never invented');
});

test('pending consent stores and sends nothing; granted sends what was kept; denied forgets it', async () => {
  for (const [word, expected] of [['granted', 7], ['denied', 0]]) {
    const { page, leave } = await openPage(options(`consent-${word}`, `consent: 'pending', onMeasurement: (m) => heard.push(m)`));
    const requests = [];
    page.on('request', (request) => request.method() === 'POST' && requests.push(request.url()));
    await click(page);
    assert.deepEqual(requests, [], 'nothing is sent while consent is pending');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0, 'nothing is stored either');
    await page.evaluate((word) => vitalscope('setConsent', word), word);
    if (word === 'granted') await until('a beacon', () => requests.length > 0);
    await leave();
    if (word === 'denied') assert.deepEqual(requests, []);
    const count = async () => Number((await rows(`SELECT uniqExact(vital) AS n FROM vitalscope.measurements WHERE release = 'consent-${word}'`))[0].n);
    if (expected) await until('all vitals', async () => (await count()) === expected);
    else assert.equal(await count(), 0);
  }
});

test('a privacy signal counts as no when the page asks for that', async () => {
  const { page, leave } = await openPage(options('signal', 'respectPrivacySignals: true, onMeasurement: (m) => heard.push(m)'));
  await click(page);
  await leave();
  const context = await scene.browser.newContext();
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }));
  const guarded = await context.newPage();
  const requests = [];
  guarded.on('request', (request) => request.method() === 'POST' && requests.push(request.url()));
  await guarded.goto(`${scene.pages.origin}/manual.html`, { waitUntil: 'load' });
  await guarded.evaluate((source) => vitalscope('start', new Function(`return (${source})`)()), options('signal-set', 'respectPrivacySignals: true'));
  await guarded.waitForTimeout(2_500); // The early flush would have come by now.
  await guarded.goto('about:blank');
  assert.deepEqual(requests, []);
  await until('without the signal it is measured', async () => (await rows(`SELECT count() AS n FROM vitalscope.measurements WHERE release = 'signal'`))[0].n > 0);
  assert.equal(Number((await rows(`SELECT count() AS n FROM vitalscope.measurements WHERE release = 'signal-set'`))[0].n), 0);
  await context.close();
});

test('callbacks hear measurements and violations, beforeSend has the last word, what they throw stays theirs', async () => {
  const { page, leave } = await openPage(options('callbacks', `
    budgets: { INP: 50, checkout: 10 },
    context: { tenant: 'acme' },
    onMeasurement: (m) => { heard.push(m); throw new Error('mine'); },
    onBudgetViolation: (v) => violations.push(v),
    beforeSend: (m) => (m.name === 'CLS' ? null : m.name === 'LCP' ? { ...m, value: 1234 } : m)`));
  await click(page);
  await page.evaluate(() => vitalscope('measure', 'checkout', 12));
  const timed = await page.evaluate(async () => {
    const sum = vitalscope('time', 'sum', () => 41 + 1);
    const failed = await vitalscope('time', 'load', () => Promise.reject(new TypeError('secret'))).catch((error) => error.name);
    return [sum, failed];
  });
  assert.deepEqual(timed, [42, 'TypeError'], 'results and errors pass through');
  const violations = await until('both violations', () => page.evaluate(() => new Set(window.violations.map(({ name }) => name)).size === 2 && window.violations));
  assert.ok(violations.every(({ value, budget }) => value > budget));
  const lcp = await page.evaluate(() => heard.find(({ name }) => name === 'LCP'));
  assert.equal(lcp.rating, 'good');
  assert.equal(lcp.attribution.element, '#title');
  await leave();
  const found = await until('the rows', async () => {
    const measured = await rows(`SELECT vital, value FROM vitalscope.measurements WHERE release = 'callbacks' ORDER BY vital`);
    return measured.some(({ vital }) => vital === 'INP') && measured;
  });
  assert.ok(!found.some(({ vital }) => vital === 'CLS'), 'kept back');
  assert.equal(found.find(({ vital }) => vital === 'LCP').value, 1234);
  const operations = await until('the operations', async () => {
    const told = await rows(`SELECT name, success, error_type FROM vitalscope.operations WHERE release = 'callbacks' ORDER BY name`);
    return told.length === 3 && told;
  });
  assert.deepEqual(operations, [{ name: 'checkout', success: true, error_type: '' }, { name: 'load', success: false, error_type: 'TypeError' }, { name: 'sum', success: true, error_type: '' }]);
  const [view] = await rows(`SELECT custom, drops FROM vitalscope.page_views WHERE release = 'callbacks'`);
  assert.equal(view.custom.tenant, 'acme');
  assert.ok(Number(view.drops['before-send']) > 0, 'what the page kept back is counted');
});

test('with an endpoint relative to the page, its own beacons are no part of what it measures', async () => {
  const { page, leave } = await openPage(`{ app: 'e2e', release: 'relative', endpoint: '/road' }`);
  const taken = () => scene.pages.sink.beaconsOf('relative');
  await until('the first beacon', () => taken().length > 0);
  await page.evaluate(() => fetch('/robots.txt?after=the-beacon').then((response) => response.text()));
  await until('the entry of the request', () => page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('after=the-beacon'))));
  await page.evaluate(() => vitalscope('flush'));
  await leave();
  const operations = await until('the page\'s own request', () => {
    const names = taken().flatMap(({ ops = [] }) => ops.map(({ n }) => n));
    return names.length && names;
  });
  assert.deepEqual(operations, ['fetch /robots.txt']);
});

test('a session that is not sampled sends nothing and observes nothing', async () => {
  const { page, leave } = await openPage(options('unsampled', 'sampleRate: 0, onMeasurement: (m) => heard.push(m)'));
  await page.locator('#slow').click();
  await page.waitForTimeout(2_500); // The early flush would have come by now.
  assert.equal(await page.evaluate(() => heard.length), 0);
  await leave();
  assert.equal(Number((await rows(`SELECT count() AS n FROM vitalscope.measurements WHERE release = 'unsampled'`))[0].n), 0);
});
