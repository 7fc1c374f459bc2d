// Scenarios 1 to 13: how pages load. A row is a page, what is done to it, and what is checked beyond equality with the oracle.

import assert from 'node:assert/strict';
import { atLeast, loaded, largest, painted } from './expectations.js';

const LCP_IS = (id) => ({ ours }) => assert.equal(ours[0].vitals.LCP.attribution.element, id);
const absent = (...names) => ({ ours, said }) => {
  for (const name of names) {
    assert.ok(!(name in ours[0].vitals), `ours has ${name}`);
    assert.ok(!(name in (said.views[0]?.vitals ?? {})), `the oracle has ${name}`);
  }
};
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
  act: async (tab) => {
    await loaded(tab);
    await painted(tab);
    if (element !== '#title') await largest(tab);
  },
  check: element && LCP_IS(element),
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
    check: LCP_IS('#title'),
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
    name: '8 scrolled by script before the image: LCP is the image, as the oracle says',
    page: 'text.html',
    act: async (tab) => {
      await painted(tab);
      await tab.evaluate(`document.body.style.height = '3000px', scrollTo(0, 10), addHero()`);
      await largest(tab);
    },
    check: LCP_IS('#hero'),
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
    canHide: true,
    act: async (tab) => {
      await loaded(tab);
      await tab.show();
      await tab.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
    },
    check: (sides) => {
      absent('FCP', 'LCP', 'CLS')(sides);
      present('TTFB')(sides);
      assert.equal(sides.ours[0].context.hidden_at_start, true);
    },
  },
  {
    name: '12 hidden after FCP and before the image: LCP is the title, as the oracle says',
    page: 'text.html',
    canHide: true,
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
      present('FCP')(sides);
    },
  },
];

/** Hidden and shown before anything was painted, both sides loaded afterwards. */
export const hiddenBeforePaint = {
  page: 'text.html?content=later&late=1',
  canHide: true,
  act: async (tab) => {
    await tab.hide();
    await tab.show();
    await tab.evaluate('showContent()');
    await tab.untilPage('content is painted', () => performance.getEntriesByName('first-contentful-paint').length > 0);
    await tab.evaluate('loadLate()');
    await loaded(tab);
  },
};

LOAD.push({
  ...hiddenBeforePaint,
  name: '13 both loaded late, hidden and shown before FCP: no FCP and no LCP, as the oracle says',
  isChromiumOnly: true,
  check: absent('FCP', 'LCP', 'CLS'),
});
