// The inline snippet: the callable stub plus the shim, before anything else in the page. The shim observes a page from its first
// millisecond and keeps what it sees as plain, bounded copies of the timeline's records, until the agent takes them over. It copies, it
// never computes: what a vital is, is the engine's business. If the page hides before the agent is there, it sends what it has seen as
// it is, a raw-entry beacon, on which the collector runs the engine. Never clobbers an existing global.

import { TYPES, blamed, plain } from '../../agent-wasm/src/records.js';
import { stub } from './stub.js';

/** Place of the last copy that is kept; further ones are counted. Shifts come by the hundred on a bad page and must not crowd out clicks. */
const LAST = 1999;
/** As many as fit into what a browser takes from a page that goes. */
const MAX_SENT = 250;

if (!window.vitalscope) {
  window.vitalscope = stub();
  // Fails where the browser lacks what it takes: a guest stays silent.
  try {
    // Hidden from the start at 0; negative until it is. A prerendered page was never shown.
    const raw = { records: [], hidden: (document.hidden && !document.prerendering) - 1, dropped: 0, shifts: !!window.LayoutShift };
    const keep = (entries) =>
      entries.map((entry) => {
        // Most events are part of no interaction.
        if (entry.interactionId !== 0) raw.records[LAST] ? raw.dropped++ : raw.records.push({ ...plain(entry), target: blamed(entry) });
      });
    const observer = new PerformanceObserver((list) => keep(list.getEntries()));
    const take = () => keep(observer.takeRecords());
    const listen = (change) => change('visibilitychange', onVisibility, true);
    // The beginning of a raw-entry beacon. On plain http browsers give no name: then the agent names the view. `stop` takes the last
    // records.
    const early = (vitalscope.early = {
      v: 1,
      view: crypto.randomUUID?.(),
      seq: 0,
      raw,
      stop() {
        take();
        observer.disconnect();
        listen(removeEventListener);
      },
    });
    const onVisibility = (event) => {
      // Fails too where there is nothing to tell it to.
      try {
        if (!document.hidden) return;
        take();
        if (raw.hidden < 0) raw.hidden = event.timeStamp;
        const { dataset, src } = document.querySelector('script[data-app]');
        // Says no more than is known without the agent, and nothing where consent or the visit's lot would have to be asked first.
        if (dataset.consent || dataset.sampleRate) return;
        raw.navigation = plain(performance.getEntriesByType('navigation')[0]);
        navigator.sendBeacon(
          (dataset.endpoint || new URL(src).origin) + '/v1/views/' + dataset.app,
          JSON.stringify({
            // Release, environment and route under the names that the tag gives them; what else the site wrote there is ignored.
            ...dataset,
            ...early,
            session: sessionStorage.vitalscope,
            sent: Date.now(),
            // Of a prerendered page, when it was shown.
            start: performance.timeOrigin + (raw.navigation.activationStart || 0),
            // Coarser than the agent's rule: anything that may identify.
            path: location.pathname.replace(/[^/]*[\d@][^/]*|\w{16,}/g, ':id'),
            raw: { ...raw, records: raw.records.slice(0, MAX_SENT) },
          }),
        );
        early.seq++;
      } catch {}
    };
    listen(addEventListener);
    // A type that a browser lacks is a vital that it lacks; asking for it throws nothing. 16 ms is the least event duration that
    // browsers report; their default of 104 ms hides most interactions.
    TYPES.map((type) => observer.observe({ type, buffered: true, durationThreshold: 16 }));
  } catch {}
}
