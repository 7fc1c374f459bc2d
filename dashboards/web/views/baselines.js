// What the detector holds for normal, series by series, and how much of it it has seen.

import { h } from '../dom.js';
import * as format from '../format.js';
import { baselineChip, routeLink } from './parts.js';

export async function baselines(context) {
  const rows = await context.api.baselines(context.filters, context.signal);
  const heads = [['Route', 'wide'], ['Vital'], ['State'], ['p50', 'number'], ['p75', 'number'], ['p95', 'number'], ['Page views', 'number'], ['Hours used', 'number'], ['Left out', 'number'], ['Finds in a day', 'number'], ['Window']];
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Baselines'), h('p', { class: 'soft' }, 'What is normal per route and vital: the past that the present is compared with.')),
    h('section', { class: 'panel' }, rows.length
      ? h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Baselines' },
        h('table', {}, h('thead', {}, h('tr', {}, heads.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))), h('tbody', {}, rows.map((row) => line(context, row)))))
      : h('p', { class: 'empty' }, 'None yet: the detector looks when an hour has closed, and needs some days to learn.')),
  ];
}

function line(context, row) {
  const number = (value) => h('td', { class: 'number' }, row.n > 0 ? format.value(row.vital, value) : '–');
  return h('tr', {}, h('th', { scope: 'row', class: 'wide' }, routeLink(context, row.route, { vital: row.vital })), h('td', {}, row.vital), h('td', { class: 'nowrap' }, h('span', { title: row.left_out_reasons || null }, baselineChip(row.state)), row.candidate && h('span', { class: 'soft' }, ' candidate'), judging(context, row)),
    number(row.p50), number(row.p75), number(row.p95), h('td', { class: 'number' }, format.count(row.n)), h('td', { class: 'number' }, format.count(row.hours_used)),
    h('td', { class: 'number', title: row.left_out_reasons }, format.count(row.hours_left_out)),
    h('td', { class: 'number' }, row.minimum_detectable_ratio ? format.change(1 + row.minimum_detectable_ratio) : '–'),
    h('td', { class: 'nowrap' }, row.from_ms < row.to_ms ? `${format.day(row.from_ms)} – ${format.day(row.to_ms)}` : '–'));
}

/** A person's word: a proposed one waits for it, and what was said can be taken back. */
function judging(context, row) {
  const button = (verdict, text) => h('button', {
    type: 'button', class: 'small', 'aria-label': `${text} the baseline of ${row.vital} on ${row.route}`,
    onclick: async (event) => {
      try {
        await context.api.judge(row.id, verdict);
        await context.reload();
      } catch (error) {
        event.target.replaceWith(h('span', { class: 'error-text' }, error.message));
      }
    },
  }, text);
  const open = { proposed: ['approve', 'reject'], approved: ['reject'], frozen: ['reject'], rejected: ['approve'] }[row.state] || [];
  return open.flatMap((verdict) => [' ', button(verdict, verdict === 'approve' ? 'Approve' : 'Reject')]);
}
