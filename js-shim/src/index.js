// The npm entry: the same agent as the script build, started by the page's own code. Importing it touches nothing.

import { canMeasure, giveUp, load } from './load.js';
import { stub } from './stub.js';

let started;

/** Starts measuring. A second call gives the same handle. */
export function start(options) {
  if (started) return started;
  const inline = typeof window === 'object' && window.vitalscope;
  const call = inline && inline.q && !inline.isLoaded ? inline : stub();
  if (typeof window === 'object' && canMeasure()) {
    call.isLoaded = true;
    // A copy: the caller may reuse its object.
    call.q.unshift(['start', { ...options }]);
    load(call);
  } else {
    giveUp(call);
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
