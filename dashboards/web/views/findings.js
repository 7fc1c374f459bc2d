// What the detector said: the list, and one finding with the evidence to believe or doubt it.

import { distribution, trend } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving, table } from '../table.js';
import { detailFacts } from './detail.js';
import { drifts } from './drifts.js';
import { facts, figures, findingTable, noteForm, routeLink, routeName, severity, stateChip } from './parts.js';
import { PHASES, phaseName } from './splits.js';

const STATES = { open: 'Open', resolved: 'Resolved', transient: 'Transient', muted: 'Muted', all: 'All' };

export async function findings(context) {
  const { filters, api, signal } = context;
  const state = filters.state || 'open';
  const asked = { ...filters, state };
  const [found, trends] = await Promise.all([api.findings(asked, signal), api.trends(filters, signal)]);
  const pills = Object.entries(STATES).map(([name, text]) => h('a', { href: context.address({ state: name === 'open' ? '' : name, offset: '' }), 'aria-current': name === state ? 'true' : null }, text));
  const choose = h('label', { class: 'select' }, h('span', { class: 'hidden' }, 'Vital'),
    h('select', { id: 'vital', onchange: (event) => context.go({ vital: event.target.value, offset: '' }) }, h('option', { value: '' }, 'All vitals'),
      format.JUDGED.map((vital) => h('option', { value: vital, selected: vital === filters.vital }, vital))));
  const none = state === 'open' ? 'None open. Nothing is worse than its baseline beyond what chance explains.' : 'None.';
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Findings'), h('nav', { class: 'pills', 'aria-label': 'State' }, pills), choose),
    panel(`${format.count(found.total)} ${found.total === 1 ? 'finding' : 'findings'}`, saving('findings', 'findings', api.findingsQuery(asked)),
      found.rows.length ? findingTable(context, found.rows) : h('p', { class: 'empty' }, none), pager(found, context.address)),
    !filters.offset && drifts(context, trends),
  ];
}

export async function finding(context) {
  const { filters, api, signal } = context;
  const { finding: found, decision, evidence, explanation } = await api.finding(filters.id, signal);
  const vital = found.vital;
  const worse = found.direction !== 'improvement';
  const { baseline } = evidence;
  return [
    h('nav', { class: 'crumbs', 'aria-label': 'Breadcrumb' }, h('a', { href: context.address({ view: 'findings' }) }, 'Findings'), ' / ', h('span', { class: 'route' }, `${vital} on ${routeName(found.route)}`)),
    h('div', { class: 'page-head' },
      h('h1', {}, `${vital} is ${format.change(found.change_ratio).replace(/^[+−]/, '')} ${worse ? 'worse' : 'better'} on `, routeLink(context, found.route, { vital, app: found.app, environment: found.environment })),
      h('p', { class: 'chips' }, severity(found), ' ', stateChip(found.state))),
    figures([
      ['p75 before → now', `${format.value(vital, found.baseline_p75)} → ${format.value(vital, found.current_p75)}`, `${format.compact(found.baseline_n)} against ${format.compact(found.current_n)} page views`],
      ['Change', format.change(found.change_ratio), `90 % interval ${format.change(found.change_low)} to ${format.change(found.change_high)}`, found.direction],
      ['Began', format.minute(found.change_point_ms), `between ${format.minute(found.change_point_low_ms)} and ${format.minute(found.change_point_high_ms)}`],
      ['Since release', found.release || 'none fits', found.release ? 'the deploy that fits the change point' : 'no deploy lies near the change'],
    ]),
    h('section', { class: 'panel advice' }, h('h2', {}, 'What to do'), h('p', {}, found.recommendation || 'No recommendation for this vital yet.'), examples(context, found), muteForm(context, found, decision)),
    panel(`${vital} p75 by hour`, null,
      trend({ vital, points: evidence.points, band: evidence.band, limits: evidence.limits, deploys: evidence.deploys, findings: [found], stepSeconds: evidence.step_s, fromMs: evidence.from_ms, toMs: evidence.to_ms })),
    blame(vital, evidence.attribution),
    around(vital, explanation),
    h('div', { class: 'columns' },
      panel('Before and after', null,
        distribution({ vital, bars: evidence.after, reference: evidence.before, limits: evidence.limits, names: ['after the change', 'before'] })),
      panel('How sure', null,
        facts([
          ['p-value of the deciding window', format.probability(found.p_value)],
          ['z', found.z.toFixed(1)],
          ['Confidence', format.percent(found.confidence)],
          ...detailFacts(found),
          ['Where', found.stratum || 'the whole series'],
          ['Smallest change found within a day', baseline?.minimum_detectable_ratio ? `${format.change(1 + baseline.minimum_detectable_ratio)}, at this traffic` : null],
          ['Compared with', baseline && baseline.n > 0 ? `${format.count(baseline.hours_used)} hours, ${format.day(baseline.from_ms)} to ${format.day(baseline.to_ms)}` : null],
          ['Opened', format.minute(found.opened_at_ms)],
          ['Confirmed', found.confirmed_at_ms ? format.minute(found.confirmed_at_ms) : 'not yet'],
          ['Resolved', found.resolved_at_ms ? format.minute(found.resolved_at_ms) : null],
        ]))),
  ];
}

/** Which phase grew and which elements are involved: the part of the evidence that says where to look. */
function blame(vital, rows) {
  const phases = paired(rows, 'phase').sort((left, right) => PHASES.indexOf(left.name) - PHASES.indexOf(right.name));
  const elements = paired(rows, 'element');
  if (!phases.length && !elements.length) return null;
  const views = (side) => elements.reduce((sum, row) => sum + (row[side]?.n || 0), 0);
  const share = (row, side) => (row[side] ? format.percent(row[side].n / views(side)) : '–');
  const mean = (row, side, name) => (row[side] ? format.value(name, row[side].mean) : '–');
  return h('div', { class: 'columns' },
    phases.length > 0 && panel('Where the time goes (mean)', null, table({ label: 'Parts of the vital', rows: phases, columns: [
      { name: 'Phase', kind: 'wide', cell: (row) => phaseName(row.name) },
      { name: 'Before', kind: 'number', cell: (row) => mean(row, 'before', '') },
      { name: 'After', kind: 'number', cell: (row) => grown(row, mean(row, 'after', '')) },
    ] })),
    elements.length > 0 && panel('Elements', null, table({ label: 'Elements', rows: elements, columns: [
      { name: 'Element', kind: 'wide', cell: (row) => h('code', { class: 'route', title: row.name }, row.name) },
      { name: 'Share before', kind: 'number', cell: (row) => share(row, 'before') },
      { name: 'Share after', kind: 'number', cell: (row) => share(row, 'after') },
      { name: `Mean ${vital} now`, kind: 'number', cell: (row) => mean(row, row.after ? 'after' : 'before', vital) },
    ] })));
}

/** Who carries the change, and what moved in the same hours: hints at the cause, not verdicts. */
function around(vital, { dimensions, moved }) {
  if (!dimensions.length && !moved.length) return null;
  const carried = dimensions.filter((one) => one.carried_by);
  const p75 = (of, number) => (number === null ? '–' : format.value(of, number));
  const named = (one) => one.dimension.replace('_', ' ');
  const parts = carried.flatMap((one) => one.values.slice(0, 3).map((part) => ({ ...part, of: named(one) })));
  return h('div', { class: 'columns' },
    dimensions.length > 0 && panel('Who carries the change', null, parts.length ? table({ label: 'Who carries the change', rows: parts, columns: [
      { name: 'Visitors', kind: 'wide', cell: (part) => `${part.of}: ${part.name}` },
      { name: 'Of the change', kind: 'number', cell: (part) => format.percent(Math.max(0, part.change_share)) },
      { name: 'Of the page views', kind: 'number', cell: (part) => format.percent(part.share_after) },
      { name: 'Before → since', kind: 'number', cell: (part) => `${p75(vital, part.p75_before)} → ${p75(vital, part.p75_after)}` },
    ] }) : h('p', { class: 'soft' }, `Nobody in particular: by ${dimensions.map(named).join(', ')} it is spread as the page views are.`)),
    moved.length > 0 && panel('Moved in the same hours', null, table({ label: 'Moved in the same hours', rows: moved, columns: [
      { name: 'Series', kind: 'wide', cell: (one) => one.vital },
      { name: 'Before → since', kind: 'number', cell: (one) => `${p75(one.vital, one.p75_before)} → ${p75(one.vital, one.p75_after)}` },
      { name: 'Change', kind: 'number', cell: (one) => format.change(one.change_ratio) },
    ] })));
}

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

/** The page views behind it: the slowest since it began. */
function examples(context, { kind, vital, route, change_point_ms, resolved_at_ms }) {
  if (kind !== 'vital') return null;
  const at = (ms) => new Date(ms).toISOString().replace('.000', '');
  return h('p', { class: 'links small' }, h('a', { href: context.address({ view: 'page-views', route: route === '*' ? '' : route, vital, from: at(change_point_ms), to: resolved_at_ms ? at(resolved_at_ms) : '' }) }, 'Slowest page views since it began'));
}

/** Told of or not is a person's word, with a reason, and can be taken back. */
function muteForm(context, found, decision) {
  const isMuted = found.state === 'muted';
  const verb = isMuted ? 'Unmute' : 'Mute';
  const said = decision && `${decision.decision === 'muted' ? 'Muted' : 'Unmuted'} ${format.minute(decision.at_ms)}${decision.note ? `: “${decision.note}”` : ''}.`;
  return [
    said && h('p', { class: 'soft' }, said, isMuted && ' It is watched, but nobody is told.'),
    noteForm(`${verb} the finding`, verb, async (note) => {
      await context.api[isMuted ? 'unmute' : 'mute'](found.id, note);
      await context.reload();
    }),
  ];
}
