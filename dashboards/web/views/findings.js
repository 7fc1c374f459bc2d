// What the detector said: the list, and one finding with the evidence to believe or doubt it.

import { distribution, trend } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { facts, findingTable, routeLink, severity, stateChip } from './parts.js';

/** In the order in which they happen. */
const PHASES = ['ttfb_ms', 'load_delay_ms', 'load_ms', 'render_delay_ms', 'input_delay_ms', 'processing_ms', 'presentation_ms'];
const STATES = { open: 'Open', resolved: 'Resolved', transient: 'Transient', muted: 'Muted', all: 'All' };

export async function findings(context) {
  const { filters, api, signal } = context;
  const state = filters.state || 'open';
  const found = await api.findings({ ...filters, state }, signal);
  const pills = Object.entries(STATES).map(([name, text]) => h('a', { href: context.address({ state: name === 'open' ? '' : name }), 'aria-current': name === state ? 'true' : null }, text));
  const choose = h('label', { class: 'select' }, h('span', { class: 'hidden' }, 'Vital'),
    h('select', { onchange: (event) => context.go({ vital: event.target.value }) }, h('option', { value: '' }, 'All vitals'),
      format.VITAL_ORDER.map((vital) => h('option', { value: vital, selected: vital === filters.vital }, vital))));
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Findings'), h('nav', { class: 'pills', 'aria-label': 'State' }, pills), choose),
    h('section', { class: 'panel' },
      found.findings.length ? findingTable(context, found.findings) : h('p', { class: 'empty' }, state === 'open' ? 'None open. Nothing is worse than its baseline beyond what chance explains.' : 'None.'),
      found.more && h('p', { class: 'soft' }, `The first ${found.findings.length} are shown.`)),
  ];
}

export async function finding(context) {
  const { filters, api, signal } = context;
  const { finding: found, evidence, explanation } = await api.finding(filters.id, signal);
  const vital = found.vital;
  const worse = found.direction !== 'improvement';
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'findings' }) }, 'Findings'), ' / ', h('span', { class: 'route' }, `${vital} on ${found.route}`)),
    h('div', { class: 'page-head' },
      h('h1', {}, `${vital} is ${format.change(found.change_ratio).replace(/^[+−]/, '')} ${worse ? 'worse' : 'better'} on `, routeLink(context, found.route, { vital })),
      h('p', { class: 'chips' }, severity(found), ' ', stateChip(found.state))),
    h('section', { class: 'verdict' },
      figure('p75 before → now', `${format.value(vital, found.baseline_p75)} → ${format.value(vital, found.current_p75)}`, `${format.compact(found.baseline_n)} against ${format.compact(found.current_n)} page views`),
      figure('Change', format.change(found.change_ratio), `90 % interval ${format.change(found.change_low)} to ${format.change(found.change_high)}`, found.direction),
      figure('Began', format.minute(found.change_point_ms), `between ${format.minute(found.change_point_low_ms)} and ${format.minute(found.change_point_high_ms)}`),
      figure('Since release', found.release || 'none fits', found.release ? 'the deploy that fits the change point' : 'no deploy lies near the change')),
    h('section', { class: 'panel advice' }, h('h2', {}, 'What to do'), h('p', {}, found.recommendation || 'No recommendation for this vital yet.'), muteForm(context, found)),
    h('section', { class: 'panel' }, h('h2', {}, `${vital} p75 by hour`),
      trend({ vital, points: evidence.points, band: evidence.band, limits: evidence.limits, deploys: evidence.deploys, findings: [found], stepSeconds: evidence.step_s, fromMs: evidence.from_ms, toMs: evidence.to_ms })),
    blame(vital, evidence.attribution),
    around(vital, explanation),
    h('div', { class: 'columns' },
      h('section', { class: 'panel' }, h('h2', {}, 'Before and after'),
        distribution({ vital, bars: evidence.after, reference: evidence.before, limits: evidence.limits, names: ['after the change', 'before'] })),
      h('section', { class: 'panel' }, h('h2', {}, 'How sure'),
        facts([
          ['p-value of the deciding window', format.probability(found.p_value)],
          ['z', found.z.toFixed(1)],
          ['Confidence', format.percent(found.confidence)],
          ['Where', found.stratum || 'the whole series'],
          ['Opened', format.minute(found.opened_at_ms)],
          ['Confirmed', found.confirmed_at_ms ? format.minute(found.confirmed_at_ms) : 'not yet'],
          ['Resolved', found.resolved_at_ms ? format.minute(found.resolved_at_ms) : null],
        ]))),
  ];
}

function figure(name, value, detail, kind) {
  return h('div', { class: 'figure' }, h('span', { class: 'soft small' }, name), h('strong', { class: kind }, value), h('span', { class: 'soft small' }, detail));
}

/** Which phase grew and which elements are involved: the part of the evidence that says where to look. */
function blame(vital, rows) {
  const phases = paired(rows, 'phase').sort((left, right) => PHASES.indexOf(left.name) - PHASES.indexOf(right.name));
  const elements = paired(rows, 'element');
  if (!phases.length && !elements.length) return null;
  const views = (side) => elements.reduce((sum, row) => sum + (row[side]?.n || 0), 0);
  const share = (row, side) => (row[side] ? format.percent(row[side].n / views(side)) : '–');
  const mean = (row, side, name) => (row[side] ? format.value(name, row[side].mean) : '–');
  const table = (name, heads, lines) => h('section', { class: 'panel' }, h('h2', {}, name), h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': name },
    h('table', {}, h('thead', {}, h('tr', {}, heads.map((head, index) => h('th', { scope: 'col', class: index ? 'number' : 'wide' }, head)))), h('tbody', {}, lines))));
  return h('div', { class: 'columns' },
    phases.length > 0 && table('Where the time goes (mean)', ['Phase', 'Before', 'After'], phases.map((row) => h('tr', {},
      h('th', { scope: 'row' }, phaseName(row.name)), h('td', { class: 'number' }, mean(row, 'before', '')), h('td', { class: 'number' }, grown(row, mean(row, 'after', '')))))),
    elements.length > 0 && table('Elements', ['Element', 'Share before', 'Share after', `Mean ${vital} now`], elements.map((row) => h('tr', {},
      h('th', { scope: 'row', class: 'wide' }, h('code', { class: 'route', title: row.name }, row.name)), h('td', { class: 'number' }, share(row, 'before')), h('td', { class: 'number' }, share(row, 'after')),
      h('td', { class: 'number' }, mean(row, row.after ? 'after' : 'before', vital))))));
}

/** Who carries the change, and what moved in the same hours: hints at the cause, not verdicts. */
function around(vital, { dimensions, moved }) {
  const section = (name, heads, lines) => h('section', { class: 'panel' }, h('h2', {}, name), h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': name },
    h('table', {}, h('thead', {}, h('tr', {}, heads.map((head, index) => h('th', { scope: 'col', class: index ? 'number' : 'wide' }, head)))), h('tbody', {}, lines))));
  const carried = dimensions.filter((one) => one.carried_by);
  const p75 = (of, number) => (number === null ? '–' : format.value(of, number));
  const number = (text) => h('td', { class: 'number' }, text);
  if (!dimensions.length && !moved.length) return null;
  return h('div', { class: 'columns' },
    dimensions.length > 0 && (carried.length > 0
      ? section('Who carries the change', ['Visitors', 'Of the change', 'Of the page views', 'Before → since'], carried.flatMap((one) => one.values.slice(0, 3).map((part) => h('tr', {},
        h('th', { scope: 'row', class: 'wide' }, `${one.dimension.replace('_', ' ')}: ${part.name}`), number(format.percent(Math.max(0, part.change_share))), number(format.percent(part.share_after)),
        number(`${p75(vital, part.p75_before)} → ${p75(vital, part.p75_after)}`)))))
      : h('section', { class: 'panel' }, h('h2', {}, 'Who carries the change'), h('p', { class: 'soft' }, `Nobody in particular: by ${dimensions.map((one) => one.dimension.replace('_', ' ')).join(', ')} it is spread as the page views are.`))),
    moved.length > 0 && section('Moved in the same hours', ['Series', 'Before → since', 'Change'], moved.map((one) => h('tr', {},
      h('th', { scope: 'row', class: 'wide' }, one.vital), number(`${p75(one.vital, one.p75_before)} → ${p75(one.vital, one.p75_after)}`), number(format.change(one.change_ratio))))));
}

const phaseName = (name) => (name === 'ttfb_ms' ? 'TTFB' : name.replace(/_ms$/, '').replaceAll('_', ' '));

/** Rows of one kind by name, each with its two sides. */
function paired(rows, kind) {
  const byName = new Map();
  for (const row of rows.filter((candidate) => candidate.kind === kind)) {
    if (!byName.has(row.name)) byName.set(row.name, { name: row.name });
    byName.get(row.name)[row.after ? 'after' : 'before'] = row;
  }
  return [...byName.values()];
}

/** A phase that grew by a fifth and by something a person could notice stands out. */
function grown({ before, after }, text) {
  const worse = before && after && after.mean > before.mean * 1.2 && after.mean - before.mean > 20;
  return h(worse ? 'strong' : 'span', { class: worse ? 'regression' : null }, text);
}

function muteForm(context, found) {
  if (found.state === 'muted') return h('p', { class: 'soft' }, 'Muted: it is watched, but nobody is told.');
  const note = h('input', { type: 'text', placeholder: 'Why (optional)', 'aria-label': 'Why it is muted', maxlength: '500' });
  const failed = h('p', { class: 'error-text', role: 'alert' });
  const send = async (event) => {
    event.preventDefault();
    try {
      await context.api.mute(found.id, note.value);
      await context.reload();
    } catch (error) {
      failed.textContent = error.message;
    }
  };
  return h('form', { class: 'mute', onsubmit: send }, note, h('button', { type: 'submit' }, 'Mute'), failed);
}
