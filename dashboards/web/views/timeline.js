// What happened in a page view, on one line of time: the navigation, the vitals with their phases, operations. Bars are elements, not a
// picture, so that they can be read aloud and wrap on a phone.

import { h, placed } from '../dom.js';
import * as format from '../format.js';
import { parsed } from './page_views.js';

/** Room behind the last thing that happened. */
const ROOM = 1.04;
/** More operations than this are in the table below, not on the line. */
const MAX_OPERATIONS = 12;
/** Parts of a lane in their order: the key of the attribution and what it is called. */
const LCP = [['ttfb_ms', 'TTFB'], ['load_delay_ms', 'load delay'], ['load_ms', 'load'], ['render_delay_ms', 'render delay']];
const INP = [['input_delay_ms', 'input delay'], ['processing_ms', 'processing'], ['presentation_ms', 'presentation']];
const TTFB = [['waiting_ms', 'waiting'], ['cache_ms', 'cache'], ['dns_ms', 'DNS'], ['connection_ms', 'connection'], ['request_ms', 'request']];
const MILESTONES = { dom_interactive_ms: 'DOM interactive', dom_content_loaded_ms: 'DOMContentLoaded', load_ms: 'Load', first_paint_ms: 'First paint' };

export function timeline(view) {
  const lanes = [...navigation(view), ...vitals(view), ...operations(view)].filter((lane) => lane.parts.length);
  if (!lanes.length) return h('p', { class: 'empty' }, 'This page view told no times.');
  const end = Math.max(1, ...lanes.flatMap((lane) => lane.parts.map((part) => part.from + part.length))) * ROOM;
  return h('div', { class: 'timeline' }, lanes.map((lane) => row(lane, end)), axis(end));
}

function navigation({ timing }) {
  const at = Object.fromEntries(timing.map(({ name, value }) => [name, value]));
  const between = (from, to, name) => (at[to] > at[from] ? [{ from: at[from], length: at[to] - at[from], name }] : []);
  const request = at.request_ms !== undefined && at.response_end_ms > at.request_ms ? [{ from: at.request_ms, length: at.response_end_ms - at.request_ms, name: 'request and response' }] : [];
  const connection = at.tls_start_ms > 0
    ? [...between('connect_start_ms', 'tls_start_ms', 'connect'), ...between('tls_start_ms', 'connect_end_ms', 'TLS')] : between('connect_start_ms', 'connect_end_ms', 'connect');
  const marks = Object.entries(MILESTONES).filter(([key]) => at[key] > 0).map(([key, name]) => ({ name, value: format.value('', at[key]), parts: [mark(at[key], '')] }));
  return [{ name: 'Network', parts: [...between('dns_start_ms', 'dns_end_ms', 'DNS'), ...connection, ...request] }, ...marks.sort((left, right) => left.parts[0].from - right.parts[0].from)];
}

function vitals({ vitals: rows }) {
  const of = (name) => rows.find((row) => row.vital === name);
  const told = (row) => parsed(row?.attribution);
  const [ttfb, fcp, lcp, inp, cls] = ['TTFB', 'FCP', 'LCP', 'INP', 'CLS'].map(of);
  return [
    ttfb && lane('TTFB', ttfb, phases(0, told(ttfb), TTFB, ttfb.value)),
    fcp && lane('FCP', fcp, [mark(fcp.value, '')]),
    lcp && lane('LCP', lcp, phases(0, told(lcp), LCP, lcp.value), told(lcp).element),
    inp && Number.isFinite(told(inp).at_ms) && lane('INP', inp, phases(told(inp).at_ms, told(inp), INP, inp.value), told(inp).element),
    cls && Number.isFinite(told(cls).shift_at_ms) && lane('CLS', cls, [mark(told(cls).shift_at_ms, 'largest shift')], told(cls).element),
  ].filter(Boolean);
}

const lane = (name, row, parts, detail) => ({ name, value: format.value(row.vital, row.value), rating: row.rating, parts, detail: typeof detail === 'string' ? detail : '' });
const mark = (from, name) => ({ from, length: 0, name });

/** One part after the other; without phases the whole value is one. */
function phases(from, told, names, whole) {
  let at = from;
  const parts = names.flatMap(([key, name]) => {
    const length = told[key];
    if (!Number.isFinite(length) || length <= 0) return [];
    at += length;
    return [{ from: at - length, length, name }];
  });
  return parts.length ? parts : [{ from, length: whole, name: '' }];
}

function operations({ operations: rows }) {
  return rows.slice(0, MAX_OPERATIONS).map((row) => ({ name: row.name, value: format.value('', row.duration_ms), rating: row.success ? '' : 'poor', parts: [{ from: Math.max(0, row.at_ms), length: row.duration_ms, name: '' }] }));
}

function row({ name, value, rating, parts, detail }, end) {
  const spoken = parts.map((part) => `${part.name} ${part.length ? `${format.value('', part.length)} from ${format.value('', part.from)}` : `at ${format.value('', part.from)}`}`.trim()).join(', ');
  const bars = parts.map((part, index) => placed(h('span', { class: `stretch ${part.length ? `phase-${index % 5}` : 'moment'}`, title: `${name} ${spokenPart(part)}` }), (part.from / end) * 100, (part.length / end) * 100));
  return h('div', { class: 'lane' },
    h('div', { class: 'lane-name' }, h('span', { class: 'route', title: name }, name), value && h('span', { class: `soft rating ${rating || ''}` }, value)),
    h('div', { class: 'lane-track', role: 'img', 'aria-label': `${name}: ${spoken}` }, bars),
    h('div', { class: 'lane-parts soft small' }, parts.filter((part) => part.name && part.length).map((part, index) => h('span', { class: `key phase-${index % 5}` }, `${part.name} ${format.value('', part.length)}`)),
      parts.filter((part) => part.name && !part.length).map((part) => h('span', {}, `${part.name} at ${format.value('', part.from)}`)), detail && h('code', { class: 'route', title: detail }, detail)));
}

const spokenPart = (part) => `${part.name} ${part.length ? format.value('', part.length) : `at ${format.value('', part.from)}`}`;

function axis(end) {
  const step = 10 ** Math.floor(Math.log10(end)) * (end / 10 ** Math.floor(Math.log10(end)) > 5 ? 2 : end / 10 ** Math.floor(Math.log10(end)) > 2 ? 1 : 0.5);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  return h('div', { class: 'lane axis', 'aria-hidden': 'true' }, h('div', { class: 'lane-name' }), h('div', { class: 'lane-track' }, ticks.map((tick) => placed(h('span', { class: 'tick' }, format.tick('', tick)), (tick / end) * 100, 0))), h('div', { class: 'lane-parts' }));
}
