// One route, or the whole app: each vital's p75, one of them over time against what is normal, and what it is made of.

import { distribution, shareBar, trend } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, saving } from '../table.js';
import { baselineChip, facts, figures, findingTable, routeName, scoreText } from './parts.js';
import { attributionPanels, dimensionPanel } from './splits.js';

const PERCENTILES = [50, 75, 90, 95, 99];

export async function route(context) {
  const { filters, api, signal } = context;
  const vital = filters.vital || 'LCP';
  const percentile = Number(filters.percentile) || 75;
  const asked = { ...filters, vital };
  const [found, dimensions, attribution] = await Promise.all([
    api.route(asked, signal), api.split(asked, 'dimensions', signal), api.split(asked, 'attribution', signal),
  ]);
  const ordered = format.VITAL_ORDER.flatMap((name) => found.vitals.filter((entry) => entry.vital === name));
  const mine = found.findings.filter((finding) => finding.vital === vital && finding.state !== 'muted');
  const chosen = ordered.find((entry) => entry.vital === vital);
  const { baseline, band, points, limits } = found.trend;
  const steps = { 3600: 'hour', 86400: 'day' }[found.step_s] || `${found.step_s / 86400} days`;
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'routes' }) }, 'Routes'), ' / ', h('span', { class: 'route' }, routeName(found.route))),
    h('div', { class: 'page-head' }, h('h1', { class: 'route' }, routeName(found.route)), h('p', { class: 'soft' }, found.score && ['Score ', scoreText(found.score), ' · '], `${format.minute(found.from_ms)} to ${format.minute(found.to_ms)}`)),
    ordered.length ? h('nav', { class: 'vital-tabs', 'aria-label': 'Vital' }, ordered.map((entry) => tab(context, entry, vital)))
      : h('p', { class: 'state' }, 'Nothing was measured here in this range. Choose a longer one, or remove a filter.'),
    panel(`${format.VITALS[vital] || vital}, p${percentile} by ${steps}`, [
      h('span', { class: 'soft small' }, 'baseline ', baselineChip(baseline?.state)), percentilePicker(context, percentile), saving('the trend', `routes/${encodeURIComponent(found.route)}`, api.routeQuery({ ...asked, percentile: filters.percentile })),
    ], baselineNote(baseline, band),
    trend({ vital, percentile, points, band, limits: percentile === 75 ? limits : null, deploys: found.deploys, findings: mine, stepSeconds: found.step_s, fromMs: found.from_ms, toMs: found.to_ms })),
    h('div', { class: 'columns' },
      panel('Distribution', null,
        distribution({ vital, bars: found.trend.distribution, reference: found.trend.baseline_distribution, limits, names: ['this range', 'baseline'] }),
        chosen && shareBar(chosen.shares, { labels: true })),
      panel('In numbers', saving('percentiles', `routes/${encodeURIComponent(found.route)}/percentiles`, { ...api.asked(filters), vital }), numbers(vital, chosen, found.trend), behind(context, found.route, vital))),
    ...attributionPanels(context, asked, attribution),
    dimensionPanel(context, asked, dimensions),
    vital === 'MEMORY' && growth(found.memory_growth),
    panel('Findings on this route', null, found.findings.length ? findingTable(context, found.findings) : h('p', { class: 'empty' }, 'None in this range.')),
  ].filter(Boolean);
}

/** From a number to the page views that it is made of. */
function behind(context, route, vital) {
  const link = (order, text) => h('a', { href: context.address({ view: 'page-views', route: route === '*' ? '' : route, vital, order }) }, text);
  return h('p', { class: 'links small' }, link('', 'Slowest page views'), link('near', 'Page views near the p75'));
}

function tab(context, entry, vital) {
  return h('a', {
    href: context.address({ vital: entry.vital }), class: entry.low_sample ? '' : entry.rating, 'aria-current': entry.vital === vital ? 'true' : null, title: format.VITALS[entry.vital],
  }, h('span', {}, entry.vital), h('strong', {}, format.value(entry.vital, entry.p75)), shareBar(entry.shares));
}

function percentilePicker(context, percentile) {
  return h('label', { class: 'select' }, h('span', { class: 'hidden' }, 'Percentile'),
    h('select', { id: 'percentile', onchange: (event) => context.go({ percentile: event.target.value === '75' ? '' : event.target.value }) },
      PERCENTILES.map((one) => h('option', { value: one, selected: one === percentile }, `p${one}`))));
}

/** Percentiles are read from buckets: what each may be at most off is said beside it. */
function numbers(vital, chosen, { percentiles, baseline }) {
  const known = baseline && baseline.n > 0;
  return facts([
    ['Page views', chosen ? format.count(chosen.n) : '0'],
    ['p75, 95 % interval', chosen && `${format.value(vital, chosen.p75_low)} to ${format.value(vital, chosen.p75_high)}`],
    ...percentiles.map((one) => [`p${one.percentile}`, [format.value(vital, one.value), h('span', { class: 'soft small', title: 'The bucket in which the exact percentile lies' }, ` in ${format.value(vital, one.low)} … ${format.value(vital, one.high)}`)]]),
    ['Baseline p75', known ? `${format.value(vital, baseline.p75)} (${format.count(baseline.n)} page views)` : null],
    ['Baseline window', known ? `${format.day(baseline.from_ms)} to ${format.day(baseline.to_ms)}, ${format.count(baseline.hours_used)} hours used, ${format.count(baseline.hours_left_out)} left out` : null],
    ['Would be found within a day', baseline?.minimum_detectable_ratio ? `${format.change(1 + baseline.minimum_detectable_ratio)} and more` : null],
  ]);
}

function baselineNote(baseline, band) {
  if (!baseline) return h('p', { class: 'soft' }, 'No baseline yet: the detector has not judged this series.');
  if (baseline.state === 'learning') {
    return h('p', { class: 'note' }, `Learning what is normal here: ${format.count(baseline.hours_used)} hours so far. Findings begin when there is enough to compare with.${baseline.left_out_reasons ? ` (${baseline.left_out_reasons})` : ''}`);
  }
  return band ? null : h('p', { class: 'soft' }, 'The baseline has too few steps of this length for a band.');
}

/** What a page keeps after collections, and how fast that rises: a leak is growth that does not end. */
function growth(found) {
  if (!found) return panel('How memory grows', null, h('p', { class: 'empty' }, 'Not known: page views must last some minutes, in a browser that tells its heap.'));
  const perMinute = (bytes) => `${bytes < 0 ? '−' : ''}${format.bytes(Math.abs(Math.round(bytes)))}/min`;
  return panel('How memory grows', null, h('p', { class: 'soft' }, 'The floor that garbage collections leave, per minute of a page view. Growth that goes on is a leak.'), figures([
    ['Median', perMinute(found.p50), `${format.compact(found.n)} page views`],
    ['p75', perMinute(found.p75), 'a quarter grows faster'],
    ['p95', perMinute(found.p95), ''],
    ['Growing', format.percent(found.growing_share), 'of the page views'],
  ], 'verdict flat'));
}
