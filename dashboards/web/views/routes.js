// All routes side by side. What they are sorted by, the search and the page are in the address; the collector does the work.

import { shareBar, sparkline } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving, table } from '../table.js';
import { baselineChip, routeLink, severity } from './parts.js';

/** Long enough that a word is not asked for letter by letter. */
const TYPING_MS = 250;
const ROUTES = 50;

export async function routes(context) {
  const { filters, api, signal } = context;
  const found = await api.routes({ ...filters, limit: ROUTES }, signal);
  const empty = filters.search ? 'No route has this in its name.' : 'Nothing was measured in this range.';
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Routes'), search(context)),
    panel(`${format.count(found.total)} ${found.total === 1 ? 'route' : 'routes'}`, saving('routes', 'routes', api.routesQuery(filters)),
      found.rows.length ? routeTable(context, found.rows, { sortable: true }) : h('p', { class: 'empty' }, empty), pager(found, context.address)),
  ];
}

function search(context) {
  let waiting;
  return h('input', {
    id: 'search', type: 'search', placeholder: 'Search routes', 'aria-label': 'Search routes', value: context.filters.search,
    oninput: (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => context.go({ search: event.target.value, offset: '' }, { replace: true, focus: 'search' }), TYPING_MS);
    },
  });
}

const vitalOf = (line, vital) => line.vitals.find((entry) => entry.vital === vital);

export function routeTable(context, lines, { sortable = false } = {}) {
  const { sort, order } = context.filters;
  const sorting = (name, usual = 'descending') => {
    if (!sortable) return {};
    const is = (sort || 'impact') === name;
    const current = is ? order || usual : null;
    const next = is && current === usual ? { ascending: 'descending', descending: 'ascending' }[usual] : '';
    return { sorted: current, href: context.address({ sort: name === 'impact' ? '' : name, order: next, offset: '' }) };
  };
  return table({ label: 'Routes', kind: 'routes', rows: lines, columns: [
    { name: 'Route', kind: 'wide', cell: (line) => routeLink(context, line.route), ...sorting('route', 'ascending') },
    { name: 'Page views', kind: 'number', cell: (line) => format.count(line.page_view_count), ...sorting('page_views') },
    ...['LCP', 'INP', 'CLS'].map((vital) => ({ name: vital, title: format.VITALS[vital], kind: 'number', cell: (line) => drawn(context, line, vital), ...sorting(vital) })),
    ...['FCP', 'TTFB'].map((vital) => ({ name: vital, title: format.VITALS[vital], kind: 'number', cell: (line) => p75(context, line, vital), ...sorting(vital) })),
    { name: 'LCP good', kind: 'bar-cell', cell: (line) => shareBar(vitalOf(line, 'LCP')?.shares), ...sorting('good', 'ascending') },
    { name: 'Baseline', title: 'The least ready of its vitals', cell: (line) => baselineChip(baselineState(line)) },
    { name: 'Findings', title: 'Sorted by impact: the change of the worst regression times the page views', kind: 'nowrap', cell: (line) => marks(context, line), ...sorting('impact') },
  ] });
}

function p75(context, line, vital) {
  const entry = vitalOf(line, vital);
  if (!entry) return h('span', { class: 'soft' }, '–');
  const few = entry.low_sample ? `, only ${entry.n} page views` : '';
  return h('a', {
    class: `p75 ${entry.low_sample ? '' : entry.rating}`, href: context.address({ view: 'route', route: line.route, vital }),
    title: `${format.RATINGS[entry.rating]}${few}; 95 % interval ${format.value(vital, entry.p75_low)} to ${format.value(vital, entry.p75_high)}`,
  }, format.value(vital, entry.p75));
}

function drawn(context, line, vital) {
  const points = line.trends.find((spark) => spark.vital === vital)?.points || [];
  return [p75(context, line, vital), points.length > 1 && sparkline(points, vitalOf(line, vital)?.rating)];
}

function marks(context, line) {
  if (!line.findings_open.length) return h('span', { class: 'soft' }, 'none');
  return line.findings_open.map((finding) => h('a', { class: 'mark', href: context.address({ view: 'finding', id: finding.id }), title: `${finding.vital} ${format.change(finding.change_ratio)}` },
    severity(finding), ` ${finding.vital} ${format.change(finding.change_ratio)}`));
}

/** The least ready of the route's baselines: a route is watched fully only when all its vitals are. */
function baselineState(line) {
  const states = new Set(line.vitals.map((entry) => entry.baseline_state));
  return [null, 'learning', 'rejected', 'proposed', 'frozen', 'approved'].find((state) => states.has(state)) || null;
}
