// The npm entry: the same agent as the script build, started by the page's own code. Importing it touches nothing.

import { takeOver } from './takeover.js';

let started;

/** Starts measuring. A second call gives the same handle. */
export function start(options) {
  if (started) return started;
  const found = typeof window == 'object' && window.vitalscope;
  // A copy: the caller may reuse its object.
  const call = takeOver(found && !found.isLoaded ? found : undefined, { ...options });
  if (options?.offline) call('offline', options.offline);
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
