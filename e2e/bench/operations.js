// What a custom operation costs the page that reports it, sending included: time and memory for 1,000 of them, with a budget on
// its name and without.

import { AGENT } from './candidates.js';
import { evaluate, sleep } from './chromium.js';
import { holdings, openWatched, sum_bytes } from './heap.js';
import { spread } from './spread.js';

const OPERATIONS = 1_000;
const START_MS = 1_500;
/** Longer than the 10 s for which an agent may hold on to a request. */
const SETTLE_MS = 12_000;
/** Times of so many pages each are enough: they differ little. */
const MOST_RUNS = 5;
const BARS = { operation_ms: 0.1, check_ms: 0.05, held_bytes: 100_000 };
/** Every second operation is over the budget, so that both ways through the check are taken. */
const BUDGET = { budgets: { checkout: 10 } };

export async function operations({ browser, site, runs, say }) {
  const times = [];
  const checks = [];
  for (let run = 0; run < Math.min(runs, MOST_RUNS); run += 1) {
    times.push(await timed(browser, site, {}));
    checks.push((await timed(browser, site, BUDGET)) - times.at(-1));
  }
  const held = await Promise.all([held_bytes(browser, site), held_bytes(browser, site)]);
  say('operations: measured');
  return {
    bars: [
      { what: `one operation, mean of ${OPERATIONS}`, unit: 'ms', most: BARS.operation_ms, measured: spread(times) },
      { what: 'one budget check', unit: 'ms', most: BARS.check_ms, measured: spread(checks) },
      { what: `held after ${OPERATIONS} operations`, unit: 'bytes', most: BARS.held_bytes, measured: spread(held) },
    ],
    raw: { times, checks, held },
  };
}

const open = (browser, site, start) =>
  openWatched(browser, `${site.origin}/${AGENT}/?app=operations&start=${encodeURIComponent(JSON.stringify(start))}`);

/** Mean time of one operation, ms. A page of its own: the first batch is what a visitor meets, not a warmed-up loop. */
async function timed(browser, site, start) {
  const page = await open(browser, site, start);
  try {
    await sleep(START_MS);
    return (await report(page)) / OPERATIONS;
  } finally {
    await page.close();
  }
}

async function held_bytes(browser, site) {
  const page = await open(browser, site, {});
  try {
    await sleep(START_MS);
    const before = await holdings(page);
    await report(page);
    await sleep(SETTLE_MS);
    return sum_bytes(await holdings(page)) - sum_bytes(before);
  } finally {
    await page.close();
  }
}

/** Reports all operations; answers how long that took, ms. */
function report(page) {
  return evaluate(page, `(() => {
    const begun = performance.now();
    for (let count = 0; count < ${OPERATIONS}; count += 1) vitalscope('measure', 'checkout', count % 2 ? 5 : 15);
    return performance.now() - begun;
  })()`);
}
