// The inline snippet: the callable stub plus the shim, before anything else in the page. If the page hides before the agent is there,
// it sends what the shim has seen as it is, a raw-entry beacon, on which the collector runs the engine. Never clobbers an existing
// global.

import { plain } from '../../agent-wasm/src/records.js';
import { shim } from './shim.js';
import { stub } from './stub.js';

const MAX_SENT = 250;

let early;

/** Says no more than is known without the agent, and nothing where consent or the visit's lot would have to be asked first. */
function send() {
  const tag = document.querySelector('script[data-app]');
  const { app, endpoint, consent, sampleRate } = tag.dataset;
  if (consent || sampleRate) return;
  const navigation = plain(performance.getEntriesByType('navigation')[0]);
  const beacon = {
    // Release, environment and route under the names that the tag gives them; what else the site wrote there is ignored.
    ...tag.dataset,
    ...early,
    session: sessionStorage.vitalscope,
    sent: Date.now(),
    // Of a prerendered page, when it was shown.
    start: early.start + (navigation.activationStart || 0),
    // Coarser than the agent's rule: anything that may identify.
    path: location.pathname.replace(/[^/]*[\d@][^/]*|\w{16,}/g, ':id'),
    // As many as fit into what a browser takes from a page that goes.
    raw: { ...early.raw, navigation, records: early.raw.records.slice(0, MAX_SENT) },
  };
  early.seq++;
  navigator.sendBeacon((endpoint || new URL(tag.src).origin) + '/v1/views/' + app, JSON.stringify(beacon));
}

if (!window.vitalscope) {
  window.vitalscope = stub();
  try {
    vitalscope.early = early = shim(send);
  } catch {}
}
