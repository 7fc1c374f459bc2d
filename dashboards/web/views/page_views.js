// Single page views behind a number: whom to look at when a p75 or a finding says that something is slow.

import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, saving, table } from '../table.js';
import { ratingText, routeName } from './parts.js';

const ORDERS = { slowest: 'Slowest', near: 'Nearest to p75', newest: 'Newest' };

export async function pageViews(context) {
  const { filters, api, signal } = context;
  const order = ORDERS[filters.order] ? filters.order : 'slowest';
  const found = await api.pageViews({ ...filters, order }, signal);
  const vital = found.vital;
  const pills = Object.entries(ORDERS).map(([name, text]) => h('a', { href: context.address({ order: name === 'slowest' ? '' : name }), 'aria-current': name === order ? 'true' : null }, text));
  const choose = h('label', { class: 'select' }, h('span', { class: 'hidden' }, 'Vital'),
    h('select', { id: 'vital', onchange: (event) => context.go({ vital: event.target.value }, { focus: 'vital' }) }, format.VITAL_ORDER.map((name) => h('option', { value: name, selected: name === vital }, name))));
  return [
    crumbs(context, found.route),
    h('div', { class: 'page-head' }, h('h1', {}, 'Page views', found.route && [' of ', h('span', { class: 'route' }, found.route)]), h('nav', { class: 'pills', 'aria-label': 'Order' }, pills), choose),
    panel(`${ORDERS[order]} by ${vital}`, saving('page views', 'page-views', api.pageViewsQuery({ ...filters, order })),
      found.rows.length ? exampleTable(context, vital, found.rows) : h('p', { class: 'empty' }, 'No page view with this vital is kept in this range.'),
      h('p', { class: 'soft small' }, `From ${format.minute(found.from_ms)} to ${format.minute(found.to_ms)}. Single page views are kept for 90 days and looked for within 31.${found.complete ? '' : ` There are very many: only the hours with the ${order === 'slowest' ? 'slowest' : 'newest'} were looked at.`}`)),
  ];
}

function crumbs(context, route) {
  const parts = route ? [h('a', { href: context.address({ view: 'route', route, vital: context.filters.vital }) }, route)] : [h('a', { href: context.address({ view: 'routes' }) }, 'Routes')];
  return h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, ...parts, ' / ', h('span', {}, 'Page views'));
}

/** A link to one page view: an id alone may belong to two. */
export const viewLink = (context, id, at_ms) => h('a', { href: context.address({ view: 'page-view', id, at: String(at_ms) }) }, format.minute(at_ms));

/** Facts that a page sent as JSON text; nothing of it is trusted to be there. */
export function parsed(text) {
  try {
    const value = JSON.parse(text || '{}');
    return value && typeof value === 'object' && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function exampleTable(context, vital, rows) {
  return table({ label: 'Page views', kind: 'examples', rows, columns: [
    { name: vital, kind: 'nowrap', cell: (row) => [h('strong', {}, format.value(vital, row.value)), ' ', ratingText(row.rating)] },
    { name: 'When', kind: 'nowrap', cell: (row) => viewLink(context, row.view_id, row.started_at_ms) },
    { name: 'To blame', kind: 'wide', cell: (row) => blame(row) },
    ...(context.filters.route ? [] : [{ name: 'Route', kind: 'wide', cell: (row) => h('span', { class: 'route', title: row.route }, routeName(row.route)) }]),
    { name: 'Visitor', kind: 'nowrap', cell: (row) => [row.device, row.browser, row.country].filter(Boolean).join(' · ') },
    { name: 'Connection', cell: (row) => row.connection || '–' },
    { name: 'Release', kind: 'release', cell: (row) => h('span', { title: row.release }, row.release || '–') },
  ] });
}

/** The element, and the longest phase. */
function blame(row) {
  const told = parsed(row.attribution);
  const phases = Object.entries(told).filter(([key, value]) => key.endsWith('_ms') && !key.endsWith('at_ms') && key !== 'script_ms' && Number.isFinite(value));
  const [longest] = phases.sort((left, right) => right[1] - left[1]);
  const element = typeof told.element === 'string' && told.element;
  if (!element && !longest) return h('span', { class: 'soft' }, '–');
  return [element && h('code', { class: 'route', title: element }, element), longest && h('span', { class: 'soft small' }, `${longest[0].replace(/_ms$/, '').replaceAll('_', ' ')} ${format.value('', longest[1])}`)];
}
