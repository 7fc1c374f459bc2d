// Scenarios 14 to 21: layout shifts. Plans are [ms, pixels] pairs; a shift of the 800 x 200 block scores by how far it moves.

import assert from 'node:assert/strict';
import { painted } from './expectations.js';

const SMALL = 8;
const LARGE = 200;
/** Three shift windows, small, large and small, more than a second apart. */
const THREE_WINDOWS = [[0, SMALL], [1_100, LARGE], [2_200, SMALL]];

/** Moves the block in the page as planned. */
const shift = (tab, plan) => tab.evaluate((plan) => window.shiftAt(plan), plan);

const shifting = (plan) => async (tab) => {
  await painted(tab);
  await shift(tab, plan);
};

/** Times, scores and moved elements of the page's shifts, as a browser tells anybody who asks. */
const shiftsOf = (tab) =>
  tab.evaluate(() => new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries().map(({ startTime, value, sources }) => ({ startTime, value, moved: sources.map(({ node }) => node?.id ?? '') })))).observe({ type: 'layout-shift', buffered: true });
  }));

const sum = (shifts) => shifts.reduce((total, { value }) => total + value, 0);
const assertClose = (value, expected) => assert.ok(Math.abs(value - expected) <= 1e-4, `${value}, expected ${expected}`);
const clsOf = ({ ours }) => ours[0].vitals.CLS.value;

/** Shifts with a gap that is less than a second belong together, else not. A busy machine paints late: the browser's stamps decide. */
const gap = (ms) => {
  let shifts;
  return {
    name: `15 a gap of ${ms} ms between two shifts: CLS as the oracle says, their sum if it is less than a second, else the larger one`,
    page: 'shifts.html',
    act: async (tab) => {
      await shifting([[0, 40], [ms, 80]])(tab);
      shifts = await shiftsOf(tab);
    },
    check: (sides) => {
      const isOneWindow = shifts[1].startTime - shifts[0].startTime < 1_000;
      assertClose(clsOf(sides), isOneWindow ? sum(shifts) : Math.max(...shifts.map(({ value }) => value)));
    },
  };
};

export const SHIFTS = [
  {
    name: '14 three shifts within a second: CLS is their sum, as the oracle says',
    page: 'shifts.html',
    act: shifting([[0, 20], [300, 40], [600, 60]]),
    check: (sides) => {
      assert.ok(clsOf(sides) > 0.02);
      assertClose(clsOf(sides), sides.said.raw.CLS);
    },
  },
  // Painted in the first frame at or after that time: 990 and 1010.
  gap(980),
  gap(1_005),
  {
    name: '16 small, large and small shift windows, loaded early: CLS is the largest, as the oracle says',
    page: 'shifts.html',
    act: shifting(THREE_WINDOWS),
    check: (sides) => assertClose(clsOf(sides), sides.said.raw.CLS),
  },
  {
    name: '17 small, large and small shift windows, loaded late: D1, ours is the raw observer\'s, upstream\'s the last window',
    page: 'shifts.html?late=1',
    except: ['CLS'],
    act: async (tab) => {
      await shift(tab, [[500, SMALL], [1_600, LARGE], [2_700, SMALL]]);
      await tab.evaluate('loadLate()');
      await painted(tab);
    },
    check: ({ ours, said }) => {
      assertClose(ours[0].vitals.CLS.value, said.raw.CLS);
      assert.ok(said.views[0].vitals.CLS.value < said.raw.CLS / 2, `upstream says ${said.views[0].vitals.CLS.value}, the raw observer ${said.raw.CLS}`);
    },
  },
  {
    name: '18 a shift within half a second of a click: not counted, as the oracle says',
    page: 'shifts.html',
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await tab.click('#button');
      await shift(tab, [[50, LARGE]]);
      const shifts = await shiftsOf(tab);
      assert.equal(shifts.length, 1, `there was a shift: ${JSON.stringify(shifts)}`);
    },
    check: (sides) => assert.equal(clsOf(sides), 0),
  },
  {
    name: '19 a shift, hidden, shown, a larger shift window, hidden: two reports whose differences add up, as the oracle says',
    page: 'shifts.html',
    hides: 2,
    act: async (tab) => {
      await shifting([[0, SMALL]])(tab);
      await tab.hide();
      await tab.show();
      await shift(tab, [[1_100, LARGE]]);
    },
    check: ({ ours, said, scene, run }) => {
      const { sequence } = said.views[0].vitals.CLS;
      assert.equal(sequence.length, 2);
      const told = scene.pages.sink.beaconsOf(run).flatMap(({ m = [] }) => m.filter(({ n, v }) => n === 'CLS' && v > 0).map(({ v }) => v));
      const distinct = [...new Set(told)];
      assert.equal(distinct.length, 2, `ours told ${told}`);
      distinct.forEach((value, index) => assertClose(value, sequence[index]));
      assertClose(ours[0].vitals.CLS.value, sequence[1]);
    },
  },
  {
    name: '20 a shift still queued when the page is left: counted, as the oracle says',
    page: 'shifts.html',
    act: async (tab) => {
      await painted(tab);
      // The navigation begins, and the main thread stays busy until after its answer: nothing is delivered before the page hides.
      await tab.evaluate(() => {
        requestAnimationFrame(() => {
          document.querySelector('#spacer').style.height = '120px';
          location.href = 'about:blank';
          setTimeout(() => { const end = performance.now() + 300; while (performance.now() < end); });
        });
      });
    },
    check: (sides) => assert.ok(clsOf(sides) > 0),
  },
  {
    name: '21 shifts inside frames, of the same and of another origin: CLS 0, as the oracle says',
    page: 'frames.html',
    act: async (tab) => {
      await painted(tab);
      await tab.untilPage('both frames have shifted', 'done.size === 2');
    },
    check: (sides) => assert.equal(clsOf(sides), 0),
  },
  {
    name: '16 shifts before, while and after the agent takes over from the snippet: each counts once, as the oracle says that was there from the start',
    page: 'shifts.html?agent=late',
    act: async (tab) => {
      await painted(tab);
      await shift(tab, [[0, 20], [100, 20]]);
      const shifting = shift(tab, [[0, 20], [20, 20], [40, 20], [60, 20], [80, 20], [100, 20], [400, 20]]);
      await tab.evaluate('loadLate()');
      await shifting;
      await shift(tab, [[0, 20], [50, 20]]);
    },
    check: (sides) => assertClose(clsOf(sides), sides.said.raw.CLS),
  },
  {
    name: '16 small, large and small shift windows, the script tag alone: CLS is the largest, as the oracle says',
    page: 'shifts.html?snippet=none',
    act: shifting(THREE_WINDOWS),
    check: (sides) => assertClose(clsOf(sides), sides.said.raw.CLS),
  },
];
