// Two releases, or two stretches of time, side by side: what is more than chance between them.

import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving, table } from '../table.js';
import { ratingText } from './parts.js';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** What rows are sorted by, and which way people look first: the surest, the worst, the letter A. */
const SORTS = {
  chance: [(row) => row.p_value, 'ascending'], change: [(row) => row.change_ratio, 'descending'], route: [(row) => row.route, 'ascending'],
  vital: [(row) => format.VITAL_ORDER.indexOf(row.vital), 'ascending'],
  current: [(row) => row.current_p75, 'descending'], page_views: [(row) => row.current_n, 'descending'],
};
const OTHER = { ascending: 'descending', descending: 'ascending' };

export async function compare(context) {
  const { filters, api, signal } = context;
  const values = await api.values(filters, signal);
  const releases = values.filter((row) => row.dimension === 'release').map((row) => row.value).filter(Boolean);
  const sides = chosen(filters, releases);
  const head = [
    h('div', { class: 'page-head' }, h('h1', {}, 'Compare'), kinds(context, filters)),
    form(context, filters, releases, sides),
  ];
  if (!sides) return [...head, panel('Nothing to compare', null, h('p', { class: 'empty' }, 'There are not two releases in this range. Choose a longer one, or compare two periods.'))];
  const asked = { ...filters, ...sides };
  const found = await api.compare(asked, signal);
  const rows = sorted(found.rows, filters);
  const standing = found.rows.filter((row) => row.stands_out).length;
  return [
    ...head,
    panel(`${side(found.baseline)} → ${side(found.current)}`, saving('the comparison', 'compare', api.compareQuery(asked)),
      h('p', {}, standing ? `${format.count(standing)} of ${format.count(found.total)} ${standing === 1 ? 'differs' : 'differ'} beyond what chance explains.` : `Nothing of ${format.count(found.total)} differs beyond what chance explains.`),
      rows.length ? comparisonTable(context, rows) : h('p', { class: 'empty' }, 'No route has page views on both sides.'),
      pager(found, context.address),
      found.not_comparable_count > 0 && h('p', { class: 'soft small' }, `${format.count(found.not_comparable_count)} routes and vitals are on one side only.`),
      h('p', { class: 'soft small' }, 'The p75 are those of visitors with the same devices, connections and deliveries on both sides, mixed as on the left: a changed mix is no change. The interval is 90 %. Of all that stand out, one in twenty is expected to be chance.',
        filters.mode === 'periods' && ' Between two periods whatever else was different, a weekday or a campaign, counts as change too.')),
  ];
}

function kinds(context, filters) {
  const link = (mode, text) => h('a', { href: context.address({ mode, baseline: '', current: '' }), 'aria-current': (filters.mode || '') === mode ? 'true' : null }, text);
  return h('nav', { class: 'pills', 'aria-label': 'What is compared' }, link('', 'Two releases'), link('periods', 'Two periods'));
}

/** What the address says; else the two newest releases, or this week and the one before. */
function chosen(filters, releases) {
  if (filters.baseline && filters.current) return { baseline: filters.baseline, current: filters.current };
  if (filters.mode === 'periods') {
    // Whole days of UTC: a part of today would be other hours than those it is compared with.
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    return { baseline: `${today - 2 * WEEK_MS}/${today - WEEK_MS}`, current: `${today - WEEK_MS}/${today}` };
  }
  if (releases.length < 2) return null;
  return { baseline: filters.baseline || releases.find((name) => name !== (filters.current || releases[0])), current: filters.current || releases[0] };
}

function form(context, filters, releases, sides) {
  if (filters.mode === 'periods') return periods(context, sides);
  if (!sides) return null;
  const select = (name, title) => h('label', {}, h('span', {}, title), h('select', { id: name, onchange: (event) => context.go({ ...sides, [name]: event.target.value }, { focus: name }) },
    [...new Set([sides[name], ...releases])].map((release) => h('option', { value: release, selected: release === sides[name] }, release))));
  return h('div', { class: 'compare-form' }, select('baseline', 'Release'), select('current', 'compared with'));
}

/** Whole days of UTC; the last one is included. */
function periods(context, sides) {
  const days = Object.fromEntries(Object.entries(sides).map(([name, text]) => [name, text.split('/').map((at) => (/^\d+$/.test(at) ? Number(at) : Date.parse(at)))]));
  const iso = (ms) => new Date(ms).toISOString().slice(0, 10);
  const input = (id, title, ms) => h('label', {}, h('span', {}, title), h('input', { id, type: 'date', required: true, value: iso(ms) }));
  const box = h('form', {
    class: 'compare-form',
    onsubmit: (event) => {
      event.preventDefault();
      const at = (id) => Date.parse(`${box.querySelector(`#${id}`).value}T00:00:00Z`);
      const span = (from, to) => `${at(from)}/${Math.max(at(to), at(from)) + DAY_MS}`;
      context.go({ baseline: span('baseline-from', 'baseline-to'), current: span('current-from', 'current-to') });
    },
  }, input('baseline-from', 'Days from (UTC)', days.baseline[0]), input('baseline-to', 'to', days.baseline[1] - 1), input('current-from', 'compared with those from', days.current[0]), input('current-to', 'to', days.current[1] - 1), h('button', { type: 'submit' }, 'Compare'));
  return box;
}

const side = ({ release, from_ms, to_ms }) => release || `${format.day(from_ms)} to ${format.day(to_ms - 1)}`;

const sortOf = ({ sort, order }) => {
  const name = SORTS[sort] ? sort : 'chance';
  return { name, order: OTHER[order] ? order : SORTS[name][1] };
};

function sorted(rows, filters) {
  const { name, order } = sortOf(filters);
  const [key] = SORTS[name];
  const sign = order === 'ascending' ? 1 : -1;
  return [...rows].sort((left, right) => (key(left) < key(right) ? -sign : key(left) > key(right) ? sign : 0));
}

function comparisonTable(context, rows) {
  const current = sortOf(context.filters);
  const sorting = (name) => {
    const is = current.name === name;
    return { sorted: is ? current.order : null, href: context.address({ sort: name === 'chance' ? '' : name, order: is ? OTHER[current.order] : '', offset: '' }) };
  };
  const direction = (row) => (row.stands_out ? (row.change_ratio > 1 ? 'regression' : 'improvement') : 'soft');
  return table({ label: 'Comparison', kind: 'comparison', rows, columns: [
    { name: 'Route', kind: 'wide', cell: (row) => h('a', { class: 'route', href: context.address({ view: 'route', route: row.route, vital: row.vital }), title: row.route }, row.route), ...sorting('route') },
    { name: 'Vital', cell: (row) => h('strong', {}, row.vital), ...sorting('vital') },
    { name: 'Change', kind: 'number', cell: (row) => [h('strong', { class: direction(row) }, format.change(row.change_ratio)), h('span', { class: 'soft small' }, `${format.change(row.change_low)} … ${format.change(row.change_high)}`)], ...sorting('change') },
    { name: 'p75 before → after', kind: 'number', cell: (row) => [`${format.value(row.vital, row.baseline_p75)} → ${format.value(row.vital, row.current_p75)}`, ratingText(row.rating)], ...sorting('current') },
    { name: 'p-value', kind: 'number', cell: (row) => format.probability(row.p_value), ...sorting('chance') },
    { name: 'Verdict', kind: 'nowrap', cell: verdict },
    { name: 'Page views', kind: 'number', cell: (row) => `${format.compact(row.baseline_n)} → ${format.compact(row.current_n)}`, ...sorting('page_views') },
  ] });
}

/** Beyond chance, and too small for anyone to notice. */
const LITTLE = 0.03;

function verdict(row) {
  if (row.low_sample) return h('span', { class: 'chip' }, 'too few');
  if (!row.stands_out) return h('span', { class: 'chip' }, 'no difference');
  if (Math.abs(row.change_ratio - 1) < LITTLE) return h('span', { class: 'chip' }, row.change_ratio > 1 ? 'a little worse' : 'a little better');
  return row.change_ratio > 1 ? h('span', { class: 'chip critical' }, '▲ worse') : h('span', { class: 'chip improvement' }, '▼ better');
}
