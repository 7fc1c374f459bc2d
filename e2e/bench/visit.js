// One visit of the measured page: the work that every candidate sees, and the trace or profile of it.
// 1,000 layout shifts, 50 real clicks with 500 event entries of 40 ms and more, then away, so that exit beacons are in.

import { NOTHING } from './candidates.js';
import { evaluate, go, openPage, sleep, until } from './chromium.js';
import { startTrace } from './recording.js';
import { WORK_MARK, attribute } from './trace.js';

export const SHIFTS = 1_000;
export const CLICKS = 50;
export const EVENTS = 500;

/** After the load event: time to start up, for candidates that wait for an idle moment. */
const STARTUP_MS = 1_000;
/** Event entries arrive a frame late, and some peers wait for silence. */
const SETTLE_MS = 500;
/** A pointer that leaves the button in the same slow frame makes eight entries more; so many clicks make just over 500. */
const LEAVES_EVERY = 3;
/** Where the buttons and the space between them are, CSS pixels. */
const FIRST = { x: 460, y: 30 };
const SECOND = { x: 600, y: 30 };
const BETWEEN = { x: 530, y: 30 };

/** A traced visit: what the candidate's slices took, and what it sent. */
export async function traced(browser, site, { name }) {
  const page = await openPage(browser);
  try {
    const before = site.received.length;
    const trace = await startTrace(browser);
    const counts = await work(site, page, name);
    await go(page, `${site.origin}/away`);
    await sleep(SETTLE_MS);
    const cost = attribute(await trace.stop(), belongsTo(site, name));
    const sent = site.received.slice(before).filter(({ candidate }) => candidate === name);
    if (name !== NOTHING && sent.length === 0) throw new Error(`${name} sent nothing: is it set up right?`);
    return { ...cost, counts, sent_bytes: sent.reduce((sum, { bytes }) => sum + bytes, 0), requests: sent.length };
  } finally {
    await page.close();
  }
}

/** The candidate's script, and what is inline in its page. */
export function belongsTo(site, name) {
  const base = `${site.origin}/${name}/`;
  return (url) => name !== NOTHING && url.startsWith(base);
}

/** Opens the page of a candidate and does the work there; answers what the page counted. */
export async function work(site, page, name) {
  await go(page, `${site.origin}/${name}/`);
  await sleep(STARTUP_MS);
  if (name === NOTHING) await evaluate(page, 'work.count()');
  await evaluate(page, `performance.mark('${WORK_MARK}'); work.answerSlowly(); work.shift(${SHIFTS})`);
  await until(page, 'work.done');
  for (let click = 0; click < CLICKS; click += 1) {
    await press(page, click % 2 ? SECOND : FIRST, click % LEAVES_EVERY === 0);
  }
  await sleep(SETTLE_MS);
  const counts = await evaluate(page, 'work.counts');
  if (counts.clicks !== CLICKS) throw new Error(`the page of ${name} saw ${counts.clicks} clicks instead of ${CLICKS}`);
  return counts;
}

/** A click as the browser gets it from a person: the pointer comes, presses, and leaves again or stays; all within one slow frame. */
export async function press(page, at, leaves) {
  const mouse = (type, more = {}) => page.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1, ...more });
  const move = (to) => mouse('mouseMoved', { ...to, button: 'none', clickCount: 0 });
  await Promise.all([move(at), mouse('mousePressed'), mouse('mouseReleased'), leaves && move(BETWEEN)]);
}
