// One operation: over time, how its calls end, what they cost, and single calls to look into.

import { distribution, trend } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, table } from '../table.js';
import { viewLink } from './page_views.js';
import { facts, figures } from './parts.js';

/** The API gives more; a page of forty rows is not read. */
const SHOWN_CALLS = 10;

const ms = (number) => format.value('', number);
const number = (value) => (value === null || value === undefined ? '–' : new Intl.NumberFormat('en', { maximumSignificantDigits: 4 }).format(value));

export async function operation(context) {
  const { filters, api, signal } = context;
  const found = await api.operation(filters, signal);
  const { summary, calls } = found;
  const points = found.trend.map((point) => ({ at_ms: point.at_ms, n: point.n, value: point.p75, good: 1 - point.failed_share }));
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'operations' }) }, 'Operations'), ' / ', h('span', { class: 'route' }, summary.name)),
    h('div', { class: 'page-head' }, h('h1', { class: 'route' }, summary.name)),
    figures([
      ['Calls', format.count(summary.n), `about ${total(summary.total_ms)} in all`],
      ['p75', ms(summary.p75), `p50 ${ms(summary.p50)}, p95 ${ms(summary.p95)}`],
      ['Failed', summary.failed_n ? format.percent(summary.failed_share) : 'none', `${format.count(summary.failed_n)} calls`, summary.failed_share >= 0.01 ? 'regression' : null],
      ['From a cache', found.cache ? format.percent(found.cache.hit_share) : '–', found.cache ? `of ${format.count(found.cache.n)} calls that said so` : 'no call said anything of one'],
    ]),
    h('section', { class: 'panel' }, h('h2', {}, `p75 by ${steps(found.step_s)}`),
      trend({ vital: '', points, band: null, limits: null, deploys: [], findings: [], stepSeconds: found.step_s, fromMs: found.from_ms, toMs: found.to_ms, counted: 'calls', rated: 'Did not fail' })),
    h('div', { class: 'columns' },
      h('section', { class: 'panel' }, h('h2', {}, 'Distribution'), distribution({ vital: '', bars: found.distribution, reference: [], limits: null, names: ['calls in this range', ''] })),
      h('section', { class: 'panel' }, h('h2', {}, 'In numbers'), facts([
        ...found.percentiles.map(({ percentile, value, low, high }) => [`p${percentile}`, h('span', { title: `from ${ms(low)} to ${ms(high)}` }, ms(value))]),
        ...memory(calls.memory),
      ]))),
    h('div', { class: 'columns' }, errors(found), cache(found.cache)),
    h('div', { class: 'columns' }, routes(context, found.routes), inputs(calls.input)),
    single(context, 'Slowest calls', calls.slowest, calls),
    single(context, 'Fastest calls', calls.fastest, calls),
  ];
}

/** Sums of many calls grow long. */
function total(number) {
  if (number < 120e3) return ms(number);
  return number < 7200e3 ? `${Math.round(number / 60e3)} min` : `${format.compact(number / 3600e3)} h`;
}

const steps = (seconds) => ({ 3600: 'hour', 86400: 'day' }[seconds] || 'week');

function memory(told) {
  if (!told) return [['Memory', h('span', { class: 'soft' }, 'no call told any')]];
  return [['Memory p50', format.bytes(told.p50)], ['Memory p75', format.bytes(told.p75)], ['Memory p95', `${format.bytes(told.p95)} (${format.count(told.n)} calls)`]];
}

function errors({ errors: rows, summary }) {
  if (!rows.length) return panel('Errors', null, h('p', { class: 'empty' }, `None of ${format.count(summary.n)} calls failed.`));
  return panel('Errors', null, table({ label: 'Errors', rows, columns: [
    { name: 'Type', kind: 'wide', cell: (row) => h('code', { class: 'route', title: row.error_type }, row.error_type) },
    { name: 'Calls', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'Of all', kind: 'number', cell: (row) => format.percent(row.share) },
    { name: 'p75', kind: 'number', cell: (row) => ms(row.p75) },
  ] }));
}

/** What is read is said: nobody can guess which of a call's own facts speaks of a cache. */
function cache(told) {
  const read = h('p', { class: 'soft small' }, 'Read from the facts of each call: ', h('code', {}, 'cache'), ' (hit, miss, stale …), ', h('code', {}, 'cached'), ' or ', h('code', {}, 'cache_hit'), ' (true, false).');
  if (!told) return panel('Cache', null, h('p', { class: 'empty' }, 'No call said anything of a cache.'), read);
  return panel('Cache', null, table({ label: 'Cache', rows: told.words, columns: [
    { name: 'Said', kind: 'wide', cell: (row) => h('code', { class: 'route', title: row.word }, row.word) },
    { name: 'Calls', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'Share', kind: 'number', cell: (row) => format.percent(row.n / told.n) },
    { name: 'p75', kind: 'number', cell: (row) => ms(row.p75) },
  ] }), told.hit_p75 !== null && told.miss_p75 !== null && h('p', {}, `A hit saves ${ms(Math.max(0, told.miss_p75 - told.hit_p75))} at p75.`), read);
}

function routes(context, rows) {
  return panel('Routes', null, table({ label: 'Routes', rows, columns: [
    { name: 'Route', kind: 'wide', cell: (row) => h('a', { class: 'route', href: context.address({ route: row.name }), title: row.name }, row.name) },
    { name: 'Calls', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'p50', kind: 'number', cell: (row) => ms(row.p50) }, { name: 'p75', kind: 'number', cell: (row) => ms(row.p75) },
  ] }), context.filters.route && h('p', {}, `Shown are calls on ${context.filters.route} only. `, h('a', { href: context.address({ route: '' }) }, 'Show all')));
}

function inputs(told) {
  if (!told) return panel('Size of the input', null, h('p', { class: 'empty' }, 'No call told one. Give it as input_size in the details of a call.'));
  const { correlation } = told;
  const said = correlation === null ? 'Too little varies to say whether larger inputs take longer.'
    : correlation > 0.5 ? 'Larger inputs take longer.' : correlation > 0.2 ? 'Larger inputs take somewhat longer.' : correlation < -0.2 ? 'Larger inputs take less time.' : 'The size makes no difference.';
  return panel('Size of the input', null, table({ label: 'Size of the input', rows: told.sizes, columns: [
    { name: 'Size', kind: 'nowrap', cell: (row) => (row.input_low === row.input_high ? number(row.input_low) : `${number(row.input_low)} to ${number(row.input_high)}`) },
    { name: 'Calls', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'p50', kind: 'number', cell: (row) => ms(row.p50) }, { name: 'p75', kind: 'number', cell: (row) => ms(row.p75) },
  ] }), h('p', { class: 'soft small' }, `${said}${correlation === null ? '' : ` Rank correlation ${correlation.toFixed(2)}.`}`));
}

function single(context, title, rows, { from_ms }) {
  if (!rows.length) return panel(title, null, h('p', { class: 'empty' }, `No single call is kept since ${format.day(from_ms)}.`));
  return panel(title, h('span', { class: 'soft small' }, `since ${format.day(from_ms)}`), table({ label: title, rows: rows.slice(0, SHOWN_CALLS), columns: [
    { name: 'Duration', kind: 'nowrap', cell: (row) => h('strong', {}, ms(row.duration_ms)) },
    { name: 'When', kind: 'nowrap', cell: (row) => viewLink(context, row.view_id, row.at_ms) },
    { name: 'Route', kind: 'wide', cell: (row) => h('span', { class: 'route', title: row.route }, row.route) },
    { name: 'Release', kind: 'release', cell: (row) => h('span', { title: row.release }, row.release || '–') },
    { name: 'Result', kind: 'nowrap', cell: (row) => (row.success ? 'ok' : h('span', { class: 'regression' }, row.error_type || 'failed')) },
    { name: 'Input', kind: 'number', cell: (row) => number(row.input_size) },
    { name: 'Memory', kind: 'number', cell: (row) => (row.memory_bytes === null ? '–' : format.bytes(row.memory_bytes)) },
  ] }));
}
