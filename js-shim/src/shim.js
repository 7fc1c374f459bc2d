// The shim: observes a page from its first millisecond and copies what it sees into flat, bounded arrays, until the agent takes
// them over. It copies, it never computes: what a vital is, is the engine's business. The record format is described in the
// agent's `handover` module: [kind, start, a, b, c, d, text, selector].

/** Records kept; further ones are counted, not kept. */
const MAX_RECORDS = 512;
/** The least event duration that browsers report; their default of 104 ms hides most interactions. */
const EVENT_THRESHOLD_MS = 16;
/** As in the engine, so that one element has one selector. */
const MAX_SELECTOR = 100;

const isStable = (name) => name && !/\d{4}|[@:]/.test(name);

/** A selector from tags, ids and classes, taken before the node can leave the document. */
export function selector(node) {
  let text = '';
  for (node = node && node.nodeType !== 1 ? node.parentElement : node; node; node = node.parentElement) {
    const id = node.getAttribute('id');
    const part = isStable(id)
      ? `#${id}`
      : [node.localName, ...(node.getAttribute('class') || '').split(/\s+/).filter(isStable).sort()].join('.');
    if (text.length + part.length + 1 > MAX_SELECTOR) return text || part.slice(0, MAX_SELECTOR);
    text = text ? `${part}>${text}` : part;
    if (part[0] === '#') break;
  }
  return text;
}

const event = (kind) => (e) =>
  e.interactionId || kind === 4
    ? [kind, e.startTime, e.duration, e.processingStart, e.processingEnd, e.interactionId || 0, e.name, selector(e.target)]
    : 0;

const copies = {
  paint: (e) => e.name === 'first-contentful-paint' && [0, e.startTime],
  'largest-contentful-paint': (e) => [1, e.startTime, 0, 0, 0, 0, e.url, e.element ? selector(e.element) : e.id && `#${e.id}`],
  'layout-shift': (e) => {
    const nodes = e.hadRecentInput ? [] : (e.sources || []).map((source) => source.node);
    const node = nodes.find((each) => each && each.nodeType === 1) || nodes.find((each) => each);
    return [2, e.startTime, e.value, +e.hadRecentInput, 0, 0, '', selector(node)];
  },
  event: event(3),
  'first-input': event(4),
};

/**
 * Begins to observe.
 * @returns {{records: Array, hidden: number[], dropped: number, stop: () => void}} what it sees; `stop` takes the last records.
 */
export function shim() {
  const early = { records: [], hidden: [], dropped: 0 };
  const ends = [];
  const onVisibility = (e) => {
    if (document.visibilityState === 'hidden' && early.hidden.length < 9) early.hidden.push(e.timeStamp);
  };
  for (const type in copies) {
    try {
      if (!PerformanceObserver.supportedEntryTypes.includes(type)) continue;
      const copy = (list) => {
        for (const entry of list) {
          const record = copies[type](entry);
          if (record) early.records.length < MAX_RECORDS ? early.records.push(record) : early.dropped++;
        }
      };
      const observer = new PerformanceObserver((list, _, facts) => {
        early.dropped += (facts && facts.droppedEntriesCount) || 0;
        copy(list.getEntries());
      });
      observer.observe({ type, buffered: true, durationThreshold: EVENT_THRESHOLD_MS });
      ends.push(() => {
        copy(observer.takeRecords());
        observer.disconnect();
      });
    } catch {
      // A browser that lacks this lacks the vital.
    }
  }
  addEventListener('visibilitychange', onVisibility, true);
  early.stop = () => {
    for (const end of ends.splice(0)) end();
    removeEventListener('visibilitychange', onVisibility, true);
  };
  return early;
}
