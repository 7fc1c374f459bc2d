// The last 30 minutes: how many page views began in each, and what they had.

import { h, svg } from '../dom.js';
import * as format from '../format.js';
import { panel, table } from '../table.js';

const [WIDTH, HEIGHT] = [600, 90];

export function live({ minutes, now_ms: nowMs }) {
  const peak = Math.max(1, ...minutes.map((minute) => minute.page_view_count));
  const total = minutes.reduce((sum, minute) => sum + minute.page_view_count, 0);
  const step = WIDTH / minutes.length;
  const bars = minutes.map((minute, index) => {
    const height = (minute.page_view_count / peak) * (HEIGHT - 8);
    // The running minute is still filling.
    const kind = minute.at_ms + 60_000 > nowMs ? 'running' : 'whole';
    return svg('rect', { class: `minute ${kind}`, x: (index * step + 1).toFixed(1), width: (step - 2).toFixed(1), y: (HEIGHT - height).toFixed(1), height: height.toFixed(1) },
      svg('title', {}, describe(minute)));
  });
  const text = total ? `${format.count(total)} page views in 30 minutes, at most ${format.count(peak)} in one` : 'No page view began in the last 30 minutes';
  const axis = svg('line', { class: 'limit', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 });
  return panel('Now', h('span', { class: 'soft small' }, text),
    h('figure', { class: 'live' }, svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': text, preserveAspectRatio: 'none' }, axis, ...bars),
      h('figcaption', { class: 'legend' }, h('span', {}, format.minute(minutes[0].at_ms)), h('span', {}, 'now'))),
    numbers(minutes));
}

const describe = (minute) => `${format.minute(minute.at_ms)}: ${format.count(minute.page_view_count)} page views`;

function numbers(minutes) {
  const details = h('details', { class: 'data' }, h('summary', {}, 'Show as a table'));
  const p75 = (name, key) => ({ name, kind: 'number', cell: (minute) => format.value(name, minute[key]) });
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    details.append(table({ label: 'The last 30 minutes', rows: [...minutes].reverse(), columns: [
      { name: 'Minute', cell: (minute) => format.minute(minute.at_ms) },
      { name: 'Page views', kind: 'number', cell: (minute) => format.count(minute.page_view_count) },
      p75('LCP', 'lcp'), p75('INP', 'inp'), p75('CLS', 'cls'),
    ] }));
  });
  return details;
}
