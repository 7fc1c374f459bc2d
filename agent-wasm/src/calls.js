// Timeline entries -> calls of the engine, whose kinds are listed in its `replay` module. Also from the shim's copies, which look like
// entries but have their selector already.

import { TYPES, blamed } from './records.js';

const MAX_ADDRESS = 256;

/** An address without query and fragment; nothing of what carries its content in itself. */
export const address = (url) => (url || '').replace(/[?#].*|^(?!http).*/, '').slice(0, MAX_ADDRESS);

/** A largest paint at `start`; its image's loading by the last request for it that began before. */
export function paint(entry, start) {
  const { url, id } = entry;
  const { requestStart, startTime, responseEnd } = (url && performance.getEntriesByName(url).filter((each) => each.startTime <= start).pop()) || {};
  return [1, start, requestStart || startTime, responseEnd, address(url), selectorOf(entry) || (id ? '#' + id : '')];
}

const selectorOf = (entry) => (typeof entry.target == 'string' ? entry.target : blamed(entry));

/** The call for an entry that started at `start`; nothing when no vital needs it. */
export function callOf(type, start, entry) {
  const kind = TYPES.indexOf(type);
  if (kind > 2) {
    // Most events are part of no interaction.
    const id = entry.interactionId || 0;
    return (id || kind > 3) && [kind, start, entry.duration, entry.processingStart, entry.processingEnd, id, entry.name, selectorOf(entry)];
  }
  if (kind > 1) return [kind, start, entry.value, +entry.hadRecentInput, selectorOf(entry)];
  return kind ? paint(entry, start) : entry.name == 'first-contentful-paint' && [0, start];
}
