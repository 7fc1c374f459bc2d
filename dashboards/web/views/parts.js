// Pieces that more than one view shows.

import { h } from '../dom.js';
import * as format from '../format.js';
import { table } from '../table.js';

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
  return h('a', { class: 'route', href: context.address({ view: 'route', route, ...changes }), title: route }, routeName(route));
}

export function findingTable(context, findings) {
  return table({ label: 'Findings', kind: 'findings', rows: findings, columns: [
    { name: 'Severity', cell: severity },
    { name: 'Route', kind: 'wide', cell: (finding) => [
      h('a', { class: 'route', href: context.address({ view: 'finding', id: finding.id }), title: finding.route }, routeName(finding.route)),
      finding.stratum && h('span', { class: 'soft small' }, finding.stratum)] },
    { name: 'Vital', cell: (finding) => h('strong', {}, finding.vital) },
    { name: 'Change', kind: 'number', cell: (finding) => [h('strong', { class: finding.direction }, format.change(finding.change_ratio)),
      h('span', { class: 'soft small' }, `${format.change(finding.change_low)} … ${format.change(finding.change_high)}`)] },
    { name: 'p75 before → now', kind: 'number', cell: (finding) => `${format.value(finding.vital, finding.baseline_p75)} → ${format.value(finding.vital, finding.current_p75)}` },
    { name: 'Since release', kind: 'release', cell: (finding) => h('span', { title: finding.release }, finding.release || h('span', { class: 'soft' }, 'none fits')) },
    { name: 'State', cell: (finding) => stateChip(finding.state) },
    { name: 'Began', kind: 'nowrap', cell: (finding) => format.minute(finding.change_point_ms) },
  ] });
}

export function install(origin) {
  const tag = `<script async src="${origin}/agent.js" data-app="shop" data-release="1.0.0"></script>`;
  return h('div', {}, h('p', {}, 'Put this into the head of your pages, then open one and leave it:'), h('pre', {}, h('code', {}, tag)),
    h('p', { class: 'soft' }, 'The address is the public listener of the collector, port 8080 by default. Its demo shop, at /demo/, sends data too.'));
}

/**
 * A decision with the reason for it. `decide` gets the note; what goes wrong is said below. `onCancel` adds a way out.
 */
export function noteForm(label, verb, decide, onCancel) {
  const note = h('input', { type: 'text', placeholder: 'Why (optional)', 'aria-label': `${label}: why`, maxlength: '500' });
  const failed = h('p', { class: 'error-text', role: 'alert' });
  const send = async (event) => {
    event.preventDefault();
    try {
      await decide(note.value);
    } catch (error) {
      failed.textContent = error.message;
    }
  };
  return h('form', { class: 'reason', 'aria-label': label, onsubmit: send }, note, h('button', { type: 'submit' }, verb),
    onCancel && h('button', { type: 'button', onclick: onCancel }, 'Cancel'), failed);
}

/** A list of term and value. */
export function facts(pairs) {
  return h('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== null && value !== undefined).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
}

/** Figures side by side: [name, value, detail, kind]. */
export function figures(list, kind = 'verdict') {
  return h('section', { class: kind }, list.map(([name, value, detail, rating]) => h('div', { class: 'figure' }, h('span', { class: 'soft small' }, name), h('strong', { class: rating }, value), h('span', { class: 'soft small' }, detail))));
}

/** Said where the visitor filters do not reach. */
export function everybodyNote(context) {
  return context.isFiltered ? h('p', { class: 'note small' }, 'Of everybody: this is not kept by visitor.') : null;
}

/** "82 B": points with their grade; its name for those who do not see the colour is in the letter. */
export function scoreText(score) {
  if (!score) return h('span', { class: 'soft' }, '–');
  return h('span', { class: `p75 ${score.rating}`, title: `Mean of ${format.count(score.n)} page views, 0 to 100 points each` }, `${Math.round(score.points)} `, h('span', { class: `grade ${score.rating}` }, score.grade));
}
