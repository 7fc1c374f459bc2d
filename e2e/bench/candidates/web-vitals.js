// Google's library as its README batches reports: all five vitals with attribution, queued, one sendBeacon when the page hides.
// Of a metric it sends what a collector can use. The raw entries stay behind, as the README advises; serialising them would only
// make the library look dearer than it is.

import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals/attribution';

const queue = new Map();
const add = (metric) => queue.set(metric.id, metric);
const isPlain = ([, value]) => typeof value === 'number' || typeof value === 'string';

function flush() {
  if (queue.size === 0) return;
  const reports = [...queue.values()].map(({ name, value, delta, rating, id, navigationType, attribution }) => ({
    name, value, delta, rating, id, navigationType,
    attribution: Object.fromEntries(Object.entries(attribution).filter(isPlain)),
  }));
  navigator.sendBeacon(`${location.origin}/sink/web-vitals`, JSON.stringify(reports));
  queue.clear();
}

for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) on(add);
addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') flush();
});
