// From what was there before the agent to the agent: the inline snippet's stub stays, a queue that a page wrote itself gets a real one
// in its place, and no call is lost.

import { call } from '../../agent-wasm/src/api.js';
import { arrive } from '../../agent-wasm/src/gate.js';
import { bringEngine } from './load.js';
import { stub } from './stub.js';

/** @returns the callable of the page, from now on served by the agent; `options` start it before anything that was called. */
export function takeOver(found, options) {
  const early = found?.early;
  const callable = early ? found : stub;
  callable.isLoaded = 1;
  arrive(early, bringEngine);
  const kept = Array.from(found?.q || []);
  callable.q = { push: call };
  // The page's calls come after its own start, so that they find an agent.
  if (options) call([0, 'start', options]);
  kept.forEach(call);
  return callable;
}
