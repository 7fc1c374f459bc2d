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

if (!self.vitalscope) {
  (self.vitalscope = stub).q = [];
  // Fails where the browser lacks what it takes: a guest stays silent.
  try {
    const records = [];
    // Hidden from the start at 0, which of a prerendered page nobody believes: it is before its activation; negative until it is.
    const raw = { hidden: document.hidden - 1, dropped: 0, records, shifts: !!self.LayoutShift };
    const keep = (entries) =>
      entries.map((entry) => {
        // Most events are part of no interaction.
        if (entry.interactionId !== 0) records[LAST] ? raw.dropped++ : records.push({ ...plain(entry), target: blamed(entry) });
      });
    let observer = new PerformanceObserver((list) => keep(list.getEntries()));
    // The beginning of a raw-entry beacon. On plain http browsers give no name: then the agent names the view. `stop` takes the last
    // records; whoever stopped it has the word from there on.
    const early = (stub.early = {
      v: 1,
      view: crypto.randomUUID?.(),
      seq: 0,
      raw,
      stop() {
        keep(observer.takeRecords());
        observer = observer.disconnect();
      },
    });
    const onVisibility = () => {
      // Fails too where there is nothing to tell it to.
      try {
        if (document.hidden) {
          keep(observer.takeRecords());
          if (raw.hidden < 0) raw.hidden = performance.now();
          const { dataset, src } = document.querySelector('script[data-app]');
          raw.navigation = plain(performance.getEntriesByType('navigation')[0]);
          // Says no more than is known without the agent, and nothing where consent or the visit's lot would have to be asked first.
          dataset.consent ||
            dataset.sampleRate ||
            navigator.sendBeacon(
              (dataset.endpoint || new URL(src).origin) + '/v1/views/' + dataset.app,
              JSON.stringify({
                // Release, environment and route under the names that the tag gives them; what else the site wrote there is ignored.
                ...dataset,
                ...early,
                raw: { ...raw, records: records.slice(0, MAX_SENT) },
                session: sessionStorage.vitalscope,
                sent: Date.now(),
                // Of a prerendered page, when it was shown.
                start: performance.timeOrigin + (raw.navigation.activationStart || 0),
                // Coarser than the agent's rule: anything that may identify.
                path: location.pathname.replace(/[^/]*[\d@][^/]*|\w{16,}/g, ':id'),
                seq: early.seq++,
              }),
            );
        }
      } catch {}
    };
    addEventListener('visibilitychange', onVisibility, 1);
    // A type that a browser lacks is a vital that it lacks; asking for it throws nothing. 16 ms is the least event duration that
    // browsers report; their default of 104 ms hides most interactions.
    TYPES.map((type) => observer.observe({ durationThreshold: 16, type, buffered: 1 }));
  } catch {}
}
