// The script build, `agent.js`: reads its own tag's attributes, takes over the inline snippet if there is one, and loads the
// agent. A second copy on the page does nothing.

import { canMeasure, giveUp, load } from './load.js';
import { stub } from './stub.js';

// Only now: it is null once this script has run.
const tag = document.currentScript;
const found = window.vitalscope;
// The inline snippet's stub stays. A queue that a page wrote itself gets a real one in its place and loses no call.
const global = found && (found.early || found.isLoaded) ? found : (window.vitalscope = stub());
if (found && found != global) Array.from(found.q || []).forEach((call) => global(...call));

if (global.isLoaded) {
  console.warn('vitalscope: loaded twice');
} else {
  global.isLoaded = true;
  const options = optionsOf(tag);
  // The tag's own start comes first, so that the page's calls find an agent.
  if (options) global.q.unshift(['start', options]);
  if (!canMeasure()) {
    giveUp(global);
  } else {
    if (!global.early) global.early = rememberHidden();
    load(global);
  }
}

/** Options from `data-*`; without `data-app` the page starts the agent itself. */
function optionsOf(element) {
  const data = element && element.dataset;
  if (!data || !data.app) return null;
  const options = {
    app: data.app,
    endpoint: data.endpoint || new URL(element.src, location.href).origin,
    release: data.release,
    environment: data.environment,
    consent: data.consent,
  };
  if (data.sampleRate) options.sampleRate = +data.sampleRate;
  if (data.route) options.route = () => data.route;
  return options;
}

/** Without the snippet the agent's own observers see the past, but not every browser remembers when a page was hidden. */
function rememberHidden() {
  const hidden = document.visibilityState === 'hidden' ? [0] : [];
  const note = (event) => document.visibilityState === 'hidden' && hidden.length < 9 && hidden.push(event.timeStamp);
  addEventListener('visibilitychange', note, true);
  return { hidden, stop: () => removeEventListener('visibilitychange', note, true) };
}
