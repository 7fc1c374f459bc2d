// Operations: what the page times itself, and what its timeline says of requests, user timings and slow interactions. They count
// once each, so they go into one beacon and stay there. Budgets are judged here too, of operations and of vitals.

import { flush } from './delivery.js';
import { life, note } from './gate.js';
import { attempt, cut, flat, isHidden, round } from './page.js';
import { current } from './views.js';

const MAX_NAME_BYTES = 200;
const MAX_DETAIL_KEYS = 8;
/** Longer operations are a machine that slept, ms. */
const MAX_DURATION = 600e3;
/** Encoded operations that make a beacon: exit beacons of the page share 64 KiB. */
const FULL_BYTES = 16e3;
/** A value this many times over its budget is critical. */
const CRITICAL = 2;

/** What was given up since the last beacon, by reason. */
let drops = {};

export function dropped(reason, count = 1) {
  if (count > 0) {
    drops[reason] = (drops[reason] || 0) + count;
    note('refused', reason, count);
  }
}

/** The counts, for the beacon that takes them; nothing when there are none. */
export function takeDrops() {
  const taken = drops;
  drops = {};
  return Object.keys(taken)[0] && taken;
}

/** Tells the page something when the agent has finished; what it throws is no error of the page. */
export const tell = (callback, object) => callback && queueMicrotask(() => attempt(() => callback(object)));

/** Records an operation that began `at` and answers it, if it is kept. A full buffer goes. */
export function operation(name, duration, errorType, at, detail) {
  if (!current) return;
  if (!(duration >= 0 && duration <= MAX_DURATION && name)) return dropped('out-of-range');
  // Full and not flushed: nothing may be sent yet.
  if (current.ops.length >= life.bufferSize) return dropped('buffer-full');
  const { memory_bytes, input_size, ...rest } = detail || {};
  const kept = {
    n: cut('' + name, MAX_NAME_BYTES),
    v: round(duration),
    ok: typeof errorType != 'string',
    error: errorType && cut('' + errorType, MAX_NAME_BYTES),
    at: round(Math.max(at - current.since, 0)),
    ...flat({ memory_bytes, input_size }, 2),
    detail: flat(rest, MAX_DETAIL_KEYS),
  };
  current.ops.push(kept);
  current.opsBytes += JSON.stringify(kept).length;
  note('kept', kept);
  judge(kept.n, duration);
  if (current.ops.length >= life.bufferSize || current.opsBytes > FULL_BYTES) flush();
  return kept;
}

/** Tells the page of a value over its budget: a number, or `{limit, impact}`. */
export function judge(name, value) {
  const set = life.budgets[name];
  const budget = set?.limit ?? set;
  if (value > budget) {
    tell(life.onBudgetViolation, {
      name,
      value,
      budget,
      severity: value > CRITICAL * budget ? 'critical' : 'warning',
      impact: set.impact || (isHidden() ? 'background' : 'user-visible'),
      route: current.route,
    });
  }
}
