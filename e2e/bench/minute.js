// An ordinary minute in real time, with two interactions: what the agent sends, how much of a core it takes and what it holds. One
// page goes away after the minute, one stays idle for another, one has no agent. They run beside each other.

import { AGENT, NOTHING } from './candidates.js';
import { evaluate, go, openPage, sleep } from './chromium.js';
import { holdings, openWatched, sum_bytes } from './heap.js';
import { startTrace } from './recording.js';
import { spread } from './spread.js';
import { WORK_MARK, attribute } from './trace.js';
import { belongsTo, press } from './visit.js';

const MINUTE_MS = 60_000;
/** When the page shifts once, and when its visitor clicks. */
const SHIFT_AT_MS = 3_000;
const CLICKS_AT_MS = [10_000, 35_000];
/** Time for a body on its way to arrive. */
const ARRIVAL_MS = 2_000;

const BARS = {
  request_bytes: 900, view_bytes: 2_400, requests: 4, idle_bytes: 1_024,
  core_percent: 1, held_bytes: 5_000_000,
};

export async function minute({ browser, site, say }) {
  const trace = await startTrace(browser);
  const visits = await Promise.all([
    visit(browser, site, AGENT, 'leaves', openTimed),
    visit(browser, site, AGENT, 'stays', openWatched),
    visit(browser, site, NOTHING, 'without', openWatched),
  ]);
  const [leaves, stays, without] = visits;
  const begun_ms = Date.now();
  await go(leaves, `${site.origin}/away`);
  await sleep(ARRIVAL_MS);
  const cost = attribute(await trace.stop(), belongsTo(site, AGENT));
  const held_bytes = sum_bytes(await holdings(stays)) - sum_bytes(await holdings(without));
  say('minute: over, now an idle one');
  await sleep(begun_ms + MINUTE_MS + ARRIVAL_MS - Date.now());
  await Promise.all(visits.map((page) => page.close()));

  const of = (app) => site.received.filter(({ path }) => path.endsWith(`/${app}`));
  const bodies = of('leaves').map(({ bytes }) => bytes);
  const idle = of('stays').filter(({ at_ms }) => at_ms >= begun_ms && at_ms < begun_ms + MINUTE_MS);
  const total = (list) => list.reduce((sum, bytes) => sum + bytes, 0);
  const cpu_ms = cost.startup.cpu_ms + cost.after.cpu_ms;
  const bar = (what, unit, most, value) => ({ what, unit, most, measured: spread([value]) });
  return {
    bars: [
      bar('largest body of a one-minute view', 'bytes', BARS.request_bytes, Math.max(...bodies)),
      bar('all bodies of it', 'bytes', BARS.view_bytes, total(bodies)),
      bar('requests of it', 'requests', BARS.requests, bodies.length),
      bar('all bodies of a further idle minute', 'bytes', BARS.idle_bytes, total(idle.map(({ bytes }) => bytes))),
      bar('of one core over the minute, start-up included', '%', BARS.core_percent, (100 * cpu_ms) / MINUTE_MS),
      bar('memory held after the minute, beyond the page\'s own', 'bytes', BARS.held_bytes, held_bytes),
    ],
    raw: { cpu_ms, bodies, idle, held_bytes },
  };
}

/** The page that the trace is about: marked, and without anything else of ours in it. */
async function openTimed(browser, url) {
  const page = await openPage(browser);
  await go(page, url);
  await evaluate(page, `performance.mark('${WORK_MARK}')`);
  return page;
}

/** Opens the page and lives one minute on it. The page is still open afterwards. */
async function visit(browser, site, name, app, open) {
  const url = `${site.origin}/${name}/?app=${app}`;
  const begun_ms = Date.now();
  const until = (at_ms) => sleep(Math.max(begun_ms + at_ms - Date.now(), 0));
  const page = await open(browser, url);
  await until(SHIFT_AT_MS);
  await evaluate(page, 'work.answerSlowly(); work.shift(1)');
  for (const at_ms of CLICKS_AT_MS) {
    await until(at_ms);
    await press(page, { x: 460, y: 30 }, true);
  }
  await until(MINUTE_MS);
  return page;
}
