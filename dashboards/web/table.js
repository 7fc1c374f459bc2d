// A table as every view shows it: named for screen readers, scrollable by keyboard, saved as CSV or JSON, one page at a time.

import { exported } from './api.js';
import { h } from './dom.js';
import * as format from './format.js';

/**
 * `columns`: `{ name, title, kind, cell(row), href, sorted }`; `kind` is a class of head and cells, the first column's cells are row
 * heads. A column with `href` is one to sort by: a link, because the address keeps the order; `sorted` is "ascending" or "descending".
 */
export function table({ label, columns, rows, kind }) {
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', { class: kind }, h('thead', {}, h('tr', {}, columns.map(head))), h('tbody', {}, rows.map((row) => h('tr', {}, columns.map((column, index) => cell(column, row, index)))))));
}

function head({ name, title, kind, href, sorted }) {
  const arrow = sorted && h('span', { 'aria-hidden': 'true' }, sorted === 'ascending' ? ' ↑' : ' ↓');
  return h('th', { scope: 'col', class: kind, title, 'aria-sort': sorted || null }, href ? h('a', { href, class: 'sort' }, name, arrow) : name);
}

function cell(column, row, index) {
  const content = column.cell(row);
  return index ? h('td', { class: column.kind }, content) : h('th', { scope: 'row', class: column.kind }, content);
}

/** Links that save what a table holds, all its pages; `path` and `parameters` are the API's. */
export function saving(name, path, parameters) {
  const link = (kind, text) => h('a', { href: exported(path, parameters, kind), download: '', 'aria-label': `Save ${name} as ${text}` }, text);
  return h('span', { class: 'saving small' }, h('span', { class: 'soft', 'aria-hidden': 'true' }, 'Save'), ' ', link('csv', 'CSV'), ' ', link('json', 'JSON'));
}

/** A panel with a heading, what may stand beside it, and its body. */
export function panel(title, beside, ...body) {
  return h('section', { class: 'panel' }, h('div', { class: 'panel-head' }, h('h2', {}, title), h('div', { class: 'beside' }, beside)), ...body);
}

/** Which rows of how many, and links to the others. */
export function pager({ total, offset, limit }, address) {
  if (total <= limit && !offset) return null;
  const last = Math.min(offset + limit, total);
  const link = (to, text, isThere) => (isThere ? h('a', { href: address({ offset: to ? String(to) : '' }) }, text) : h('span', { class: 'soft' }, text));
  return h('nav', { class: 'pager', 'aria-label': 'Pages' }, link(Math.max(0, offset - limit), '← Back', offset > 0),
    h('span', { class: 'soft' }, total ? `${format.count(offset + 1)} to ${format.count(last)} of ${format.count(total)}` : 'none'), link(offset + limit, 'Next →', last < total));
}
