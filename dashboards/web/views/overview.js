// How the app does in one look: the assessment, a tile per vital, what the detector found, the busiest routes.

import { shareBar, sparkline } from '../charts.js';
import { h } from '../dom.js';
import * as format from '../format.js';
import { findingTable, install } from './parts.js';
import { routeTable } from './routes.js';

const TOP_FINDINGS = 5;
const TOP_ROUTES = 8;
/** Below this a change between two ranges is noise to the eye, and no claim of the detector's. */
const SAME_RATIO = 0.02;

export async function overview(context) {
  const { filters, api, signal } = context;
  const rest = (scope) => Promise.all([api.routes(scope, signal), api.findings({ ...scope, route: '', vital: '', state: 'open' }, signal)]);
  // Once the address names the app, nothing has to wait for the overview to choose one.
  const early = filters.app && filters.environment ? rest(filters) : null;
  early?.catch(() => {});
  const found = await api.overview(filters, signal);
  context.learn(found);
  if (found.state === 'empty') return [empty()];
  const [routes, findings] = await (early || rest({ ...filters, app: found.app, environment: found.environment }));
  if (found.state === 'quiet') return [heading(found), quiet(), findingsPanel(context, findings, true)];
  const tiles = format.VITAL_ORDER.map((vital) => tile(context, vital, found.vitals.find((entry) => entry.vital === vital), filters.range));
  return [
    heading(found),
    assessment(found),
    h('section', { class: 'tiles core', 'aria-label': 'Core Web Vitals' }, tiles.slice(0, format.CORE.length)),
    h('section', { class: 'tiles', 'aria-label': 'Other vitals' }, tiles.slice(format.CORE.length)),
    findingsPanel(context, findings, routes.routes.some((line) => line.vitals.some(judged))),
    h('section', { class: 'panel' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Busiest routes'), h('a', { href: context.address({ view: 'routes' }) }, `All ${routes.routes.length} routes`)),
      routeTable(context, routes.routes.slice(0, TOP_ROUTES))),
  ];
}

function heading(found) {
  return h('div', { class: 'page-head' }, h('h1', {}, found.app, found.environment && h('span', { class: 'soft' }, ` ${found.environment}`)),
    h('p', { class: 'soft' }, `${format.count(found.page_view_count)} page views, ${format.minute(found.from_ms)} to ${format.minute(found.to_ms)}`));
}

function assessment(found) {
  const { result, failing, missing } = found.assessment;
  const list = (names) => [names.slice(0, -1).join(', '), names[names.length - 1]].filter(Boolean).join(' and ');
  const text = {
    good: 'The p75 of LCP, INP and CLS is good: three of four page views are at least this fast.',
    poor: `The p75 of ${list(failing)} is not good.${missing.length ? ` Too few measurements of ${list(missing)}.` : ''}`,
    undecided: `Too few measurements of ${list(missing)} to say.`,
  }[result];
  const title = { good: 'Core Web Vitals: passed', poor: 'Core Web Vitals: not passed', undecided: 'Core Web Vitals: undecided' }[result];
  return h('section', { class: `assessment ${result}` }, h('span', { class: 'badge', 'aria-hidden': 'true' }, { good: '✓', poor: '!', undecided: '?' }[result]),
    h('div', {}, h('h2', {}, title), h('p', {}, text)));
}

function tile(context, vital, entry, range) {
  if (!entry) {
    return h('div', { class: 'tile none' }, h('h3', { title: format.VITALS[vital] }, vital), h('p', { class: 'soft' }, 'not measured in this range'));
  }
  const rating = entry.low_sample ? '' : entry.rating || '';
  return h('div', { class: `tile ${rating}` },
    h('h3', {}, h('abbr', { title: format.VITALS[vital] }, vital), entry.low_sample ? h('span', { class: 'rating' }, 'few data') : rating && h('span', { class: `rating ${rating}` }, format.RATINGS[rating])),
    h('p', { class: 'value', title: `95 % interval ${format.value(vital, entry.p75_low)} to ${format.value(vital, entry.p75_high)}` }, format.value(vital, entry.p75), h('span', { class: 'soft small' }, ' p75')),
    h('p', { class: 'versus' }, versus(entry, range)),
    sparkline(entry.trend, rating),
    shareBar(entry.shares, { labels: true }),
    h('p', { class: 'soft small' }, `${format.compact(entry.n)} page views`));
}

function versus(entry, range) {
  const before = `the ${format.RANGES[range] || 'range'} before`;
  if (!entry.previous_p75) return h('span', { class: 'soft' }, `no data in ${before}`);
  const ratio = entry.p75 / entry.previous_p75;
  if (Math.abs(ratio - 1) < SAME_RATIO) return h('span', { class: 'soft' }, `as in ${before}`);
  return h('span', { class: ratio > 1 ? 'regression' : 'improvement' }, `${format.change(ratio)} `, h('span', { class: 'soft' }, `on ${before}`));
}

/** Whether the detector has anything to compare this series with. */
const judged = (entry) => entry.baseline_state !== null && entry.baseline_state !== 'learning';

function findingsPanel(context, { findings }, watching) {
  const head = h('div', { class: 'panel-head' }, h('h2', {}, 'Open findings'), h('a', { href: context.address({ view: 'findings' }) }, 'All findings'));
  if (!findings.length) return h('section', { class: 'panel' }, head, h('p', { class: 'empty' }, watching
    ? 'None. Nothing is worse than its baseline beyond what chance explains.'
    : 'None yet: the detector is still learning what is normal here, which takes some days of traffic.'));
  return h('section', { class: 'panel' }, head, findingTable(context, findings.slice(0, TOP_FINDINGS)),
    findings.length > TOP_FINDINGS && h('p', {}, h('a', { href: context.address({ view: 'findings' }) }, `${findings.length - TOP_FINDINGS} more`)));
}

function empty() {
  return h('section', { class: 'state' }, h('h1', {}, 'Waiting for the first page view'), install(`http://${location.hostname}:8080`),
    h('p', { class: 'soft' }, 'This page looks again every minute.'));
}

function quiet() {
  return h('section', { class: 'state' }, h('h2', {}, 'Nothing was measured in this range'), h('p', {}, 'Choose a longer one above, or look at Health for what arrives.'));
}
