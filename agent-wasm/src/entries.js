// What is heard of each type of timeline entries, in the view in which it began. Each property is read once and only when it is needed:
// getters are what a page notices of an agent. The shim's copies look like entries but have their selector already.

import { hear, hearBlamed, label } from './engine.js';
import { operation } from './operations.js';
import { round } from './page.js';
import { blamed } from './records.js';
import { onLongTask, onResource } from './resources.js';
import { onSoftNavigation } from './signals.js';
import { NATIVE } from './views.js';

const MAX_ADDRESS = 256;
/** An interaction longer than this is an operation too, at most so many of a view, ms. */
const SLOW_INTERACTION = 200;
const MAX_SLOW_INTERACTIONS = 20;

/** An address without query, fragment and user info; nothing of what carries its content in itself. */
export const address = (url) => (url || '').replace(/[?#].*|^(?!http).*/, '').replace(/\/\/[^/]*@/, '//').slice(0, MAX_ADDRESS);

const selectorOf = (entry) => (typeof entry.target == 'string' ? entry.target : blamed(entry));

/** A largest paint at `start`; its image's loading by the last request for it that began before. */
function paint(view, entry, start) {
  const request = (entry.url && performance.getEntriesByName(entry.url).filter((each) => each.startTime <= start).pop()) || {};
  // The shim may have named an element that is gone now.
  const element = selectorOf(entry) || (view.paintedAt == start ? view.painted : entry.id ? '#' + entry.id : '');
  view.paintedAt = start;
  view.painted = element;
  hear(view, 1, start, request.requestStart || request.startTime, request.responseEnd, label(view, address(entry.url)), label(view, element));
}

function event(view, entry, start, kind = 3) {
  const { duration, name } = entry;
  const interactionId = entry.interactionId || 0;
  // Most events are part of no interaction.
  if (!interactionId && kind < 4) return;
  hearBlamed(view, entry.target && (() => selectorOf(entry)), kind, start, duration, entry.processingStart, entry.processingEnd, interactionId, label(view, name));
  if (duration <= SLOW_INTERACTION || kind > 3) return;
  // An interaction has several entries: it is one operation, as slow as the slowest of them that comes before it is sent.
  const slow = (view.slow ||= {});
  const known = slow[interactionId];
  if (known) known.v = Math.max(known.v, duration);
  else if (!Object.keys(slow)[MAX_SLOW_INTERACTIONS - 1]) slow[interactionId] = operation('interaction ' + name, duration, undefined, start, { element: selectorOf(entry) }) || {};
}

/** `(view, entry, start)` by type. */
export const HEARD = {
  paint(view, { name }, start) {
    if (name == 'first-paint') view.timing = { ...view.timing, first_paint_ms: round(Math.max(start - view.since, 0)) };
    // The document's paints say nothing of later views.
    else if (!view.opening) hear(view, 0, start);
  },
  'largest-contentful-paint': (view, entry, start) => view.opening || paint(view, entry, start),
  'layout-shift': (view, entry, start) => hearBlamed(view, () => selectorOf(entry), 2, start, entry.value, +entry.hadRecentInput),
  event,
  'first-input': (view, entry, start) => event(view, entry, start, 4),
  'long-animation-frame'(view, entry, start) {
    const [longest] = [...entry.scripts].sort((a, b) => b.duration - a.duration);
    if (longest) hear(view, 5, start, entry.duration, longest.duration, label(view, address(longest.sourceURL)));
  },
  'interaction-contentful-paint'(view, entry) {
    if (view.opening == NATIVE && view.interaction == entry.interactionId) softPaint(view, entry);
  },
  // Before the entries that began with it or after it.
  'soft-navigation': (view, entry, start) => onSoftNavigation(view, entry, start),
  longtask: onLongTask,
  resource: onResource,
  measure: (_, { name, duration }, start) => operation(name, duration, undefined, start),
};

/** The largest paint that an interaction has led to so far. */
export function softPaint(view, entry) {
  const largest = entry?.largestContentfulPaint;
  if (largest) paint(view, largest, largest.renderTime);
}
