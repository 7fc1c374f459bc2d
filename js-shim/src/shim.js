// The shim: observes a page from its first millisecond and keeps what it sees as plain, bounded copies of the timeline's records,
// until the agent takes them over. It copies, it never computes: what a vital is, is the engine's business.

import { TYPES, blamed, plain } from '../../agent-wasm/src/records.js';

/** Place of the last copy that is kept; further ones are counted. Shifts come by the hundred on a bad page and must not crowd out clicks. */
const LAST = 1999;

/**
 * Begins to observe. `onHidden` is called when the page hides, until `stop`.
 * @returns {{v: number, view?: string, seq: number, start: number, raw: object, stop: () => void}} the beginning of a raw-entry
 *   beacon: `raw` holds what was seen. On plain http browsers give no name: then the agent names the view. `stop` takes the last records.
 */
export function shim(onHidden) {
  // Hidden from the start at 0; negative until it is. A prerendered page was never shown.
  const raw = { records: [], hidden: (document.hidden && !document.prerendering) - 1, dropped: 0, shifts: !!window.LayoutShift };
  const early = { v: 1, view: crypto.randomUUID?.(), seq: 0, start: performance.timeOrigin, raw };
  const keep = (entries) => {
    for (const entry of entries) {
      // Most events are part of no interaction.
      if (entry.interactionId !== 0)
        raw.records[LAST] ? raw.dropped++ : raw.records.push({ ...plain(entry), target: blamed(entry) });
    }
  };
  const take = () => keep(observer.takeRecords());
  const onVisibility = (event) => {
    if (document.hidden) {
      take();
      if (raw.hidden < 0) raw.hidden = event.timeStamp;
      // Fails too where there is nothing to call: a guest stays silent.
      try {
        onHidden();
      } catch {}
    }
  };
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  // A type that a browser lacks is a vital that it lacks; asking for it throws nothing. 16 ms is the least event duration that
  // browsers report; their default of 104 ms hides most interactions.
  for (const type of TYPES) observer.observe({ type, buffered: true, durationThreshold: 16 });
  const listen = (change) => change('visibilitychange', onVisibility, true);
  listen(addEventListener);
  early.stop = () => {
    take();
    observer.disconnect();
    listen(removeEventListener);
  };
  return early;
}
