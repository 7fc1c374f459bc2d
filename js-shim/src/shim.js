// The shim: observes a page from its first millisecond and keeps what it sees in flat, bounded records, until the agent takes
// them over. It copies, it never computes: what a vital is, is the engine's business.

import { TYPES, copies } from '../../agent-wasm/src/records.js';

/** Records kept; further ones are counted, not kept. */
const MAX_RECORDS = 512;

/**
 * Begins to observe.
 * @returns {{records: Array, hidden: number[], dropped: number, stop: () => void}} what it sees; `stop` takes the last records.
 */
export function shim() {
  const early = { records: [], hidden: [], dropped: 0 };
  const onVisibility = (e) => {
    if (document.visibilityState == 'hidden' && early.hidden.length < 9) early.hidden.push(e.timeStamp);
  };
  const keep = (list) => {
    for (const record of copies(list)) early.records.length < MAX_RECORDS ? early.records.push(record) : early.dropped++;
  };
  let observer;
  try {
    observer = new PerformanceObserver((list, _, facts) => {
      early.dropped += facts?.droppedEntriesCount || 0;
      keep(list.getEntries());
    });
    // A type that a browser lacks is a vital that it lacks; asking for it throws nothing. 16 ms is the least event duration that
    // browsers report; their default of 104 ms hides most interactions.
    for (const type of TYPES) observer.observe({ type, buffered: true, durationThreshold: 16 });
  } catch {}
  addEventListener('visibilitychange', onVisibility, true);
  early.stop = () => {
    keep(observer?.takeRecords() || []);
    observer?.disconnect();
    removeEventListener('visibilitychange', onVisibility, true);
  };
  return early;
}
