// What a custom operation costs the page that reports it, sending included: time and memory for 1,000 of them, with a budget on
// its name and without.

import { AGENT } from './candidates.js';
import { evaluate, sleep } from './chromium.js';
import { holdings, openCaught, sum_bytes } from './heap.js';
import { spread } from './spread.js';

const OPERATIONS = 1_000;
const SETTLE_MS = 1_500;
const BARS = { operation_ms: 0.1, check_ms: 0.05, held_bytes: 100_000 };
/** Every second operation is over the budget, so that both ways through the check are taken. */
const BUDGET = { budgets: { checkout: 10 } };

export async function operations({ browser, site, runs, say }) {
  const plain = [];
  const budgeted = [];
  for (let run = 0; run < runs; run += 1) {
    plain.push(await report(browser, site, {}));
    budgeted.push(await report(browser, site, BUDGET));
  }
  say('operations: measured');
  const times = plain.map(({ operation_ms }) => operation_ms);
  const checks = budgeted.map(({ operation_ms }, run) => operation_ms - times[run]);
  return {
    bars: [
      { what: `one operation, mean of ${OPERATIONS}`, unit: 'ms', most: BARS.operation_ms, measured: spread(times) },
      { what: 'one budget check', unit: 'ms', most: BARS.check_ms, measured: spread(checks) },
      { what: `held after ${OPERATIONS} operations`, unit: 'bytes', most: BARS.held_bytes, measured: spread(plain.map(({ held_bytes }) => held_bytes)) },
    ],
    raw: { plain, budgeted },
  };
}

/** On a page of its own: the first batch is what a page's visitor meets, not a warmed-up loop. */
async function report(browser, site, start) {
  const query = `app=operations&start=${encodeURIComponent(JSON.stringify(start))}`;
  const page = await openCaught(browser, `${site.origin}/${AGENT}/?${query}`);
  try {
    await sleep(SETTLE_MS);
    const before = await holdings(page);
    const took_ms = await evaluate(page, `(() => {
      const begun = performance.now();
      for (let count = 0; count < ${OPERATIONS}; count += 1) vitalscope('measure', 'checkout', count % 2 ? 5 : 15);
      return performance.now() - begun;
    })()`);
    await sleep(SETTLE_MS);
    const after = await holdings(page);
    return { operation_ms: took_ms / OPERATIONS, held_bytes: sum_bytes(after) - sum_bytes(before) };
  } finally {
    await page.close();
  }
}
