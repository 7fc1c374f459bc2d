// The callable that a page uses before the agent is there: it keeps calls in `.q`, bounded, and runs timed functions at once.

import { time } from './time.js';

/** Calls kept until the agent takes them over. */
const MAX_CALLS = 500;

/** @returns {Function & {q: Array}} `stub(method, ...args)`; each call waits as `[method, ...args]`. */
export function stub() {
  const call = (method, ...args) => {
    if (method == 'time') return time((...facts) => call('operation', args[0], ...facts), args[1]);
    // A measurement ends when it is reported, not when the agent gets to know.
    if (method == 'measure') return call('operation', args[0], args[1], undefined, performance.now() - args[1], args[2]);
    const whole = [method, ...args];
    if (call.take) call.take(whole);
    else if (call.q.length < MAX_CALLS) call.q.push(whole);
  };
  call.q = [];
  return call;
}
