// The script build, `agent.js`: reads its own tag's attributes, takes over the inline snippet if there is one, and loads the agent. A
// second copy on the page does nothing.

import { bringToLife } from './load.js';
import { shim } from './shim.js';
import { stub } from './stub.js';

// Only now: it is null once this script has run.
const tag = document.currentScript;
const found = window.vitalscope;
// The inline snippet's stub stays. A queue that a page wrote itself gets a real one in its place and loses no call.
const global = found && (found.early || found.isLoaded) ? found : (window.vitalscope = stub());
if (found && found != global) Array.from(found.q || []).forEach((each) => global(...each));

if (global.isLoaded) {
  console.warn('vitalscope: loaded twice');
} else {
  global.isLoaded = true;
  const options = optionsOf(tag);
  // The tag's own start comes first, so that the page's calls find an agent.
  if (options) global.q.unshift([0, 'start', options]);
  try {
    // Without the snippet, from now on: the browser keeps the past of most types.
    if (global.early) global.early.isInline = true;
    else global.early = shim();
    bringToLife(global);
  } catch {
    // No observers: nothing to measure, nothing to keep.
    global.q = { push() {} };
  }
}

/** Options from `data-*`; without `data-app` the page starts the agent itself. */
function optionsOf(element) {
  const data = element && element.dataset;
  if (!data || !data.app) return null;
  const options = { ...data, endpoint: data.endpoint || new URL(element.src, location.href).origin };
  if (data.sampleRate) options.sampleRate = +data.sampleRate;
  if (data.route) options.route = () => data.route;
  return options;
}
