// What a vital is made of: by device, browser, country and so on; its parts, and the elements and interactions behind it.

import { h, sized } from '../dom.js';
import * as format from '../format.js';
import { panel, saving, table } from '../table.js';
import { everybodyNote } from './parts.js';

/** In the order in which people ask. */
const DIMENSIONS = { device: 'Device', browser: 'Browser', country: 'Country', connection: 'Connection', release: 'Release', navigation_type: 'Navigation', delivery: 'Delivery', os: 'System' };
/** In the order in which they happen. */
export const PHASES = ['waiting_ms', 'cache_ms', 'dns_ms', 'connection_ms', 'request_ms', 'ttfb_ms', 'load_delay_ms', 'load_ms', 'render_delay_ms', 'render_ms', 'input_delay_ms', 'processing_ms', 'presentation_ms', 'script_ms'];
/** A part of another phase, not one of its own. */
const WITHIN = new Set(['script_ms']);
const FACTS = {
  element: { LCP: 'Largest elements', INP: 'What people touched', CLS: 'What shifted', other: 'Elements' },
  script: { other: 'Scripts' }, type: { other: 'Kinds of interaction' }, load_state: { other: 'When it happened' },
};
const SHOWN = 8;

export const phaseName = (name) => (name === 'ttfb_ms' ? 'TTFB' : name.replace(/_ms$/, '').replaceAll('_', ' '));

/** One dimension at a time, chosen by tabs that need no round trip. */
export function dimensionPanel(context, asked, found) {
  const names = Object.keys(DIMENSIONS).filter((name) => found.rows.some((row) => row.dimension === name));
  const save = saving('the splits', context.api.splitPath(asked, 'dimensions'), { ...context.api.everybody(asked), vital: asked.vital });
  if (!names.length) return panel('By visitor', null, h('p', { class: 'empty' }, 'Not known in this range: imported histories have no browsers, and an hour is taken apart some minutes after it began.'));
  const body = h('div', {});
  const tabs = h('div', { class: 'pills', role: 'group', 'aria-label': 'Dimension' });
  const show = (name) => {
    tabs.replaceChildren(...names.map((one) => h('button', { type: 'button', class: 'pill', 'aria-pressed': String(one === name), onclick: () => {
      show(one);
      tabs.querySelector('[aria-pressed=true]').focus();
    } }, DIMENSIONS[one])));
    body.replaceChildren(parts(asked.vital, name, found));
  };
  show(names[0]);
  return panel('By visitor', save, everybodyNote(context), tabs, body);
}

function parts(vital, dimension, found) {
  const rows = found.rows.filter((row) => row.dimension === dimension);
  const known = rows.reduce((sum, row) => sum + row.n, 0);
  const note = known < found.n * 0.98 && h('p', { class: 'soft small' }, `Known of ${format.percent(known / found.n)} of the page views: imported histories do not have it, and the running hour comes a little later.`);
  return h('div', {}, table({ label: `${vital} by ${DIMENSIONS[dimension].toLowerCase()}`, rows, columns: [
    { name: DIMENSIONS[dimension], kind: 'wide', cell: (row) => h('span', { class: 'route', title: row.value }, row.value || 'not known') },
    { name: 'Page views', kind: 'number', cell: (row) => format.count(row.n) },
    { name: 'Share', kind: 'bar-cell', cell: (row) => h('div', { class: 'part' }, h('span', { class: 'part-bar', 'aria-hidden': 'true' }, sized(h('span', {}), row.share * 100)), format.percent(row.share)) },
    { name: 'p75', kind: 'number', cell: (row) => h('span', { class: `p75 ${row.low_sample ? '' : row.rating || ''}` }, format.value(vital, row.p75)) },
    { name: '95 % interval', kind: 'number', cell: (row) => (row.low_sample ? h('span', { class: 'soft' }, 'few data') : `${format.value(vital, row.p75_low)} to ${format.value(vital, row.p75_high)}`) },
    { name: 'Good', kind: 'number', cell: (row) => (row.good === null ? '–' : format.percent(row.good)) },
  ] }), note);
}

export function attributionPanels(context, asked, found) {
  const phases = PHASES.flatMap((name) => found.rows.filter((row) => row.fact === 'phase' && row.name === name));
  const save = saving('the attribution', context.api.splitPath(asked, 'attribution'), { ...context.api.everybody(asked), vital: asked.vital });
  const lists = Object.keys(FACTS).map((fact) => [fact, found.rows.filter((row) => row.fact === fact)]).filter(([, rows]) => rows.length);
  if (!phases.length && !lists.length) return [];
  const panels = [
    phases.length > 0 && panel('Where the time goes', save, everybodyNote(context), phaseBar(phases)),
    ...lists.map(([fact, rows], index) => panel(FACTS[fact][asked.vital] || FACTS[fact].other, !phases.length && !index ? save : null, factTable(asked.vital, fact, rows.slice(0, SHOWN)))),
  ].filter(Boolean);
  return [h('div', { class: 'columns' }, panels)];
}

/** Mean durations, one after the other: which part of the vital is the long one. */
function phaseBar(phases) {
  const total = phases.filter((row) => !WITHIN.has(row.name)).reduce((sum, row) => sum + row.mean_ms, 0);
  return table({ label: 'Parts of the vital', rows: phases, columns: [
    { name: 'Part', cell: (row) => phaseName(row.name) },
    { name: 'Mean', kind: 'number', cell: (row) => format.value('', row.mean_ms) },
    { name: 'Of all', kind: 'bar-cell', cell: (row) => h('div', { class: 'part' }, h('span', { class: 'part-bar', 'aria-hidden': 'true' }, sized(h('span', {}), (row.mean_ms / (total || 1)) * 100)), WITHIN.has(row.name) ? 'within' : format.percent(row.mean_ms / (total || 1))) },
    { name: 'Page views', kind: 'number', cell: (row) => format.count(row.n) },
  ] });
}

function factTable(vital, fact, rows) {
  return table({ label: FACTS[fact][vital] || FACTS[fact].other, rows, columns: [
    { name: FACTS[fact].other.replace(/s$/, ''), kind: 'wide', cell: (row) => h('code', { class: 'route', title: row.name }, row.name) },
    { name: 'Page views', kind: 'number', cell: (row) => format.percent(row.share) },
    { name: `p75 ${vital}`, kind: 'number', cell: (row) => h('span', { class: `p75 ${row.rating || ''}` }, format.value(vital, row.p75)) },
  ] });
}
