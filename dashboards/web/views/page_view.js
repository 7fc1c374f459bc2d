// One page view: when everything in it happened, on one line of time, and all that is known of it.

import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, table } from '../table.js';
import { parsed } from './page_views.js';
import { facts, ratingText } from './parts.js';
import { timeline } from './timeline.js';

export async function pageView(context) {
  const { filters, api, signal } = context;
  const view = await api.pageView(filters, signal);
  const known = (value) => value || null;
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'page-views', route: view.route }) }, 'Page views'), ' / ', h('span', { class: 'route' }, view.route)),
    h('div', { class: 'page-head' }, h('h1', { class: 'route' }, view.path || view.route), h('p', { class: 'soft' }, format.minute(view.started_at_ms))),
    panel('Timeline', h('span', { class: 'soft small' }, 'from the start of the page view'), timeline(view)),
    h('div', { class: 'columns' },
      panel('Vitals', null, table({ label: 'Vitals', kind: 'vitals', rows: inOrder(view.vitals), columns: [
        { name: 'Vital', cell: (row) => h('abbr', { title: format.VITALS[row.vital] || row.vital }, row.vital) },
        { name: 'Value', kind: 'number', cell: (row) => h('strong', {}, format.value(row.vital, row.value)) },
        { name: 'Rating', kind: 'nowrap', cell: (row) => ratingText(row.rating) || h('span', { class: 'soft' }, '–') },
        { name: 'To blame', kind: 'wide', cell: (row) => blame(row) },
      ] })),
      panel('Visitor', null, facts([
        ['Route', view.route], ['Release', known(view.release)], ['Environment', known(view.environment)],
        ['Navigation', view.navigation_type], ['Device', known(view.device)], ['Browser', known([view.browser, view.os].filter(Boolean).join(', '))],
        ['Country', known(view.country)], ['Connection', known(view.connection)], ['Referrer', known(view.referrer)],
        ['Interactions', format.count(view.interactions)],
        ['Long tasks', view.long_tasks === null ? null : `${format.count(view.long_tasks)}, blocking ${format.value('', view.blocking_ms)}`],
        ['Resources', view.resource_count === null ? null : `${format.count(view.resource_count)}, ${format.bytes(view.resource_bytes)}`],
        ...view.custom.map(({ name, value }) => [name, value]),
        ['The agent cost', view.agent_bytes === 0 ? null : `${format.value('', view.agent_main_ms)}, ${format.bytes(view.agent_bytes)} in ${format.count(view.beacons)} ${view.beacons === 1 ? 'beacon' : 'beacons'}`],
        ['Vitals computed by', view.engine === 'collector' ? 'the collector, from the page’s entries' : 'the page'],
      ]))),
    operations(context, view.operations),
  ];
}

const inOrder = (vitals) => [...vitals].sort((left, right) => format.VITAL_ORDER.indexOf(left.vital) - format.VITAL_ORDER.indexOf(right.vital));

function blame(row) {
  const told = Object.entries(parsed(row.attribution)).filter(([, value]) => ['string', 'number'].includes(typeof value) && value !== '');
  if (!told.length) return h('span', { class: 'soft' }, '–');
  const shown = (key, value) => (typeof value === 'string' ? value : key.endsWith('_ms') ? format.value('', value) : key.includes('bytes') ? format.bytes(value) : String(Number(value.toFixed(4))));
  return h('dl', { class: 'told' }, told.map(([key, value]) => h('div', {}, h('dt', {}, key.replace(/_(ms|bytes)$/, '').replaceAll('_', ' ')), h('dd', {}, shown(key, value)))));
}

function operations(context, rows) {
  if (!rows.length) return null;
  return panel('Operations', null, table({ label: 'Operations', rows, columns: [
    { name: 'Operation', kind: 'wide', cell: (row) => h('a', { class: 'route', href: context.address({ view: 'operation', operation: row.name }), title: row.name }, row.name) },
    { name: 'After', kind: 'number', cell: (row) => format.value('', row.at_ms) },
    { name: 'Duration', kind: 'number', cell: (row) => format.value('', row.duration_ms) },
    { name: 'Result', kind: 'nowrap', cell: (row) => (row.success ? 'ok' : h('span', { class: 'regression' }, row.error_type || 'failed')) },
    { name: 'Facts', kind: 'wide', cell: (row) => Object.entries(parsed(row.attributes)).map(([key, value]) => `${key}: ${value}`).join(', ') || '–' },
  ] }));
}
