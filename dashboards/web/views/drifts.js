// What moves too little in a day to be a finding: the list of slow drifts, and when they will cross a threshold.

import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, saving, table } from '../table.js';
import { routeLink, routeName } from './parts.js';

/** Nothing where nothing drifts. */
export function drifts(context, found) {
  if (!found.rows.length) return null;
  return panel('Slow drifts', saving('drifts', 'trends', context.api.trendsQuery(context.filters)),
    h('p', { class: 'soft' }, 'Too little in a day to be a finding. Nobody is told; the dates hold if nothing changes course.'),
    table({ label: 'Slow drifts', rows: found.rows, columns: [
      { name: 'Route', kind: 'route', cell: (row) => (row.route === '*' ? routeName(row.route) : routeLink(context, row.route, { vital: row.vital, app: row.app, environment: row.environment })) },
      { name: 'Vital', cell: (row) => row.vital },
      { name: 'Since its baseline', kind: 'number', cell: (row) => h('span', {}, h('strong', { class: `nowrap ${row.direction}` }, format.change(row.change_ratio)), h('span', { class: 'soft nowrap' }, ` ${format.change(row.change_low)} … ${format.change(row.change_high)}`)) },
      { name: 'A day', title: 'What a day adds; nothing where it no longer surely moves', kind: 'number', cell: (row) => (row.ratio_per_day ? daily(row.ratio_per_day) : '–') },
      { name: 'p75 then → now', kind: 'number', cell: (row) => `${format.value(row.vital, row.baseline_p75)} → ${format.value(row.vital, row.current_p75)}` },
      { name: 'Will cross', cell: crossing },
    ] }));
}

function crossing({ vital, threshold, crosses_on, crosses_earliest, crosses_latest }) {
  if (!crosses_on) return h('span', { class: 'soft' }, 'not within 14 days');
  const on = (date) => format.day(Date.parse(`${date}T00:00:00Z`));
  const until = crosses_latest ? `${on(crosses_earliest)} to ${on(crosses_latest)}` : `${on(crosses_earliest)} at the earliest`;
  return h('span', {}, h('strong', {}, `${format.value(vital, threshold)} on ${on(crosses_on)}`), h('span', { class: 'soft nowrap' }, ` ${until}`));
}

/** Small steps are told apart: 1.004 is "+0.4 %". */
const daily = (ratio) => `${ratio < 1 ? '−' : '+'}${Math.abs((ratio - 1) * 100).toFixed(1)} %`;
