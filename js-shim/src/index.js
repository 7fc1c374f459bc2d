// The npm entry: the same agent as the script build, started by the page's own code. Importing it touches nothing.

import { bringToLife } from './load.js';
import { shim } from './shim.js';
import { stub } from './stub.js';

let started;

/** Starts measuring. A second call gives the same handle. */
export function start(options) {
  if (started) return started;
  const inline = typeof window == 'object' && window.vitalscope;
  const call = inline && inline.q && !inline.isLoaded ? inline : stub();
  call.isLoaded = true;
  // A copy: the caller may reuse its object.
  call.q.unshift([0, 'start', { ...options }]);
  try {
    if (call.early) call.early.isInline = true;
    else call.early = shim();
    bringToLife(call);
  } catch {
    // No observers, or no window: nothing to measure, nothing to keep.
    call.q = { push() {} };
  }
  const method = (name) => (...args) => call(name, ...args);
  started = {
    setRoute: method('setRoute'),
    setContext: method('setContext'),
    measure: method('measure'),
    time: method('time'),
    flush: method('flush'),
    setConsent: method('setConsent'),
    stop: () => {
      call('stop');
      started = undefined;
    },
  };
  return started;
}
