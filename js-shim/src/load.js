// Brings the engine without getting in the page's way: when the page has loaded, in an idle moment. Where WebAssembly may not run, the
// agent goes on keeping what it hears for the collector.

import { GRANTED, life } from '../../agent-wasm/src/gate.js';
import { attempt } from '../../agent-wasm/src/page.js';
import { load } from '#glue';
import { bytes } from '#wasm';

/** A page that never finishes loading is measured all the same. */
const LONGEST_WAIT_MS = 10_000;
/** An idle moment that does not come is not waited for. */
const IDLE_TIMEOUT_MS = 2_000;
/** Each attempt under a policy that forbids WebAssembly is reported to the site: one a visit is enough. */
const FORBIDDEN = 'vitalscope-raw';

/** Makes the engine and hands it to `engage`, once.
 * @returns what is called when the page has loaded */
export function bringEngine(engage) {
  let begun;
  const begin = () => {
    if (begun) return;
    begun = 1;
    // Storage may be forbidden too: then each page tries.
    if (attempt(() => sessionStorage[FORBIDDEN])) return;
    const exports = attempt(() => load(bytes()));
    if (exports) engage(exports);
    else if (life?.consent == GRANTED) attempt(() => (sessionStorage[FORBIDDEN] = 1));
  };
  setTimeout(begin, LONGEST_WAIT_MS);
  return () => (window.requestIdleCallback || setTimeout)(begin, { timeout: IDLE_TIMEOUT_MS });
}
