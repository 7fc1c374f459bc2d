// How the app does in one look: the assessment, a tile per vital, what the detector found, what arrives, the worst routes, all apps.

import { shareBar, sparkline } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, saving, table } from '../table.js';
import { strip } from './health.js';
import { live } from './live.js';
import { findingTable, install } from './parts.js';
import { routeTable } from './routes.js';

const TOP_FINDINGS = 5;
const TOP_ROUTES = 8;
/** Below this a change between two ranges is noise to the eye, and no claim of the detector's. */
const SAME_RATIO = 0.02;

export async function overview(context) {
  const { filters, api, signal } = context;
  const rest = (scope) => Promise.all([
    api.routes({ ...scope, search: '', sort: '', order: '', offset: '', limit: TOP_ROUTES }, signal),
    api.findings({ ...scope, route: '', vital: '', state: 'open', offset: '', limit: TOP_FINDINGS }, signal),
    api.live(scope, signal),
    api.apps(scope, signal),
    api.health(signal),
  ]);
  // Once the address names the app, nothing has to wait for the overview to choose one.
  const early = filters.app && filters.environment ? rest(filters) : null;
  early?.catch(() => {});
  const found = await api.overview(filters, signal);
  context.learn(found);
  if (found.state === 'empty') return [empty()];
  const scope = { ...filters, app: found.app, environment: found.environment };
  const [routes, findings, minutes, apps, health] = await (early || rest(scope));
  const quiet = found.state === 'quiet';
  const tiles = format.VITAL_ORDER.map((vital) => tile(context, vital, found.vitals.find((entry) => entry.vital === vital), filters));
  return [
    heading(found),
    quiet ? nothing(context) : assessment(found),
    !quiet && h('section', { class: 'tiles core', 'aria-label': 'Core Web Vitals' }, tiles.slice(0, format.CORE.length)),
    !quiet && h('section', { class: 'tiles', 'aria-label': 'Other vitals' }, tiles.slice(format.CORE.length)),
    findingsPanel(context, findings, routes.rows.some((line) => line.vitals.some(judged))),
    strip(context, health),
    live(minutes),
    !quiet && panel('Routes that matter most', [saving('routes', 'routes', api.routesQuery(scope)), h('a', { href: context.address({ view: 'routes' }) }, `All ${format.count(routes.total)}`)], routeTable(context, routes.rows)),
    apps.rows.length > 1 && appsPanel(context, apps, found),
  ].filter(Boolean);
}

function heading(found) {
  return h('div', { class: 'page-head' }, h('h1', {}, found.app, found.environment && h('span', { class: 'soft' }, ` ${found.environment}`)),
    h('p', { class: 'soft' }, `${format.count(found.page_view_count)} page views, ${format.minute(found.from_ms)} to ${format.minute(found.to_ms)}`));
}

const list = (names) => [names.slice(0, -1).join(', '), names[names.length - 1]].filter(Boolean).join(' and ');

function assessment(found) {
  const { result, failing, missing, close, n } = found.assessment;
  const text = {
    good: 'The p75 of LCP, INP and CLS is good: three of four page views are at least this fast.',
    poor: `The p75 of ${list(failing)} is not good.${missing.length ? ` Too few measurements of ${list(missing)}.` : ''}`,
    undecided: `Too few measurements of ${list(missing)} to say.`,
  }[result];
  const title = { good: 'Core Web Vitals: passed', poor: 'Core Web Vitals: not passed', undecided: 'Core Web Vitals: undecided' }[result];
  const sure = close.length ? ` The limit lies inside the 95 % interval of ${list(close)}: with other visitors it might be otherwise.` : '';
  const intervals = format.CORE.flatMap((vital) => found.vitals.filter((entry) => entry.vital === vital))
    .map((entry) => `${entry.vital} ${format.value(entry.vital, entry.p75_low)} to ${format.value(entry.vital, entry.p75_high)} (n = ${format.compact(entry.n)})`);
  return h('section', { class: `assessment ${result}` }, h('span', { class: 'badge', 'aria-hidden': 'true' }, { good: '✓', poor: '!', undecided: '?' }[result]),
    h('div', {}, h('h2', {}, title), h('p', {}, text + sure), h('p', { class: 'small' }, `95 % intervals of the p75: ${intervals.join(', ') || 'none'}. At least ${format.count(n)} page views each.`)));
}

function tile(context, vital, entry, filters) {
  if (!entry) {
    return h('div', { class: 'tile none' }, h('h3', { title: format.VITALS[vital] }, vital), h('p', { class: 'soft' }, 'not measured in this range'));
  }
  const rating = entry.low_sample ? '' : entry.rating || '';
  return h('div', { class: `tile ${rating}` },
    h('h3', {}, h('a', { href: context.address({ view: 'route', route: '*', vital }), title: `${format.VITALS[vital]} over time` }, vital), entry.low_sample ? h('span', { class: 'rating' }, 'few data') : rating && h('span', { class: `rating ${rating}` }, format.RATINGS[rating])),
    h('p', { class: 'value', title: `95 % interval ${format.value(vital, entry.p75_low)} to ${format.value(vital, entry.p75_high)}` }, format.value(vital, entry.p75), h('span', { class: 'soft small' }, ' p75')),
    h('p', { class: 'versus' }, versus(entry, filters)),
    sparkline(entry.trend, rating),
    shareBar(entry.shares, { labels: true }),
    h('p', { class: 'soft small' }, `${format.compact(entry.n)} page views`));
}

function versus(entry, { range, from }) {
  const before = `the ${(!from && format.RANGES[range]) || 'range'} before`;
  if (!entry.previous_p75) return h('span', { class: 'soft' }, `no data in ${before}`);
  const ratio = entry.p75 / entry.previous_p75;
  if (Math.abs(ratio - 1) < SAME_RATIO) return h('span', { class: 'soft' }, `as in ${before}`);
  return h('span', { class: ratio > 1 ? 'regression' : 'improvement' }, `${format.change(ratio)} `, h('span', { class: 'soft' }, `on ${before}`));
}

/** Whether the detector has anything to compare this series with. */
const judged = (entry) => entry.baseline_state !== null && entry.baseline_state !== 'learning';

function findingsPanel(context, found, watching) {
  const all = h('a', { href: context.address({ view: 'findings' }) }, 'All findings');
  if (!found.rows.length) return panel('Open findings', all, h('p', { class: 'empty' }, watching
    ? 'None. Nothing is worse than its baseline beyond what chance explains.'
    : 'None yet: the detector is still learning what is normal here, which takes some days of traffic.'));
  return panel('Open findings', all, findingTable(context, found.rows),
    found.total > TOP_FINDINGS && h('p', {}, h('a', { href: context.address({ view: 'findings' }) }, `${found.total - TOP_FINDINGS} more`)));
}

/** Everything that is measured, side by side. */
function appsPanel(context, apps, found) {
  const vital = (name) => ({ name, title: format.VITALS[name], kind: 'number', cell: (line) => {
    const entry = line.vitals.find((one) => one.vital === name);
    return entry ? h('span', { class: `p75 ${entry.low_sample ? '' : entry.rating}`, title: `${format.count(entry.n)} page views, 95 % interval ${format.value(name, entry.p75_low)} to ${format.value(name, entry.p75_high)}` }, format.value(name, entry.p75)) : '–';
  } });
  const verdict = { good: ['good', '✓ passed'], poor: ['poor', '! not passed'], undecided: ['', '? too few data'] };
  return panel('All apps', saving('all apps', 'apps', { ...context.api.everybody(context.filters), app: '', environment: '' }), table({ label: 'All apps', rows: apps.rows, columns: [
    { name: 'App', kind: 'wide', cell: (line) => [h('a', { class: 'route', href: context.address({ app: line.app, environment: line.environment, offset: '' }), 'aria-current': line.app === found.app && line.environment === found.environment ? 'true' : null, title: line.app }, line.app), h('span', { class: 'soft small' }, line.environment || 'no environment')] },
    { name: 'Page views', kind: 'number', cell: (line) => format.count(line.page_view_count) },
    { name: 'Core Web Vitals', cell: (line) => h('span', { class: `rating ${verdict[line.assessment.result][0]}` }, verdict[line.assessment.result][1]) },
    vital('LCP'), vital('INP'), vital('CLS'),
    { name: 'Open findings', kind: 'number', cell: ({ findings_open: open }) => counted(open) },
  ] }));
}

function counted(open) {
  const parts = ['critical', 'warning', 'minor'].filter((kind) => open[kind]).map((kind) => `${open[kind]} ${kind}`);
  return parts.length ? parts.join(', ') : h('span', { class: 'soft' }, 'none');
}

function empty() {
  return h('section', { class: 'state' }, h('h1', {}, 'Waiting for the first page view'), install(`http://${location.hostname}:8080`),
    h('p', { class: 'soft' }, 'This page looks again every minute.'));
}

function nothing(context) {
  return h('section', { class: 'state' }, h('h2', {}, 'Nothing was measured in this range'), h('p', {}, context.isFiltered
    ? 'No page view is left by the filters above: remove one, or choose a longer range.'
    : 'Choose a longer one above, or look at Health for what arrives.'));
}
