// Scenarios 1 to 13: how pages load. A row is a page, what is done to it, and what is checked beyond equality with the oracle.

import assert from 'node:assert/strict';
import { atLeast, frames, loaded, largest, painted } from './expectations.js';

const LCP_IS = (id) => ({ ours }) => assert.equal(ours[0].vitals.LCP.attribution.element, id);
const absent = (...names) => ({ ours, said }) => {
  for (const name of names) {
    assert.ok(!(name in ours[0].vitals), `ours has ${name}`);
    assert.ok(!(name in (said.views[0]?.vitals ?? {})), `the oracle has ${name}`);
  }
};
/** D4: the raw observer takes what is pending before it finalises. No browser was made to have anything pending then. */
const isRawLcp = ({ ours, said }) => assert.ok(Math.abs(ours[0].vitals.LCP.value - said.raw.LCP) <= 0.1, `${ours[0].vitals.LCP.value}, the raw observer says ${said.raw.LCP}`);
const isFirefox = ({ scene }) => scene.browser.name === 'firefox';
const present = (...names) => ({ ours }) => {
  for (const name of names) assert.ok(name in ours[0].vitals, `ours lacks ${name}`);
};

/** A first byte that cannot be: no TTFB on either side, all else as ever. */
const impossibleFirstByte = (value) => ({
  name: `4 first byte patched to ${value}: no TTFB, the other vitals as the oracle says`,
  page: `text.html?first_byte=${value}`,
  act: (tab) => painted(tab),
  check: (sides) => {
    absent('TTFB')(sides);
    present('FCP', 'LCP')(sides);
  },
});

const largestContent = ([kind, element]) => ({
  name: `10 the largest content is ${kind}: LCP as the oracle says`,
  page: `content.html?kind=${kind}`,
  act: async (tab, scenario) => {
    await loaded(tab);
    await painted(tab);
    if (element === '#title' || isFirefox(scenario)) await frames(tab);
    else await largest(tab);
  },
  // Firefox finds other candidates; what counts there is that both sides say the same.
  check: (sides) => element && !isFirefox(sides) && LCP_IS(element)(sides),
});

export const LOAD = [
  {
    name: '1 static text, left without input: as the oracle says, INP and FID absent on both sides',
    page: 'text.html',
    act: async (tab) => {
      await loaded(tab);
      await painted(tab);
    },
    check: (sides) => {
      absent('INP', 'FID')(sides);
      present('FCP', 'LCP', 'TTFB')(sides);
    },
  },
  {
    name: '1 the script tag alone, without the snippet: as the oracle says',
    page: 'text.html?snippet=none',
    act: async (tab) => {
      await loaded(tab);
      await painted(tab);
    },
    check: present('FCP', 'LCP', 'TTFB'),
  },
  {
    name: '1 reloaded: a second page view of type reload, as the oracle says',
    page: 'text.html',
    nav: 'reload',
    act: async (tab) => {
      await loaded(tab);
      await tab.evaluate('void location.reload()');
      await tab.untilPage('the page has reloaded', () => performance.getEntriesByType('navigation')[0].type === 'reload' && window.oracle?.reports.length > 0);
      await loaded(tab);
      await painted(tab);
    },
    check: ({ ours }) => assert.equal(ours[0].nav, 'reload'),
  },
  {
    name: '2 the server waits 900 ms: TTFB as the oracle says, needs improvement',
    page: 'text.html?delay_ms=900',
    act: (tab) => loaded(tab),
    check: ({ ours, said }) => {
      assert.ok(ours[0].vitals.TTFB.value >= 900);
      assert.equal(said.views[0].vitals.TTFB.rating, 'needs-improvement');
    },
  },
  {
    name: '3 two redirects of 150 ms on the same origin: TTFB includes them, as the oracle says',
    page: 'text.html?redirects=2&delay_ms=150',
    act: (tab) => loaded(tab),
    check: ({ ours }) => assert.ok(ours[0].vitals.TTFB.value >= 300),
  },
  ...[-1, 0, 1e12].map(impossibleFirstByte),
  {
    name: '5 a hero image 500 ms late: LCP is the image, as the oracle says',
    page: 'hero.html',
    act: (tab) => largest(tab),
    check: (sides) => {
      LCP_IS('#hero')(sides);
      atLeast(500)(sides.ours[0].vitals.LCP.value);
    },
  },
  {
    name: '6 a click on the title before the image: LCP stays the title, as the oracle says',
    page: 'text.html',
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await tab.click('#title');
      await tab.evaluate('addHero()');
    },
    check: (sides) => {
      LCP_IS('#title')(sides);
      isRawLcp(sides);
    },
  },
  {
    name: '7 a click by script before the image: LCP is the image, as the oracle says',
    page: 'text.html',
    act: async (tab) => {
      await painted(tab);
      await tab.evaluate(`title.click(), addHero()`);
      await largest(tab);
    },
    check: LCP_IS('#hero'),
  },
  {
    name: '8 scrolled by script before the image: LCP is the image in Chromium, as the oracle says',
    page: 'text.html',
    act: async (tab, scenario) => {
      await painted(tab);
      await tab.evaluate(`document.body.style.height = '3000px', scrollTo(0, 10), addHero()`);
      // In Firefox a scroll ends the search, whoever scrolled.
      await (isFirefox(scenario) ? frames : largest)(tab);
    },
    check: (sides) => isFirefox(sides) || LCP_IS('#hero')(sides),
  },
  {
    name: '9 the image leaves the document after its paint: LCP as the oracle says, still named',
    page: 'text.html',
    act: async (tab) => {
      await painted(tab);
      await tab.evaluate('addHero()');
      await largest(tab);
      await tab.evaluate('hero.remove()');
    },
    check: LCP_IS('#hero'),
  },
  ...[['poster', '#largest'], ['background', '#largest'], ['svg', undefined], ['text', '#largest'], ['transparent', '#title']].map(largestContent),
  {
    name: '11 hidden from the start, shown later: TTFB alone, as the oracle says',
    page: 'text.html',
    background: true,
    act: async (tab) => {
      await loaded(tab);
      await tab.show();
      await frames(tab);
    },
    check: (sides) => {
      absent('FCP', 'LCP', 'CLS')(sides);
      present('TTFB')(sides);
      assert.equal(sides.ours[0].context.hidden_at_start, true);
    },
  },
  {
    name: '11 hidden from the start, shown, the agent late: TTFB alone, as the oracle says that was there from the start',
    page: 'text.html?agent=late',
    background: true,
    act: async (tab) => {
      await loaded(tab);
      await tab.show();
      await frames(tab);
      await tab.evaluate('loadLate()');
    },
    check: (sides) => {
      absent('FCP', 'LCP', 'CLS')(sides);
      assert.equal(sides.ours[0].context.hidden_at_start, true);
    },
  },
  {
    name: '12 hidden after FCP and before the image: LCP is the title, as the oracle says',
    page: 'text.html',
    hides: 2,
    act: async (tab) => {
      await painted(tab);
      await tab.hide();
      await tab.evaluate('void addHero()');
      await tab.show();
      await tab.untilPage('the image is there', () => document.querySelector('#hero')?.complete);
    },
    check: (sides) => {
      LCP_IS('#title')(sides);
      isRawLcp(sides);
      present('FCP')(sides);
    },
  },
];

/** Hidden and shown before anything was painted, agent and oracle loaded afterwards. */
async function hideBeforePaint(tab) {
  await tab.hide();
  await tab.show();
  await tab.evaluate('showContent()');
  await tab.untilPage('content is painted', () => performance.getEntriesByName('first-contentful-paint').length > 0);
  await tab.evaluate('loadLate()');
  await loaded(tab);
}

LOAD.push({
  name: '13 both loaded late, hidden and shown before FCP: no FCP and no LCP, as the oracle says',
  page: 'text.html?content=later&late=1',
  isChromiumOnly: true,
  act: hideBeforePaint,
  check: absent('FCP', 'LCP', 'CLS'),
});

/** Browsers without visibility-state entries: only the snippet knows when the page was hidden. */
export const HIDDEN_BEFORE_LOAD = {
  name: '13 both loaded late, hidden and shown before FCP: D5, ours has no FCP and no LCP, upstream reports false ones',
  page: 'text.html?content=later&agent=late&oracle=late',
  except: ['FCP', 'LCP', 'CLS'],
  act: hideBeforePaint,
  check: ({ ours, said }) => {
    assert.ok(!('FCP' in ours[0].vitals) && !('LCP' in ours[0].vitals), 'ours');
    assert.ok('FCP' in said.views[0].vitals && 'LCP' in said.views[0].vitals, 'upstream');
  },
};
