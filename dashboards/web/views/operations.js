// Custom timings side by side: calls of the page's own code, requests, slow interactions.

import { sparkline } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving, table } from '../table.js';

/** Long enough that a word is not asked for letter by letter. */
const TYPING_MS = 250;

export async function operations(context) {
  const { filters, api, signal } = context;
  const found = await api.operations(filters, signal);
  const empty = filters.search ? 'No operation has this in its name.' : 'No operation was called in this range. A page records one with vitalscope(\'measure\', \'checkout\', 231); its requests are recorded by themselves.';
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Operations'), search(context)),
    h('p', { class: 'soft' }, 'What pages time themselves, their requests, and slow interactions; those that took the most time in all come first. Of everybody.'),
    panel(`${format.count(found.total)} ${found.total === 1 ? 'operation' : 'operations'}`, saving('operations', 'operations', api.operationsQuery(filters)),
      found.rows.length ? operationTable(context, found.rows) : h('p', { class: 'empty' }, empty), pager(found, context.address)),
  ];
}

function search(context) {
  let waiting;
  return h('input', {
    id: 'search', type: 'search', placeholder: 'Search operations', 'aria-label': 'Search operations', value: context.filters.search,
    oninput: (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => context.go({ search: event.target.value, offset: '' }, { replace: true, focus: 'search' }), TYPING_MS);
    },
  });
}

function operationTable(context, rows) {
  const ms = (key) => (row) => format.value('', row[key]);
  return table({ label: 'Operations', kind: 'operations', rows, columns: [
    { name: 'Operation', kind: 'wide', cell: (row) => h('a', { class: 'route', href: context.address({ view: 'operation', operation: row.name }), title: row.name }, row.name) },
    { name: 'Calls', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'p50', kind: 'number', cell: ms('p50') }, { name: 'p75', kind: 'number', cell: ms('p75') }, { name: 'p95', kind: 'number', cell: ms('p95') },
    { name: 'Failed', kind: 'number', cell: (row) => failed(row) },
    { name: 'p75 over time', kind: 'spark-cell', cell: (row) => (row.trend.length > 1 ? sparkline(row.trend) : h('span', { class: 'soft' }, '–')) },
  ] });
}

/** A share of calls that a person should look at stands out. */
export const failed = ({ failed_n, failed_share }) => h('span', { class: failed_share >= 0.01 ? 'regression' : 'soft', title: `${format.count(failed_n)} calls` }, failed_n ? format.percent(failed_share) : 'none');
