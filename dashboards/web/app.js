// The shell: what is shown is a function of the address. A view loads its data, returns elements, and never touches the shell.

import * as api from './api.js';
import { h } from './dom.js';
import { VISITOR_NAMES, chips, moreFilters, scopeSelects } from './filters.js';
import * as format from './format.js';
import { baselines } from './views/baselines.js';
import { compare } from './views/compare.js';
import { finding, findings } from './views/findings.js';
import { health } from './views/health.js';
import { operation } from './views/operation.js';
import { operations } from './views/operations.js';
import { overview } from './views/overview.js';
import { pageView } from './views/page_view.js';
import { pageViews } from './views/page_views.js';
import { recommendations } from './views/recommendations.js';
import { route } from './views/route.js';
import { routes } from './views/routes.js';

const VIEWS = { overview, routes, route, operations, operation, findings, finding, recommendations, compare, 'page-views': pageViews, 'page-view': pageView, baselines, health };
const TABS = { overview: 'Overview', routes: 'Routes', operations: 'Operations', findings: 'Findings', recommendations: 'To do', compare: 'Compare', baselines: 'Baselines', health: 'Health' };
/** A tab stays marked on the pages that lead deeper from it. */
const TAB_OF = { route: 'routes', 'page-views': 'routes', 'page-view': 'routes', operation: 'operations', finding: 'findings' };
/** Views whose numbers the visitor filters change; the others are about everybody. */
const FILTERED = new Set(['overview', 'routes', 'route', 'page-views']);
/** Filters that end with their page; the rest goes along. */
const DEEPER = ['route', 'vital', 'state', 'id', 'at', 'search', 'sort', 'order', 'offset', 'percentile', 'operation', 'mode', 'baseline', 'current'];
const LASTING = ['app', 'environment', 'range', 'from', 'to', ...VISITOR_NAMES];
const DEFAULTS = { ...Object.fromEntries([...LASTING, ...DEEPER].map((name) => [name, ''])), view: 'overview', range: '7d' };
const REFRESH_MS = 60_000;

const main = document.getElementById('main');
let loading = new AbortController();
let known = [];
let filtersOpen = false;

/** Filters from the address; what is not in it has its default. */
function read() {
  const query = new URLSearchParams(location.search);
  const filters = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) if (query.has(key)) filters[key] = query.get(key);
  if (!Object.hasOwn(VIEWS, filters.view)) filters.view = DEFAULTS.view;
  return filters;
}

/** The address of the same page with other filters. Deeper filters end with their page. */
export function address(changes) {
  const filters = { ...read(), ...changes };
  if (changes.view) {
    for (const key of DEEPER) if (!(key in changes)) filters[key] = '';
  }
  const query = new URLSearchParams(Object.entries(filters).filter(([key, value]) => value !== DEFAULTS[key]));
  return query.size ? `?${query}` : '/';
}

/** `focus` is the id of what somebody is using while the page is made anew around it. */
export async function go(changes, { replace = false, focus } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address(changes));
  await show();
  const element = focus && document.getElementById(focus);
  if (!element) return;
  element.focus();
  element.setSelectionRange?.(element.value.length, element.value.length);
}

async function show({ quiet = false } = {}) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const filters = read();
  chrome(filters);
  if (!quiet) {
    main.setAttribute('aria-busy', 'true');
    if (main.dataset.view !== filters.view) main.replaceChildren(skeleton());
  }
  let content;
  try {
    const isFiltered = FILTERED.has(filters.view) && VISITOR_NAMES.some((name) => filters[name]);
    content = await VIEWS[filters.view]({ filters, isFiltered, api, address, go, signal, reload: () => show({ quiet: true }), learn });
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return;
    // A hiccup during a silent refresh leaves the last good page in place.
    if (quiet && error.code === 'unreachable') return stale();
    content = [failure(error)];
  }
  if (signal.aborted) return;
  const moved = main.dataset.view !== filters.view;
  if (moved) filtersOpen = false;
  main.replaceChildren(...content.filter(Boolean));
  main.dataset.view = filters.view;
  main.removeAttribute('aria-busy');
  document.title = `${filters.route || TABS[TAB_OF[filters.view] || filters.view]} – Vitalscope`;
  document.getElementById('fresh').textContent = `Read ${format.minute(Date.now())}`;
  if (moved && !quiet) {
    scrollTo(0, 0);
    if (document.activeElement !== document.body) main.focus({ preventScroll: true });
  }
}

/** The overview tells which apps exist and which one was chosen; the selects show it from then on. */
function learn({ apps, app, environment }) {
  known = apps;
  const filters = read();
  if (app && (filters.app !== app || filters.environment !== environment)) {
    history.replaceState(null, '', address({ app, environment }));
  }
  chrome(read());
}

function chrome(filters) {
  const active = TAB_OF[filters.view] || filters.view;
  const isFiltered = FILTERED.has(filters.view);
  tabs(document.getElementById('nav'), active);
  document.querySelector('.brand').setAttribute('href', address({ view: 'overview' }));
  const focused = document.activeElement?.id;
  const apps = [...new Set(known.map((row) => row.app))];
  const environments = known.filter((row) => row.app === filters.app).map((row) => row.environment);
  document.getElementById('filters').replaceChildren(
    ...scopeSelects({ filters, apps, environments, go, inApp }).filter(Boolean),
    moreFilters({ filters, isFiltered, go, open: filtersOpen, onToggle: (open) => { filtersOpen = open; }, load: () => api.values(filters) }),
    h('button', { id: 'theme', type: 'button', class: 'icon', title: 'Theme: system, light or dark', 'aria-label': `Theme: ${theme()}. Change it.`, onclick: turnTheme }, { system: '◐', light: '☀', dark: '☾' }[theme()]));
  document.getElementById('chips').replaceChildren(...chips({ filters, isFiltered, address }).filter(Boolean));
  if (focused) document.getElementById(focused)?.focus();
}

/** Links that stay the same elements: whoever has the focus on one keeps it. */
function tabs(nav, active) {
  if (!nav.firstChild) nav.append(...Object.entries(TABS).map(([view, name]) => h('a', { 'data-view': view }, name)));
  for (const link of nav.children) {
    const { view } = link.dataset;
    link.setAttribute('href', address({ view }));
    if (view === active) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  showTab(nav);
}

/** On a phone the tabs are wider than the window: the one we are on is scrolled to. */
function showTab(nav) {
  const tab = nav.querySelector('[aria-current]');
  nav.scrollLeft = tab.offsetLeft - nav.offsetLeft - (nav.clientWidth - tab.offsetWidth) / 2;
}

/** Another app has other routes and findings: their pages fall back to the list they came from. */
const inApp = (view) => TAB_OF[view] || view;

function theme() {
  return document.documentElement.dataset.theme || 'system';
}

function turnTheme() {
  const next = { system: 'light', light: 'dark', dark: 'system' }[theme()];
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try { localStorage.setItem('vitalscope-theme', next); } catch { /* storage is off: the choice lasts until reload */ }
  chrome(read());
  document.dispatchEvent(new Event('themechange'));
}

function skeleton() {
  return h('div', { class: 'skeleton', role: 'status' }, h('span', { class: 'hidden' }, 'Loading'), ...Array.from({ length: 3 }, () => h('div', {})));
}

function failure(error) {
  const known = error instanceof api.Problem;
  if (!known) console.error(error);
  return h('section', { class: 'state error', role: 'alert' },
    h('h1', {}, known && error.status === 404 ? 'Not found' : 'This could not be loaded'),
    h('p', {}, known ? error.message : 'The page itself failed; the browser console has the reason.'),
    h('p', {}, h('button', { type: 'button', onclick: () => show() }, 'Try again'), ' ', h('a', { href: '/' }, 'To the overview')));
}

function stale() {
  document.getElementById('fresh').textContent = 'The collector does not answer; shown is what it said last.';
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const href = link.getAttribute('href');
  if (!href.startsWith('?') && href !== '/') return;
  event.preventDefault();
  history.pushState(null, '', href);
  show();
});
addEventListener('popstate', () => show());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('themechange')));
setInterval(() => {
  // Never under someone's hands: a refresh replaces elements, and with them focus and open details.
  const busy = main.contains(document.activeElement) || main.querySelector('details[open]');
  if (document.visibilityState === 'visible' && !busy) show({ quiet: true });
}, REFRESH_MS);

show();
// A page opened deep inside does not pass the overview, which knows the apps.
if (read().view !== 'overview') {
  const { app, environment } = read();
  api.overview({ app, environment, range: '24h' }).then(learn, () => {});
}
