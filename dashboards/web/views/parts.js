// Pieces that more than one view shows.

import { h } from '../dom.js';
import * as format from '../format.js';

const SEVERITY = { critical: '▲', warning: '▲', minor: '△' };

export function ratingText(rating) {
  return rating ? h('span', { class: `rating ${rating}` }, format.RATINGS[rating]) : null;
}

/** "▲ critical", or "▼ improvement": a shape and a word beside the colour. */
export function severity(finding) {
  if (finding.direction === 'improvement') return h('span', { class: 'chip improvement' }, '▼ improvement');
  return h('span', { class: `chip ${finding.severity}` }, `${SEVERITY[finding.severity] || '△'} ${finding.severity}`);
}

export const stateChip = (state) => h('span', { class: `chip state-${state}` }, state);

/** A baseline's state; none yet is said too. */
export const baselineChip = (state) => h('span', { class: `chip baseline-${state || 'none'}` }, state || 'none yet');

export const routeName = (route) => (route === '*' ? 'all routes' : route);

/** A link that ends in an ellipsis when long; the whole name is its title. */
export function routeLink(context, route, changes = {}) {
  if (route === '*') return h('span', { class: 'route' }, 'all routes');
  return h('a', { class: 'route', href: context.address({ view: 'route', route, ...changes }), title: route }, route);
}

export function findingRow(context, finding) {
  return h('tr', {},
    h('td', {}, severity(finding)),
    h('td', { class: 'wide' }, h('a', { class: 'route', href: context.address({ view: 'finding', id: finding.id }), title: finding.route }, routeName(finding.route)),
      finding.stratum && h('span', { class: 'soft small' }, finding.stratum)),
    h('td', {}, h('strong', {}, finding.vital)),
    h('td', { class: 'number' }, h('strong', { class: finding.direction }, format.change(finding.change_ratio)),
      h('span', { class: 'soft small' }, `${format.change(finding.change_low)} … ${format.change(finding.change_high)}`)),
    h('td', { class: 'number' }, `${format.value(finding.vital, finding.baseline_p75)} → ${format.value(finding.vital, finding.current_p75)}`),
    h('td', { class: 'release', title: finding.release }, finding.release || h('span', { class: 'soft' }, 'none fits')),
    h('td', {}, stateChip(finding.state)),
    h('td', { class: 'nowrap' }, format.minute(finding.change_point_ms)));
}

export function findingTable(context, findings) {
  const heads = [['Severity'], ['Route', 'wide'], ['Vital'], ['Change', 'number'], ['p75 before → now', 'number'], ['Since release'], ['State'], ['Began']];
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Findings' },
    h('table', { class: 'findings' }, h('thead', {}, h('tr', {}, heads.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))),
      h('tbody', {}, findings.map((finding) => findingRow(context, finding)))));
}

export function install(origin) {
  const tag = `<script async src="${origin}/agent.js" data-app="shop" data-release="1.0.0"></script>`;
  return h('div', {}, h('p', {}, 'Put this into the head of your pages, then open one and leave it:'), h('pre', {}, h('code', {}, tag)),
    h('p', { class: 'soft' }, 'The address is the public listener of the collector, port 8080 by default. Its demo shop, at /demo/, sends data too.'));
}

/** A list of term and value. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== null && value !== undefined).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
}
