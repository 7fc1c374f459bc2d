// The dashboard as people meet it: every view of real data from the real collector, at two widths and in both themes. It must be
// accessible, fit, keep quiet, be fast by our own agent's measure, be usable by keyboard, and show what strangers wrote as text.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { here, stage, until } from '../harness.js';
import { addHostile, addVisits, seedHistory } from '../seed.js';

/** Screenshots of every run, for people to look at. */
const artifacts = join(here, 'artifacts');
const SIZES = [[1440, 1000], [390, 844]];
const THEMES = ['light', 'dark'];
const MAX_PAGE_BYTES = 120_000;
const MAX_LCP_MS = 1_000;
/** Nobody tabs longer than this through one page. */
const MAX_TAB_STOPS = 200;

let seed;
let axe;
/** View by name: what follows `/?app=shop` in its address. */
const views = {
  overview: '',
  routes: '&view=routes',
  route: `&view=route&route=${encodeURIComponent('/product/:id')}`,
  findings: '&view=findings',
  operations: '&view=operations',
  operation: `&view=operation&operation=${encodeURIComponent('fetch /api/orders')}`,
  recommendations: '&view=recommendations',
  compare: '&view=compare&range=14d',
  periods: '&view=compare&mode=periods',
  'page-views': `&view=page-views&route=${encodeURIComponent('/product/:id')}`,
  baselines: '&view=baselines',
  health: '&view=health',
};

const scene = stage({
  async prepare({ collector }) {
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    seed = await seedHistory(collector);
    await addVisits(collector);
    await addHostile(collector);
    const [{ id }] = await collector.query(`SELECT id FROM vitalscope.findings WHERE app = 'shop' ORDER BY route, vital LIMIT 1`);
    views.finding = `&view=finding&id=${id}`;
    const [{ view_id, at_ms }] = await collector.query(`SELECT view_id, toUnixTimestamp64Milli(started_at) AS at_ms FROM vitalscope.page_views WHERE app = 'shop' AND route = '/account' ORDER BY started_at DESC LIMIT 1`);
    views['page-view'] = `&view=page-view&id=${view_id}&at=${at_ms}`;
    await mkdir(artifacts, { recursive: true });
  },
});

const address = (name, app = 'shop') => `${scene.collector.addresses.dashboard}/?app=${app}${views[name]}`;

/** A page that keeps what went wrong in it. */
async function open(options) {
  const context = await scene.browser.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('dialog', (dialog) => { problems.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => new URL(request.url()).origin !== scene.collector.privateOrigin && problems.push(`asked ${request.url()}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { context, page, problems };
}

/** Until the view has its data and its charts are drawn, and it is not the page for failures. */
async function shown(page, url) {
  await page.waitForFunction(() => {
    const main = document.getElementById('main');
    const drawn = () => [...main.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas, .empty'));
    return main && !main.hasAttribute('aria-busy') && main.children.length > 0 && !main.querySelector('.skeleton') && drawn();
  });
  assert.equal(await page.locator('main .state.error').count(), 0, `${url}: ${await page.locator('main').innerText()}`);
}

async function visit(page, url) {
  await page.goto(url);
  await shown(page, url);
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function assertAccessible(page, what) {
  // By the debugger, which the page's policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.slice(0, 4).map((node) => `    ${node.html}\n    ${node.failureSummary}`).join('\n')}`);
  assert.equal(told.length, 0, `${what}\n${told.join('\n')}`);
}

for (const theme of THEMES) {
  for (const [width, height] of SIZES) {
    test(`every view is accessible, fits and keeps quiet (${theme}, ${width} px)`, async () => {
      const { context, page, problems } = await open({ colorScheme: theme, viewport: { width, height } });
      for (const name of Object.keys(views)) {
        await visit(page, address(name));
        await page.screenshot({ path: join(artifacts, `${name}-${theme}-${width}.png`), fullPage: true });
        assert.ok((await overflow(page)) <= 0, `${name} is ${await overflow(page)} px wider than the window`);
        await assertAccessible(page, `${name}, ${theme}, ${width} px`);
        assert.deepEqual(problems, [], name);
      }
      await context.close();
    });
  }
}

test('the known regressions are on the overview with route, vital, size and release', async () => {
  const { context, page } = await open({ viewport: { width: 1440, height: 1000 } });
  await visit(page, address('overview'));
  const text = await page.locator('main').innerText();
  for (const { route, vital, release } of seed.regressions) {
    for (const word of [route, vital, release]) assert.ok(text.includes(word), word);
  }
  assert.match(text, /\+\s?\d\d\s?%/);
  await context.close();
});

test('our own agent measures the dashboard: the p75 of LCP is under a second, and nothing shifts', async () => {
  const { collector } = scene;
  const snippet = await (await fetch(`${collector.publicOrigin}/snippet.js`)).text();
  // The policy would forbid the agent; a user's page would allow it.
  const context = await scene.browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  // As on a user's page: the snippet before everything else, the agent as soon as there is a document to put it into.
  await page.addInitScript({ content: `if (location.origin === '${collector.privateOrigin}') { ${snippet} }` });
  await page.addInitScript(({ origin, agent }) => {
    if (location.origin !== origin) return;
    addEventListener('DOMContentLoaded', () => {
      const script = Object.assign(document.createElement('script'), { async: true, src: agent });
      Object.assign(script.dataset, { app: 'dashboard', release: new URLSearchParams(location.search).get('run') });
      document.head.append(script);
    });
  }, { origin: collector.privateOrigin, agent: `${collector.publicOrigin}/agent.js` });
  const runs = [];
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    for (const name of Object.keys(views)) {
      runs.push(`${name}-${width}`);
      await visit(page, `${address(name)}&run=${runs.at(-1)}`);
      await page.waitForFunction(() => window.vitalscope?.isLoaded);
      // The agent brings its engine in an idle moment; so is this one, behind it.
      await page.evaluate(() => new Promise((idle) => requestIdleCallback(idle)));
      await page.goto('about:blank');
    }
  }
  const rows = await until('LCP and CLS of every view', async () => {
    const found = await collector.query(`SELECT release, vital, value, attribution, engine FROM vitalscope.measurements WHERE app = 'dashboard' AND vital IN ('LCP', 'CLS')`);
    return found.length >= 2 * runs.length && found;
  }, 30_000);
  const of = (wanted) => rows.filter(({ vital }) => vital === wanted);
  const lcps = of('LCP').sort((left, right) => left.value - right.value);
  console.log(lcps.map(({ release, value }) => `${release} ${Math.round(value)} ms`).join(', '));
  assert.deepEqual(of('CLS').filter(({ value }) => value > 0), []);
  assert.ok(rows.every(({ engine }) => engine === 'wasm'), 'measured by the agent itself');
  // As everybody's pages are judged: three quarters of the visits.
  const p75 = lcps[Math.ceil(lcps.length * 0.75) - 1].value;
  assert.ok(p75 < MAX_LCP_MS, `p75 of LCP is ${p75} ms`);
  await context.close();
});

test('all that the browser loads for all views is at most 120 kB after gzip', async () => {
  const { context, page } = await open();
  const files = new Map();
  page.on('response', async (response) => {
    const { pathname } = new URL(response.url());
    const isFile = !pathname.startsWith('/api/') && pathname !== '/metrics';
    // Later visits only ask whether their copy is still right.
    if (isFile && response.status() === 200) files.set(pathname, response.body());
  });
  for (const name of Object.keys(views)) await visit(page, address(name));
  let bytes = 0;
  for (const body of files.values()) bytes += gzipSync(await body, { level: 9 }).length;
  console.log(`${files.size} files, ${bytes} bytes`);
  assert.ok(files.size > 10 && bytes <= MAX_PAGE_BYTES, `${bytes} bytes`);
  await context.close();
});

test('what strangers wrote is text on every view, and breaks none', async () => {
  for (const [width, height] of SIZES) {
    const { context, page, problems } = await open({ viewport: { width, height } });
    const seen = new Set();
    const look = async (url) => {
      seen.add(url);
      await visit(page, url);
      assert.equal(await page.evaluate(() => window.ran), undefined, url);
      assert.ok((await overflow(page)) <= 0, `${url} is ${await overflow(page)} px wider than the window`);
      return page.locator('main a, nav a').evaluateAll((links) => links.map(({ href, download }) => ({ href, isSaved: Boolean(download) || /[?&]format=|\/api\//.test(href) })));
    };
    const links = new Map();
    // What is the shop's own is nobody else's.
    for (const name of Object.keys(views).filter((name) => !['finding', 'route', 'operation', 'page-view', 'compare', 'page-views'].includes(name))) {
      for (const { href, isSaved } of await look(address(name, 'hostile'))) links.set(href, isSaved);
    }
    // Where they lead is looked at once, where there is the least room.
    for (const [link, isSaved] of links) {
      assert.ok(link.startsWith(scene.collector.privateOrigin), `a link leads to ${link}`);
      if (width < 1_000 && !isSaved && !seen.has(link)) await look(link);
    }
    assert.ok(seen.size >= 5, [...seen].join('\n'));
    assert.deepEqual(problems, []);
    await context.close();
  }
});

test('by keyboard alone: everything is reached in reading order, seen, and named', async () => {
  const { context, page } = await open({ viewport: { width: 1440, height: 1000 } });
  for (const name of ['overview', 'routes', 'route', 'finding', 'operation', 'compare', 'page-view']) {
    await visit(page, address(name));
    // A page opened deep inside learns the apps for its filters a little later.
    await page.locator('#app option').nth(1).waitFor({ state: 'attached' });
    const stops = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const element = document.activeElement;
        window.stops ??= [];
        // At the end some browsers give the focus to nothing, some to the first again.
        if (element === document.body || element === window.stops[0]) return null;
        const previous = window.stops.at(-1);
        window.stops.push(element);
        const { width, height } = element.getBoundingClientRect();
        const style = getComputedStyle(element);
        return {
          html: element.outerHTML.slice(0, 120),
          name: (element.getAttribute('aria-label') || element.labels?.[0]?.innerText || element.innerText || element.title || '').trim(),
          seen: width > 0 && height > 0 && style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2,
          inOrder: !previous || Boolean(previous.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
        };
      });
      if (!stop) break;
      stops.push(stop);
      assert.ok(stops.length <= MAX_TAB_STOPS, `${name} does not end`);
      assert.ok(stop.seen, `${name}: the focus cannot be seen on ${stop.html}`);
      assert.ok(stop.name, `${name}: ${stop.html} has no name`);
      assert.ok(stop.inOrder, `${name}: ${stop.html} comes too late`);
    }
    assert.equal(stops[0].name, 'Skip to content');
    const links = await page.locator('main a[href], main button, main input, main select').count();
    assert.ok(stops.length >= links, `${name}: ${stops.length} stops for ${links} controls`);
  }
  // The skip link skips, and a link of the navigation works by Enter.
  await visit(page, address('overview'));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.locator('#nav a', { hasText: 'Routes' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/view=routes/);
  await shown(page, 'routes');
  await context.close();
});

test('filters live in the address: a reload, a way back and a copied address show the same', async () => {
  const { context, page } = await open({ viewport: { width: 1440, height: 1000 } });
  await visit(page, address('overview'));
  await page.locator('#range').selectOption('28d');
  await page.waitForURL(/range=28d/);
  await shown(page, 'overview');
  // What happened some seconds ago happens a little longer ago after a reload; the tiles stay.
  const tiles = () => page.locator('main .tile').allInnerTexts();
  const before = await tiles();
  assert.ok(before.length >= 3);
  await page.reload();
  await shown(page, 'overview');
  assert.equal(await page.locator('#range').inputValue(), '28d');
  assert.deepEqual(await tiles(), before);
  await page.locator('#nav a', { hasText: 'Routes' }).click();
  await page.waitForURL(/view=routes/);
  await shown(page, 'routes');
  assert.equal(await page.locator('#range').inputValue(), '28d');
  await page.locator('input[type=search]').fill('product');
  await page.waitForURL(/search=product/);
  const copied = page.url();
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes('view=routes'));
  await shown(page, 'overview');
  assert.equal(await page.locator('#range').inputValue(), '28d');
  await visit(page, copied);
  assert.equal(await page.locator('input[type=search]').inputValue(), 'product');
  const routes = await page.locator('main tbody tr').allInnerTexts();
  assert.ok(routes.length > 0 && routes.every((row) => row.includes('product')), routes.join('\n'));
  await context.close();
});

test('a chosen theme wins over the system and outlives a reload', async () => {
  const { context, page } = await open({ colorScheme: 'dark' });
  await visit(page, address('overview'));
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await page.locator('#theme').click();
  const light = await background();
  assert.notEqual(light, dark);
  await page.reload();
  assert.equal(await background(), light);
  await context.close();
});

test('a person decides with a reason, and takes it back: a finding is muted and heard again, a baseline rejected', async () => {
  const { context, page, problems } = await open({ viewport: { width: 390, height: 844 } });
  const decide = async (label, why) => {
    const form = page.getByRole('form', { name: label });
    await form.getByRole('textbox').fill(why);
    await form.locator('button[type=submit]').click();
  };
  await visit(page, address('finding'));
  const chip = page.locator('.page-head .chip').last();
  const state = await chip.innerText();
  await decide('Mute the finding', 'known, 2.0.1 mends it');
  await page.getByText('“known, 2.0.1 mends it”').waitFor();
  assert.equal(await chip.innerText(), 'muted');
  await assertAccessible(page, 'a muted finding');
  await decide('Unmute the finding', '2.0.1 did not');
  await page.getByText('“2.0.1 did not”').waitFor();
  assert.equal(await chip.innerText(), state);

  await visit(page, address('baselines'));
  const label = await page.getByRole('button', { name: /^Reject the baseline/ }).first().getAttribute('aria-label');
  await page.getByRole('button', { name: label, exact: true }).click();
  assert.ok((await overflow(page)) <= 0, 'the form fits');
  await assertAccessible(page, 'a baseline about to be rejected');
  await page.screenshot({ path: join(artifacts, 'rejecting-light-390.png') });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: label, exact: true }).click();
  const sent = page.waitForRequest((request) => request.method() === 'POST');
  await decide(label, 'an incident');
  assert.deepEqual((await sent).postDataJSON(), { note: 'an incident' });
  await page.getByRole('button', { name: label.replace('Reject', 'Approve'), exact: true }).waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});
