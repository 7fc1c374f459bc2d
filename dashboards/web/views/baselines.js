// What the detector holds for normal, series by series, and how much of it it has seen.

import { h } from '../dom.js';
import * as format from '../format.js';
import { pager, panel, saving, table } from '../table.js';
import { baselineChip, noteForm, routeLink } from './parts.js';

const STATES = { all: 'All', proposed: 'Proposed', approved: 'Approved', learning: 'Learning', frozen: 'Frozen', rejected: 'Rejected' };

export async function baselines(context) {
  const { filters, api } = context;
  const state = STATES[filters.state] ? filters.state : 'all';
  const asked = { ...filters, state: state === 'all' ? '' : state };
  const found = await api.baselines(asked, context.signal);
  const pills = Object.entries(STATES).map(([name, text]) => h('a', { href: context.address({ state: name === 'all' ? '' : name, offset: '' }), 'aria-current': name === state ? 'true' : null }, text));
  const value = (key) => (row) => (row.n > 0 ? format.value(row.vital, row[key]) : '–');
  const empty = asked.state ? 'None in this state.' : 'None yet: the detector looks when an hour has closed, and needs some days to learn.';
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Baselines'), h('nav', { class: 'pills', 'aria-label': 'State' }, pills)),
    h('p', { class: 'soft' }, 'What is normal per route and vital: the past that the present is compared with. A proposed one is used once somebody approves it, or by itself when the rules allow.'),
    panel(`${format.count(found.total)} ${found.total === 1 ? 'baseline' : 'baselines'}`, saving('baselines', 'baselines', api.baselinesQuery(asked)),
      found.rows.length ? table({ label: 'Baselines', rows: found.rows, columns: [
        { name: 'Route', kind: 'wide', cell: (row) => routeLink(context, row.route, { vital: row.vital }) },
        { name: 'Vital', cell: (row) => row.vital },
        { name: 'State', kind: 'nowrap', cell: (row) => [h('span', { title: row.left_out_reasons || null }, baselineChip(row.state)), row.candidate && h('span', { class: 'soft' }, ' candidate'), judging(context, row)] },
        { name: 'p50', kind: 'number', cell: value('p50') }, { name: 'p75', kind: 'number', cell: value('p75') }, { name: 'p95', kind: 'number', cell: value('p95') },
        { name: 'Page views', kind: 'number', cell: (row) => format.count(row.n) },
        { name: 'Hours used', kind: 'number', cell: (row) => format.count(row.hours_used) },
        { name: 'Left out', kind: 'number', cell: (row) => h('span', { title: row.left_out_reasons }, format.count(row.hours_left_out)) },
        { name: 'Finds in a day', title: 'The smallest change that would be found within a day at this traffic', kind: 'number', cell: (row) => (row.minimum_detectable_ratio ? format.change(1 + row.minimum_detectable_ratio) : '–') },
        { name: 'Window', kind: 'nowrap', cell: (row) => (row.from_ms < row.to_ms ? `${format.day(row.from_ms)} – ${format.day(row.to_ms)}` : '–') },
      ] }) : h('p', { class: 'empty' }, empty), pager(found, context.address)),
  ];
}

/** A person's word: a proposed one waits for it, and what was said can be taken back. A verdict asks for its reason first. */
function judging(context, row) {
  const verdicts = { proposed: ['approve', 'reject'], approved: ['reject'], frozen: ['reject'], rejected: ['approve'] }[row.state] || [];
  const place = h('span', { class: 'verdicts' });
  const offer = () => place.replaceChildren(...verdicts.flatMap((verdict) => {
    const text = verdict === 'approve' ? 'Approve' : 'Reject';
    const label = `${text} the baseline of ${row.vital} on ${row.route}`;
    const ask = () => {
      const form = noteForm(label, text, async (note) => {
        await context.api.judge(row.id, verdict, note);
        await context.reload();
      }, offer);
      place.replaceChildren(form);
      form.querySelector('input').focus();
    };
    return [' ', h('button', { type: 'button', class: 'small', 'aria-label': label, onclick: ask }, text)];
  }));
  offer();
  return place;
}
