// Brings the agent to life without getting in the page's way: after the load event, in an idle moment; at once when the page
// hides before that, for then this is the last chance. Where WebAssembly or observers are missing it gives up quietly.

import { flush, initSync, operation, setConsent, setContext, setRoute, start, stop } from '#glue';
import { bytes } from '#wasm';

/** A page that never finishes loading is measured all the same. */
const LONGEST_WAIT_MS = 10_000;
/** An idle moment that does not come is not waited for. */
const IDLE_TIMEOUT_MS = 2_000;

const METHODS = { start, setRoute, setContext, operation, flush, setConsent, stop };

/** Whether this browser can run the agent at all. */
export function canMeasure() {
  return typeof WebAssembly == 'object' && typeof PerformanceObserver == 'function' && !!window.performance;
}

/**
 * @param {Function & {q: Array, early?: object, take?: Function}} stub whose calls the agent takes over
 */
export function load(stub) {
  let begun = false;
  const give = ([method, ...args]) => {
    try {
      METHODS[method](...args, ...(method == 'start' ? [stub.early] : []));
    } catch {
      // The agent is a guest: what fails in it stays in it, an unknown method too.
    }
  };
  const begin = () => {
    if (begun) return;
    begun = true;
    removeEventListener('visibilitychange', onVisibility, true);
    try {
      initSync({ module: bytes() });
    } catch {
      return giveUp(stub);
    }
    stub.take = give;
    stub.q.splice(0).forEach(give);
  };
  const onVisibility = () => document.visibilityState == 'hidden' && begin();
  const whenIdle = () =>
    window.requestIdleCallback ? requestIdleCallback(begin, { timeout: IDLE_TIMEOUT_MS }) : setTimeout(begin, 1);
  addEventListener('visibilitychange', onVisibility, true);
  setTimeout(begin, LONGEST_WAIT_MS);
  if (document.readyState == 'complete') whenIdle();
  else addEventListener('load', () => setTimeout(whenIdle), { once: true, capture: true });
}

/** Nothing will take the calls: forget them, keep nothing. */
export function giveUp(stub) {
  stub.q.length = 0;
  stub.take = () => {};
  if (stub.early) {
    stub.early.stop();
    stub.early = undefined;
  }
}
