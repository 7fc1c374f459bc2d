// Brings the agent to life without getting in the page's way: after the load event, in an idle moment; at once when the page hides
// before that, for then this is the last chance. Where WebAssembly may not run, the agent keeps what it hears for the collector.

import { arrive, call } from '../../agent-wasm/src/gate.js';
import { load } from '#glue';
import { bytes } from '#wasm';

/** A page that never finishes loading is measured all the same. */
const LONGEST_WAIT_MS = 10_000;
/** An idle moment that does not come is not waited for. */
const IDLE_TIMEOUT_MS = 2_000;
/** Each attempt under a policy that forbids WebAssembly is reported to the site: one a visit is enough. */
const FORBIDDEN = 'vitalscope-raw';

/** @param {Function & {q: {push: Function}, early?: object}} stub whose calls the agent takes over */
export function bringToLife(stub) {
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    removeEventListener('visibilitychange', onVisibility, true);
    arrive(stub.early, exportsOf());
    const kept = stub.q;
    stub.q = { push: call };
    kept.forEach(call);
  };
  const onVisibility = () => document.hidden && begin();
  const whenIdle = () => (window.requestIdleCallback ? requestIdleCallback(begin, { timeout: IDLE_TIMEOUT_MS }) : setTimeout(begin, 1));
  addEventListener('visibilitychange', onVisibility, true);
  setTimeout(begin, LONGEST_WAIT_MS);
  if (document.readyState == 'complete') whenIdle();
  else addEventListener('load', () => setTimeout(whenIdle), { once: true, capture: true });
}

/** WebAssembly's exports, if it may run. */
function exportsOf() {
  let storage;
  try {
    storage = sessionStorage;
    if (storage[FORBIDDEN]) return;
  } catch {}
  try {
    return load(bytes());
  } catch {
    try {
      storage[FORBIDDEN] = 1;
    } catch {}
  }
}
