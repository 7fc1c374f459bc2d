// The filter bar: whose page views, when, of which visitors. Every choice is in the address; this only shows and changes it.

import { h } from './dom.js';
import * as format from './format.js';

/** Names of the visitor filters, in the address as in the API. The first group may be combined, of the second one stands alone. */
export const STRATA = {
  device: { name: 'Device', values: { mobile: 'Mobile', desktop: 'Desktop', unknown: 'Unknown' } },
  connection: { name: 'Connection', values: { fast: 'Fast (4g)', slow: 'Slow', unknown: 'Unknown' } },
  delivery: { name: 'Delivery', values: { network: 'Network', cache: 'HTTP cache', restored: 'Restored', 'soft-native': 'Soft, native', 'soft-route': 'Soft, by route' } },
  release: { name: 'Release' },
};
export const SINGLE = {
  country: { name: 'Country' }, browser: { name: 'Browser' }, os: { name: 'System' }, navigation_type: { name: 'Navigation' },
};
const VISITORS = { ...STRATA, ...SINGLE };
export const VISITOR_NAMES = Object.keys(VISITORS);

const shown = (name, value) => VISITORS[name].values?.[value] || value;

/** What the address becomes when a filter is chosen: one that stands alone ends the others, and they end it. */
export function chosen(name, value) {
  const others = name in SINGLE ? VISITOR_NAMES : Object.keys(SINGLE);
  return { ...(value ? Object.fromEntries(others.map((other) => [other, ''])) : {}), [name]: value, offset: '' };
}

/** The selects that are always there. */
export function scopeSelects({ filters, apps, environments, go, inApp }) {
  const custom = filters.from || filters.to;
  const ranges = custom ? { custom: customName(filters), ...format.RANGES } : format.RANGES;
  return [
    select({ id: 'app', name: 'App', value: filters.app, values: apps, onchange: (app) => go({ app, environment: '', route: '', id: '', offset: '', ...cleared(), view: inApp(filters.view) }) }),
    select({ id: 'environment', name: 'Environment', value: filters.environment, values: environments, onchange: (environment) => go({ environment, offset: '' }) }),
    h('label', { class: 'select' }, h('span', { class: 'hidden' }, 'Range'),
      h('select', { id: 'range', onchange: (event) => go({ range: event.target.value, from: '', to: '', offset: '' }) },
        Object.entries(ranges).map(([range, name]) => h('option', { value: range, selected: range === (custom ? 'custom' : filters.range) }, name)))),
  ];
}

export const cleared = () => Object.fromEntries(VISITOR_NAMES.map((name) => [name, '']));

const customName = ({ from, to }) => `${(from || '…').slice(0, 10)} to ${(to || 'now').slice(0, 10)}`;

function select({ id, name, value, values, onchange }) {
  // Before anything is known of it a select keeps its place: what comes later must not move what is there.
  const all = value && !values.includes(value) ? [value, ...values] : values;
  if (!all.length) return h('label', { class: 'select' }, h('span', { class: 'hidden' }, name), h('select', { id, disabled: true }, h('option', {}, '…')));
  return h('label', { class: 'select' }, h('span', { class: 'hidden' }, name),
    h('select', { id, onchange: (event) => onchange(event.target.value) }, all.map((one) => h('option', { value: one, selected: one === value }, one || `no ${name.toLowerCase()}`))));
}

/**
 * A button that opens the visitor filters and a range of one's own. What can be chosen is asked for when it is opened;
 * `isFiltered` says whether the view has anything that these filters change.
 */
export function moreFilters({ filters, isFiltered, load, go, open, onToggle }) {
  const count = isFiltered ? VISITOR_NAMES.filter((name) => filters[name]).length : 0;
  const body = h('div', { class: 'filter-panel' });
  const box = h('details', { id: 'more', class: 'more', open }, h('summary', { id: 'more-summary' }, count ? `Filters (${count})` : 'Filters'), body);
  const fill = async () => {
    if (body.childElementCount) return;
    body.append(dates(filters, go));
    if (!isFiltered) return body.append(h('p', { class: 'soft small' }, 'This page is about everybody: it has no filters by visitor.'));
    const rows = await load().catch(() => []);
    const known = (name) => STRATA[name]?.values ? Object.keys(STRATA[name].values) : rows.filter((row) => row.dimension === name).map((row) => row.value);
    body.append(group(STRATA, known, filters, go), h('p', { class: 'soft small' }, 'One of these by itself:'), group(SINGLE, known, filters, go));
  };
  box.addEventListener('toggle', () => {
    onToggle(box.open);
    if (box.open) fill();
  });
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !box.open) return;
    box.open = false;
    box.querySelector('summary').focus();
  });
  if (open) fill();
  return box;
}

function group(fields, known, filters, go) {
  return h('div', { class: 'filter-group' }, Object.entries(fields).map(([name, { name: title }]) => {
    const values = known(name);
    const all = filters[name] && !values.includes(filters[name]) ? [filters[name], ...values] : values;
    return h('label', {}, h('span', {}, title), h('select', { id: `filter-${name}`, disabled: !all.length, onchange: (event) => go(chosen(name, event.target.value)) },
      h('option', { value: '' }, all.length ? 'All' : 'None known'), all.map((value) => h('option', { value, selected: value === filters[name] }, shown(name, value)))));
  }));
}

/** Days of UTC: the end is the day's last moment. */
function dates(filters, go) {
  const input = (id, title, value) => h('label', {}, h('span', {}, title), h('input', { id, type: 'date', value: value.slice(0, 10) }));
  const last = filters.to ? new Date(Date.parse(filters.to) - 1).toISOString() : '';
  const form = h('form', { class: 'filter-group', onsubmit: (event) => {
    event.preventDefault();
    const [from, to] = ['filter-from', 'filter-to'].map((id) => form.querySelector(`#${id}`).value);
    if (!from) return;
    go({ from: `${from}T00:00:00Z`, to: to ? new Date(Date.parse(`${to}T00:00:00Z`) + 86_400_000).toISOString().replace('.000', '') : '', offset: '' });
  } }, input('filter-from', 'From (UTC)', filters.from), input('filter-to', 'To, included', last), h('button', { type: 'submit' }, 'Show'));
  return form;
}

/** What is filtered by, each with a way to end it. */
export function chips({ filters, isFiltered, address }) {
  const active = isFiltered ? VISITOR_NAMES.filter((name) => filters[name]) : [];
  if (!active.length) return [];
  return [h('span', { class: 'soft' }, 'Only'), ...active.map((name) => h('a', {
    class: 'chip filter-chip', href: address(chosen(name, '')), 'aria-label': `Remove the filter ${VISITORS[name].name}: ${shown(name, filters[name])}`,
  }, h('span', { class: 'soft' }, `${VISITORS[name].name} `), h('span', { class: 'chip-value' }, shown(name, filters[name])), h('span', { 'aria-hidden': 'true' }, ' ×'))),
  active.length > 1 && h('a', { href: address({ ...cleared(), offset: '' }) }, 'Remove all')];
}
