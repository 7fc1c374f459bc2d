// The script build, `agent.js`: reads its own tag's attributes, takes over the inline snippet if there is one, and brings the agent to
// life. A second copy on the page does nothing.

import { takeOver } from './takeover.js';

/** Options from `data-*`: a bare attribute switches on, `false` off. Without `data-app` the page starts the agent itself. */
function optionsOf(element) {
  const data = element?.dataset;
  if (!data?.app) return;
  const options = { endpoint: new URL(element.src, location.href).origin };
  for (const name in data) options[name] = data[name] == 'false' ? false : data[name] || true;
  options.sampleRate = +(data.sampleRate || 1);
  if (data.route) options.route = () => data.route;
  return options;
}

// Only now: it is null once this script has run.
const tag = document.currentScript;
const found = window.vitalscope;

if (found?.isLoaded) console.warn('vitalscope: loaded twice');
else window.vitalscope = takeOver(found, optionsOf(tag));
