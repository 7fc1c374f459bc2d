// One route: each vital's p75, and one of them over time against what is normal.

import { distribution, shareBar, trend } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { baselineChip, facts, findingTable } from './parts.js';

export async function route(context) {
  const { filters, api, signal } = context;
  const vital = filters.vital || 'LCP';
  const found = await api.route({ ...filters, vital }, signal);
  const ordered = format.VITAL_ORDER.flatMap((name) => found.vitals.filter((entry) => entry.vital === name));
  const mine = found.findings.filter((finding) => finding.vital === vital && finding.state !== 'muted');
  const chosen = ordered.find((entry) => entry.vital === vital);
  const { baseline, band, points, limits, percentiles } = found.trend;
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'routes' }) }, 'Routes'), ' / ', h('span', { class: 'route' }, found.route)),
    h('div', { class: 'page-head' }, h('h1', { class: 'route' }, found.route)),
    h('nav', { class: 'vital-tabs', 'aria-label': 'Vital' }, ordered.map((entry) => h('a', {
      href: context.address({ vital: entry.vital }), class: entry.low_sample ? '' : entry.rating, 'aria-current': entry.vital === vital ? 'true' : null, title: format.VITALS[entry.vital],
    }, h('span', {}, entry.vital), h('strong', {}, format.value(entry.vital, entry.p75)), shareBar(entry.shares)))),
    h('section', { class: 'panel' },
      h('div', { class: 'panel-head' }, h('h2', {}, `${format.VITALS[vital] || vital}, p75 by ${found.step_s === 3600 ? 'hour' : 'day'}`), h('span', { class: 'soft small' }, 'baseline ', baselineChip(baseline?.state))),
      baselineNote(baseline, band),
      trend({ vital, points, band, limits, deploys: found.deploys, findings: mine, stepSeconds: found.step_s, fromMs: found.from_ms, toMs: found.to_ms })),
    h('div', { class: 'columns' },
      h('section', { class: 'panel' }, h('h2', {}, 'Distribution'),
        distribution({ vital, bars: found.trend.distribution, reference: found.trend.baseline_distribution, limits, names: ['this range', 'baseline'] }),
        chosen && shareBar(chosen.shares, { labels: true })),
      h('section', { class: 'panel' }, h('h2', {}, 'In numbers'),
        facts([
          ['Page views', chosen ? format.count(chosen.n) : '0'],
          ['p75, 95 % interval', chosen && `${format.value(vital, chosen.p75_low)} to ${format.value(vital, chosen.p75_high)}`],
          ...(percentiles ? Object.entries(percentiles).map(([name, number]) => [name, format.value(vital, number)]) : []),
          ['Baseline p75', baseline && baseline.n > 0 ? `${format.value(vital, baseline.p75)} (${format.count(baseline.n)} page views)` : null],
          ['Baseline window', baseline && baseline.n > 0 ? `${format.day(baseline.from_ms)} to ${format.day(baseline.to_ms)}, ${format.count(baseline.hours_used)} hours used, ${format.count(baseline.hours_left_out)} left out` : null],
          ['Would be found within a day', baseline?.minimum_detectable_ratio ? `${format.change(1 + baseline.minimum_detectable_ratio)} and more` : null],
        ]))),
    h('section', { class: 'panel' }, h('h2', {}, 'Findings on this route'),
      found.findings.length ? findingTable(context, found.findings) : h('p', { class: 'empty' }, 'None in this range.')),
  ];
}

function baselineNote(baseline, band) {
  if (!baseline) return h('p', { class: 'soft' }, 'No baseline yet: the detector has not judged this route.');
  if (baseline.state === 'learning') {
    return h('p', { class: 'note' }, `Learning what is normal here: ${format.count(baseline.hours_used)} hours so far. Findings begin when there is enough to compare with.${baseline.left_out_reasons ? ` (${baseline.left_out_reasons})` : ''}`);
  }
  return band ? null : h('p', { class: 'soft' }, 'The baseline has too few steps of this length for a band.');
}
