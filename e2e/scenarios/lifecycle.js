// Scenarios 32 to 38: pages that come back, pages that were there before they were asked for, and navigations within a page.

import assert from 'node:assert/strict';
import { pause, until } from '../harness.js';
import { loaded, painted } from './expectations.js';
import { NotKept, ORACLE_SETTLES_MS } from './run.js';

/** FCP and LCP of a restored page are each side's own frame timing; FID is each side's own clock in its own listener. */
const OWN_CLOCKS = { FCP: 20, LCP: 20, FID: 1 };
const ELSEWHERE = '/text.html?snippet=none&agent=none&oracle=none';

const reported = (tab, ...names) => tab.untilPage(`the oracle reports ${names}`, (names) => names.every((name) => window.oracle.reports.some((report) => report.name === name)), names);

/**
 * Leaves for another page and comes back through the back/forward cache. A browser keeps a page there when it pleases (memory, time): one
 * that loaded it anew has shown nothing of what the scenario is about, and says why.
 */
async function comeBack(tab, { scene }) {
  const restores = () => (window.oracle?.reports ?? []).filter(({ navigationType, name }) => navigationType === 'back-forward-cache' && name === 'FCP').length;
  const before = await tab.evaluate(restores);
  // A document's own, that of another one differs.
  const page = await tab.evaluate('oracle.page');
  await tab.goto(scene.pages.origin + ELSEWHERE);
  await tab.evaluate('void history.back()');
  const returned = () => until('the page is back from the cache', async () => {
    if (await tab.evaluate(restores) > before) return true;
    const reasons = await tab.evaluate((page) => window.oracle && window.oracle.page !== page
      && JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons ?? 'no reasons given'), page);
    if (reasons) throw new NotKept(reasons);
  });
  await returned().catch(async (error) => {
    if (error instanceof NotKept) throw error;
    const state = await tab.evaluate(() => JSON.stringify({ url: location.href, visible: document.visibilityState, reports: window.oracle?.reports }));
    throw new Error(`${error.message}; the page: ${state}`);
  });
}

const restoredTypes = (count) => ({ ours }) => {
  assert.deepEqual(ours.map(({ nav }) => nav), ['navigate', ...Array(count).fill('back-forward-cache')]);
  for (const { vitals } of ours.slice(1)) {
    assert.equal(vitals.TTFB.value, 0);
    assert.ok(vitals.FCP.value > 0 && vitals.LCP.value > 0);
  }
};

export const RESTORED = [
  {
    name: '32 left, back, left: a new page view as the oracle says, without INP',
    page: 'text.html',
    hides: 2,
    within: OWN_CLOCKS,
    act: async (tab, scenario) => {
      await painted(tab);
      await loaded(tab);
      await comeBack(tab, scenario);
      await pause(ORACLE_SETTLES_MS);
    },
    check: (sides) => {
      restoredTypes(1)(sides);
      assert.ok(!('INP' in sides.ours[1].vitals));
      assert.equal(sides.ours[1].vitals.CLS?.value ?? 0, 0);
    },
  },
  {
    name: '33 left, back, a click of 0 ms, left: INP and FID as the oracle says, INP 8 if the browser has no entry of it',
    page: 'inputs.html?click=0',
    hides: 2,
    settles: true,
    within: OWN_CLOCKS,
    act: async (tab, scenario) => {
      await painted(tab);
      await loaded(tab);
      await comeBack(tab, scenario);
      await pause(300);
      await tab.click('#b0');
    },
    check: (sides) => {
      restoredTypes(1)(sides);
      assert.ok('INP' in sides.ours[1].vitals);
    },
  },
  {
    name: '33 a click of 100 ms, back, a click of 60 ms, back: three page views with their own INP, as the oracle says',
    page: 'inputs.html?click=100,60',
    hides: 3,
    within: OWN_CLOCKS,
    act: async (tab, scenario) => {
      await painted(tab);
      await loaded(tab);
      await tab.click('#b0');
      await pause(ORACLE_SETTLES_MS);
      await comeBack(tab, scenario);
      await tab.click('#b1');
      await pause(ORACLE_SETTLES_MS);
      await comeBack(tab, scenario);
      await pause(ORACLE_SETTLES_MS);
    },
    check: (sides) => {
      restoredTypes(2)(sides);
      assert.deepEqual(sides.ours.map(({ vitals }) => 'INP' in vitals), [true, true, false]);
      assert.ok(sides.ours[1].vitals.INP.value < 90, 'the first view\'s click is the first view\'s');
    },
  },
];

RESTORED.push(
  {
    name: '32 hidden from the start, shown, left, back, left: no FCP before, FCP afterwards, as the oracle says',
    page: 'text.html',
    background: true,
    hides: 2,
    within: OWN_CLOCKS,
    act: async (tab, scenario) => {
      await loaded(tab);
      await tab.show();
      await comeBack(tab, scenario);
      await pause(ORACLE_SETTLES_MS);
    },
    check: (sides) => {
      restoredTypes(1)(sides);
      assert.ok(!('FCP' in sides.ours[0].vitals));
    },
  },
  {
    name: '32 shifts before leaving and after coming back: a score for each page view, as the oracle says',
    page: 'shifts.html',
    isChromiumOnly: true,
    hides: 2,
    within: OWN_CLOCKS,
    act: async (tab, scenario) => {
      await painted(tab);
      await loaded(tab);
      await tab.evaluate('shiftAt([[0, 200]])');
      await comeBack(tab, scenario);
      await tab.evaluate('shiftAt([[600, 20]])');
    },
    check: (sides) => {
      restoredTypes(1)(sides);
      const [before, after] = sides.ours.map(({ vitals }) => vitals.CLS.value);
      assert.ok(before > after && after > 0, `${before}, then ${after}`);
    },
  },
);

const softViews = ({ ours }) => {
  assert.deepEqual(ours.map(({ nav }) => nav), ['navigate', 'soft-navigation', 'soft-navigation', 'soft-navigation']);
  assert.deepEqual(ours.slice(1).map(({ path }) => path), [1, 2, 3].map(() => '/soft/:id'));
};

export const WITHIN = [
  {
    name: '36 three soft navigations: FCP, LCP, CLS, INP and TTFB of each as the oracle says',
    page: 'soft.html?soft=1',
    missing: async (tab) => (await tab.evaluate('!window.PerformanceSoftNavigation?.prototype.getLargestInteractionContentfulPaint')) && `no soft navigations in ${await tab.evaluate('navigator.userAgent.match(/Chrome.[0-9]+/)[0]')}: Chromium 151 or newer has them`,
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await loaded(tab);
      for (let step = 1; step <= 3; step++) {
        await tab.click('#next');
        await tab.untilPage(`soft navigation ${step}`, (step) => window.oracle.reports.filter(({ name, navigationType }) => name === 'FCP' && navigationType === 'soft-navigation').length >= step, step);
        await pause(ORACLE_SETTLES_MS);
      }
    },
    check: softViews,
  },
  ...[['not reported', ''], ['reported', '?soft=1']].map(([how, query]) => ({
    name: `37 content and address changed by script, soft navigations ${how}: one page view, as the oracle says`,
    page: `soft.html${query}`,
    act: async (tab) => {
      await painted(tab);
      await loaded(tab);
      await tab.evaluate('changeByScript()');
      await reported(tab, 'TTFB');
    },
    check: ({ ours }) => assert.equal(ours.length, 1),
  })),
];
