// Scenarios 22 to 31: interactions. Where the oracle is the raw observer, the named difference is D2 or D3.

import assert from 'node:assert/strict';
import { atLeast, painted } from './expectations.js';

const inpOf = ({ ours }) => ours[0].vitals.INP?.value;
/** INP of the raw observer, which looks at 16 ms too, and as many interactions seen. */
const isRaw = ({ ours, said }) => {
  assert.equal(ours[0].vitals.INP?.value, said.raw.INP, 'INP of the raw observer');
  assert.equal(ours[0].context.interactions_seen, said.raw.seen, 'interactions seen');
};

/** D2, and what a late start costs: upstream mostly says less, and never more than there is. */
const upstreamMayLose = ({ said, scene }, truth) => {
  const upstream = said.views[0].vitals.INP?.value ?? 0;
  assert.ok(upstream <= truth, `upstream says ${upstream}, in truth ${truth}`);
  scene.lost.push(truth - upstream);
};

const clicks = (...selectors) => async (tab) => {
  await painted(tab);
  for (const selector of selectors) await tab.click(selector);
};

/** One event listener has run so many times. */
const events = (tab, type, count = 1) => tab.untilPage(`${count} ${type}`, (type, count) => window.events.filter((each) => each === type).length >= count, type, count);

/** Clicks counted by the agent too, when the shim saw them. */
const assertCounts = (count) => ({ ours }) => {
  assert.equal(ours[0].context.interactions, count);
  assert.equal(ours[0].context.interactions_seen, count);
};

/** Things people do with a pointer or a keyboard, each as the oracle says. */
const gesture = ([name, act, isMeasured = true]) => ({
  name: `30 ${name}: as the oracle says`,
  page: 'inputs.html?click=60&pointerdown=40&keydown=40',
  settles: true,
  isChromiumOnly: true,
  act: async (tab) => {
    await painted(tab);
    await act(tab);
  },
  check: ({ ours, said }) => {
    assert.equal('INP' in ours[0].vitals, isMeasured);
    if (said.raw.count !== undefined) assert.equal(ours[0].context.interactions, said.raw.count, 'count of interactions');
  },
});

async function drag(tab) {
  const from = await tab.hover('#pad');
  await tab.mouse('mousePressed', from);
  for (let step = 1; step <= 5; step++) await tab.mouse('mouseMoved', { x: from.x + step * 10, y: from.y }, { button: 'left', buttons: 1 });
  await tab.mouse('mouseReleased', { x: from.x + 50, y: from.y });
  await events(tab, 'pointerup');
}

async function rightClick(tab) {
  const place = await tab.hover('#pad');
  await tab.mouse('mousePressed', place, { button: 'right', buttons: 2 });
  await tab.mouse('mouseReleased', place, { button: 'right' });
  await events(tab, 'contextmenu');
}

async function doubleClick(tab) {
  await tab.click('#b0');
  await tab.click('#b0', { clickCount: 2 });
  await events(tab, 'dblclick');
}

async function compose(tab) {
  await tab.evaluate('field.focus()');
  for (const text of ['n', 'に']) {
    await tab.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Process', code: 'KeyN', windowsVirtualKeyCode: 229 });
    await tab.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
    await tab.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'n', code: 'KeyN', windowsVirtualKeyCode: 78 });
  }
  await tab.send('Input.insertText', { text: 'に' });
  await events(tab, 'compositionend');
}

export const INPUTS = [
  {
    name: '22 clicks that block for 60, 120 and 300 ms: INP is the longest, as the oracle says',
    page: 'inputs.html?click=60,120,300',
    settles: true,
    act: clicks('#b0', '#b1', '#b2'),
    check: (sides) => {
      atLeast(296)(inpOf(sides));
      isRaw(sides);
      if (sides.said.raw.CLS !== undefined) assertCounts(3)(sides);
    },
  },
  {
    name: '22 a slow click and fifty quick ones, too short for an entry: the second longest counts, as the oracle says',
    page: 'inputs.html?click=150,60,0',
    isChromiumOnly: true,
    settles: true,
    act: async (tab) => {
      await clicks('#b0', '#b1')(tab);
      await tab.evaluate('new Promise((done) => setTimeout(() => done(true), 300))');
      await tab.clickQuickly(await tab.hover('#b2'), 50);
    },
    check: (sides) => {
      assert.ok(inpOf(sides) < 144, `INP ${inpOf(sides)}`);
      assert.equal(sides.ours[0].context.interactions, 52, 'the browser\'s own count at the end');
    },
  },
  {
    name: '23 five keys with 80 ms at keydown and 20 ms at keyup: as the oracle says',
    page: 'inputs.html?keydown=80&keyup=20',
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await tab.evaluate('field.focus()');
      for (const letter of 'hello') await tab.press(letter);
      await events(tab, 'keyup', 5);
    },
    check: (sides) => {
      atLeast(72)(inpOf(sides));
    },
  },
  {
    name: '24 100 ms at pointerdown and 50 ms at click of one interaction: the longest counts, as the oracle says',
    page: 'inputs.html?pointerdown=100&click=50',
    settles: true,
    act: clicks('#b0'),
    check: (sides) => {
      atLeast(96)(inpOf(sides));
      isRaw(sides);
    },
  },
  {
    name: '25 interactions of 20 to 30 ms only: at threshold 16 as the oracle says; D3, at 40 upstream knows the first input only',
    page: 'inputs.html?click=20,25,28',
    settles: true,
    act: clicks('#title', '#b0', '#b1', '#b2'),
    check: (sides) => {
      isRaw(sides);
      assert.ok(inpOf(sides) >= 16);
      const { at40 = 0 } = sides.said.views[0];
      assert.ok(inpOf(sides) < 40 ? at40 < inpOf(sides) : at40 <= inpOf(sides), `at 40 upstream says ${at40}, ours ${inpOf(sides)}`);
    },
  },
  {
    name: '26 a 120 ms click and another tab 100 ms later: D2, ours is the raw observer\'s',
    page: 'inputs.html?click=60,120',
    isLeft: false,
    except: ['INP'],
    act: async (tab) => {
      await clicks('#b0', '#b1')(tab);
      await tab.evaluate('new Promise((done) => setTimeout(done, 100))');
      await tab.hide();
    },
    check: (sides) => {
      atLeast(112)(inpOf(sides));
      isRaw(sides);
      upstreamMayLose(sides, sides.said.raw.INP);
    },
  },
  {
    name: '26 a 120 ms click and a navigation while the page is busy: D2, ours is the raw observer\'s',
    page: 'inputs.html?click=60,120',
    except: ['INP'],
    isLeft: false,
    act: async (tab) => {
      await clicks('#b0', '#b1')(tab);
      await tab.evaluate(`void setTimeout(() => { location.href = 'about:blank'; block(100); }, 20)`);
    },
    check: (sides) => {
      atLeast(112)(inpOf(sides));
      isRaw(sides);
      upstreamMayLose(sides, sides.said.raw.INP);
    },
  },
  {
    name: '27 a 200 ms click on a link to a page that takes 400 ms: D2, ours is the raw observer\'s, upstream\'s older or absent',
    page: 'inputs.html?click=60&link=200',
    except: ['INP'],
    isLeft: false,
    act: async (tab) => {
      await clicks('#b0', '#link')(tab);
    },
    check: (sides) => {
      atLeast(200)(inpOf(sides));
      isRaw(sides);
      upstreamMayLose(sides, sides.said.raw.INP);
    },
  },
  {
    name: '28 snippet early, agent and oracle late, after clicks of 30, 60 and 120 ms: INP as the oracle says, and ours counts all',
    page: 'inputs.html?click=30,60,120&agent=late&oracle=late',
    settles: true,
    act: async (tab) => {
      for (const selector of ['#b0', '#b1', '#b2']) await tab.click(selector);
      await tab.evaluate('loadLate()');
      await painted(tab);
    },
    check: (sides) => {
      atLeast(112)(inpOf(sides));
      assertCounts(3)(sides);
    },
  },
  {
    name: '28 the longest click below 104 ms: ours knows it from the snippet, upstream the first input only',
    page: 'inputs.html?click=64&agent=late&oracle=late',
    settles: true,
    except: ['INP'],
    act: async (tab) => {
      await tab.click('#b0');
      await tab.evaluate('loadLate()');
      await painted(tab);
    },
    check: (sides) => {
      atLeast(64)(inpOf(sides));
      upstreamMayLose(sides, inpOf(sides));
    },
  },
  {
    name: '29 a touch that becomes a scroll: no interaction, as the oracle says',
    page: 'inputs.html?pointerdown=40',
    isChromiumOnly: true,
    settles: true,
    act: async (tab) => {
      await painted(tab);
      await tab.send('Emulation.setTouchEmulationEnabled', { enabled: true });
      const touch = (type, y) => tab.send('Input.dispatchTouchEvent', { type, touchPoints: y === undefined ? [] : [{ x: 200, y }] });
      await touch('touchStart', 400);
      for (let y = 380; y >= 100; y -= 20) await touch('touchMove', y);
      await touch('touchEnd');
      await events(tab, 'pointercancel');
    },
    check: ({ ours }) => {
      assert.ok(!('INP' in ours[0].vitals));
      assert.equal(ours[0].context.interactions ?? 0, 0);
    },
  },
  ...[['a drag', drag], ['a context menu', rightClick], ['a double click', doubleClick], ['a composition of an input method', compose]].map(gesture),
  {
    name: '31 a click while the main thread is busy for 400 ms: FID as 4.2.4 says',
    page: 'inputs.html?click=20',
    settles: true,
    act: async (tab) => {
      await painted(tab);
      const place = await tab.hover('#b0');
      await tab.evaluate('void setTimeout(() => block(400))');
      await tab.clickAt(place);
      await events(tab, 'click');
    },
    // Firefox stamps driven input when the page gets it.
    check: ({ ours, scene }) => assert.ok(ours[0].vitals.FID.value >= (scene.browser.name === 'chromium' ? 100 : 0), `FID ${ours[0].vitals.FID.value}`),
  },
];
