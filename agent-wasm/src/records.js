// Timeline records -> flat arrays of numbers and short strings, so that one crossing into WebAssembly carries a whole record and
// nothing of the page is kept alive. The shim and the agent copy with this same code. A record is
// [kind, start, a, b, c, d, text, selector]; the table of kinds stands in the agent's `entries` module.

/** As in the engine's documentation: the nearest ancestors say most. */
const MAX_SELECTOR = 100;

/** Record types in the order of their kinds. */
export const TYPES = ['paint', 'largest-contentful-paint', 'layout-shift', 'event', 'first-input'];

/** Whether a person may have given this name: no address, no generated suffix, no long number. */
const isStable = (name) => name && !/\d{4}|[@:]/.test(name);

/** From tags, ids and classes only, taken before the node can leave the document. Attributes, for a form's fields hide its properties. */
function selector(node) {
  let text = '';
  for (node = node?.nodeType == 1 ? node : node?.parentElement; node; node = node.parentElement) {
    const id = node.getAttribute('id');
    const part = isStable(id)
      ? '#' + id
      : [node.localName, ...(node.getAttribute('class') || '').split(/\s+/).filter(isStable).sort()].join('.');
    if (text.length + part.length >= MAX_SELECTOR) return text || part.slice(0, MAX_SELECTOR);
    text = text ? part + '>' + text : part;
    if (part[0] == '#') break;
  }
  return text;
}

/** The record of one entry, or nothing when no vital needs it. */
function copy(entry) {
  const kind = TYPES.indexOf(entry.entryType);
  const start = entry.startTime;
  if (kind > 2) {
    // Most events are part of no interaction.
    const id = entry.interactionId || 0;
    return (id || kind > 3) && [kind, start, entry.duration, entry.processingStart, entry.processingEnd, id, entry.name, selector(entry.target)];
  }
  if (kind > 1) {
    // The browser puts the largest source first; an element says more than a text node.
    const nodes = (entry.sources || []).map((source) => source.node);
    return [kind, start, entry.value, +entry.hadRecentInput, 0, 0, '', selector(nodes.find((node) => node?.nodeType == 1) || nodes[0])];
  }
  return (kind || entry.name == 'first-contentful-paint') && [kind, start, 0, 0, 0, 0, entry.url || '', selector(entry.element) || (entry.id ? '#' + entry.id : '')];
}

/** The records of a list of entries. */
export const copies = (entries) => entries.map(copy).filter(Boolean);
