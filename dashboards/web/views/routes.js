// All routes side by side. Sorted by what the head of a column says; the address keeps the search.

import { shareBar } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { baselineChip, routeLink, severity } from './parts.js';

export async function routes(context) {
  const { filters, api, signal } = context;
  const found = await api.routes(filters, signal);
  const body = h('div', {});
  const show = (search) => {
    const shown = found.routes.filter((line) => line.route.toLowerCase().includes(search.toLowerCase()));
    body.replaceChildren(shown.length ? routeTable(context, shown)
      : h('p', { class: 'empty' }, found.routes.length ? 'No route has this in its name.' : 'Nothing was measured in this range.'));
  };
  show(filters.search);
  const search = h('input', {
    type: 'search', placeholder: 'Search routes', 'aria-label': 'Search routes', value: filters.search,
    oninput: (event) => {
      history.replaceState(null, '', context.address({ search: event.target.value }));
      show(event.target.value);
    },
  });
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Routes'), search),
    h('section', { class: 'panel' }, body, found.left_out_count > 0 && h('p', { class: 'soft' }, `${format.count(found.left_out_count)} quieter routes are not listed.`)),
  ];
}

const vitalOf = (line, vital) => line.vitals.find((entry) => entry.vital === vital);

/** Findings weigh by size and traffic: what hurts most visitors most comes first. */
function impact(line) {
  const worst = Math.max(0, ...line.findings_open.map((finding) => (finding.direction === 'regression' ? finding.change_ratio - 1 : 0)));
  return worst * line.page_view_count;
}

export function routeTable(context, lines) {
  const columns = [
    { name: 'Route', key: (line) => line.route, first: 'ascending', kind: 'wide' },
    { name: 'Page views', key: (line) => line.page_view_count, kind: 'number' },
    ...['LCP', 'INP', 'CLS', 'FCP', 'TTFB'].map((vital) => ({ name: vital, title: format.VITALS[vital], key: (line) => vitalOf(line, vital)?.p75 ?? -1, kind: 'number' })),
    { name: 'LCP good', key: (line) => -(vitalOf(line, 'LCP')?.shares.good ?? 2) },
    { name: 'Baseline', key: (line) => baselineState(line) || '' },
    { name: 'Findings', title: 'Sorted by impact: change times traffic', key: impact },
  ];
  const table = h('table', { class: 'routes' });
  let sorted = { index: -1, descending: true };
  const draw = () => {
    const { key } = columns[sorted.index] || {};
    const rows = [...lines];
    if (key) rows.sort((left, right) => (key(left) < key(right) ? -1 : key(left) > key(right) ? 1 : 0) * (sorted.descending ? -1 : 1));
    table.replaceChildren(h('thead', {}, h('tr', {}, columns.map(head))), h('tbody', {}, rows.map((line) => row(context, line))));
  };
  const head = (column, index) => {
    const state = sorted.index === index ? (sorted.descending ? 'descending' : 'ascending') : null;
    const turn = () => {
      sorted = { index, descending: sorted.index === index ? !sorted.descending : column.first !== 'ascending' };
      draw();
      table.querySelectorAll('th button')[index].focus();
    };
    return h('th', { scope: 'col', class: column.kind, 'aria-sort': state },
      h('button', { type: 'button', title: column.title, onclick: turn }, column.name, h('span', { 'aria-hidden': 'true' }, { ascending: ' ↑', descending: ' ↓' }[state] || '')));
  };
  draw();
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Routes' }, table);
}

function row(context, line) {
  const cell = (vital) => {
    const entry = vitalOf(line, vital);
    if (!entry) return h('td', { class: 'number soft' }, '–');
    const few = entry.low_sample ? `, only ${entry.n} page views` : '';
    return h('td', { class: 'number' }, h('a', {
      class: `p75 ${entry.low_sample ? '' : entry.rating}`, href: context.address({ view: 'route', route: line.route, vital }),
      title: `${format.RATINGS[entry.rating]}${few}; 95 % interval ${format.value(vital, entry.p75_low)} to ${format.value(vital, entry.p75_high)}`,
    }, format.value(vital, entry.p75)));
  };
  return h('tr', {},
    h('th', { scope: 'row', class: 'wide' }, routeLink(context, line.route)),
    h('td', { class: 'number' }, format.count(line.page_view_count)),
    ...['LCP', 'INP', 'CLS', 'FCP', 'TTFB'].map(cell),
    h('td', { class: 'bar-cell' }, shareBar(vitalOf(line, 'LCP')?.shares)),
    h('td', {}, baselineChip(baselineState(line))),
    h('td', { class: 'nowrap' }, line.findings_open.length
      ? line.findings_open.map((finding) => h('a', { class: 'mark', href: context.address({ view: 'finding', id: finding.id }), title: `${finding.vital} ${format.change(finding.change_ratio)}` },
        severity(finding), ` ${finding.vital} ${format.change(finding.change_ratio)}`))
      : h('span', { class: 'soft' }, 'none')));
}

/** The least ready of the route's baselines: a route is watched fully only when all its vitals are. */
function baselineState(line) {
  const states = new Set(line.vitals.map((entry) => entry.baseline_state));
  return [null, 'learning', 'rejected', 'proposed', 'frozen', 'approved'].find((state) => states.has(state)) || null;
}
