// What the page may call, by name. Nothing of the agent imports this: everything else is there before it.

import { close, setConsent, start } from './gate.js';
import { operation } from './operations.js';
import { attempt } from './page.js';
import { flushNow, guarded, setRoute } from './signals.js';
import { setContext } from './views.js';
import { setOffline } from './delivery.js';

/** The first argument is when the page called. */
const METHODS = {
  start,
  setRoute,
  setContext,
  setConsent,
  time: guarded((at, name, duration, errorType) => operation(name, duration, errorType, at)),
  measure: guarded((at, name, duration, detail) => operation(name, duration, undefined, at - duration, detail)),
  flush: flushNow,
  offline: setOffline,
  stop() {
    flushNow();
    close();
  },
};

/** Does what the page asks, `[when, method, ...]` or, from a queue that the page wrote itself, without the time. What fails stays in
 * here, an unknown method too. */
export const call = (whole) =>
  attempt(() => {
    const [at, method, ...facts] = whole;
    if (typeof at == 'string') call([performance.now(), ...whole]);
    else METHODS[method](at, ...facts);
  });
