// What to do first: open regressions ranked by how much worse they made how large a share of the traffic.

import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving } from '../table.js';
import { facts, routeName, severity } from './parts.js';

export async function recommendations(context) {
  const { filters, api, signal } = context;
  const found = await api.recommendations(filters, signal);
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'What to do first')),
    h('p', { class: 'soft' }, 'Every open regression, the largest impact first. Impact is the change times the share of traffic that has it: as if every page view of the app had become worse by so much.'),
    found.rows.length ? null : panel('Nothing to do', null, h('p', { class: 'empty' }, 'No regression is open. Nothing is worse than its baseline beyond what chance explains.')),
    found.rows.length > 0 && h('div', { class: 'saving-line' }, saving('recommendations', 'recommendations', api.recommendationsQuery(filters))),
    ...found.rows.map((row) => recommendation(context, row)),
    pager(found, context.address),
  ];
}

function recommendation(context, { rank, impact, n, share, n_per_day, finding }) {
  const { vital, route } = finding;
  const isVital = finding.kind === 'vital';
  const calls = isVital ? 'page views' : 'calls';
  return h('section', { class: 'panel recommendation', 'aria-label': `${rank}. ${vital} on ${routeName(route)}` },
    h('div', { class: 'panel-head' },
      h('h2', {}, h('span', { class: 'rank' }, `${rank}`), h('a', { href: context.address({ view: 'finding', id: finding.id }) }, `${vital} on `, h('span', { class: 'route' }, routeName(route))), ' ', severity(finding)),
      h('span', { class: 'impact' }, h('strong', {}, percentage(impact)), h('span', { class: 'soft small' }, ' impact'))),
    h('p', { class: 'what' }, finding.recommendation || 'No recommendation for this vital yet.'),
    facts([
      ['p75 before → now', `${format.value(vital, finding.baseline_p75)} → ${format.value(vital, finding.current_p75)}`],
      ['Change, 90 % interval', h('span', {}, h('strong', { class: `nowrap ${finding.direction}` }, format.change(finding.change_ratio)), h('span', { class: 'soft nowrap' }, ` ${format.change(finding.change_low)} … ${format.change(finding.change_high)}`))],
      ['Share of traffic', `${format.percent(share)}: ${format.count(n)} ${calls}, ${format.compact(Math.round(n_per_day))} a day`],
      ['Began', `${format.minute(finding.change_point_ms)}${finding.release ? `, with release ${finding.release}` : ''}`],
    ]),
    h('p', { class: 'links small' }, h('a', { href: context.address({ view: 'finding', id: finding.id }) }, 'The evidence'),
      isVital && h('a', { href: context.address({ view: 'page-views', route: route === '*' ? '' : route, vital }) }, 'Slowest page views'),
      isVital && route !== '*' && h('a', { href: context.address({ view: 'route', route, vital }) }, 'The route')));
}

/** Small impacts are told apart too. */
const percentage = (ratio) => `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
