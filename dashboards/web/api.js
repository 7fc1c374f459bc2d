// Asks the collector. Every answer is JSON; every refusal is a problem with a sentence for people.

import { VISITOR_NAMES } from './filters.js';

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

function target(path, parameters) {
  const query = new URLSearchParams(Object.entries(parameters || {}).filter(([, value]) => value !== '' && value !== undefined && value !== null));
  return `/api/v1/${path}${query.size ? `?${query}` : ''}`;
}

export async function ask(path, parameters, options) {
  let response;
  try {
    response = await fetch(target(path, parameters), { headers: { accept: 'application/json' }, ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', 'The collector does not answer. Is it running?');
  }
  // The login ended: the page itself shows the form.
  if (response.status === 401) location.reload();
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, body.code || 'error', body.detail || `The collector answered ${response.status}.`);
  return body;
}

/** Where a list is saved from: all of it, whatever page of it is shown. */
export function exported(path, parameters, format) {
  const rest = { ...parameters };
  for (const key of ['limit', 'offset']) delete rest[key];
  return target(path, format === 'csv' ? { ...rest, format } : { ...rest, ...('limit' in (parameters || {}) ? { limit: 1000 } : {}) });
}

const pick = (names) => (filters) => Object.fromEntries(names.map((name) => [name, filters[name]]));
/** Parts of the address as the API has them. */
export const app = pick(['app', 'environment']);
export const scope = pick(['app', 'environment', 'range', 'from', 'to']);
export const visitors = pick(VISITOR_NAMES);
/** A range in place of one that is counted from now. */
const timed = (filters) => (filters.from ? { ...scope(filters), range: '' } : { ...scope(filters), from: '', to: '' });
export const asked = (filters) => ({ ...timed(filters), ...visitors(filters) });
export const everybody = (filters) => timed(filters);

const inRoute = (route, rest = '') => `routes/${encodeURIComponent(route)}${rest}`;

export const overview = (filters, signal) => ask('overview', asked(filters), { signal });
export const apps = (filters, signal) => ask('apps', { ...timed(filters), app: '', environment: '' }, { signal });
export const live = (filters, signal) => ask('live', app(filters), { signal });
export const values = (filters, signal) => ask('filters', everybody(filters), { signal }).then((found) => found.rows);
export const routesQuery = ({ search, sort, order, offset, limit = 50, ...filters }) => ({ ...asked(filters), search, sort, order, offset, limit });
export const routes = (filters, signal) => ask('routes', routesQuery(filters), { signal });
export const routeQuery = (filters) => ({ ...asked(filters), vital: filters.vital, percentile: filters.percentile });
export const route = (filters, signal) => ask(inRoute(filters.route), routeQuery(filters), { signal });
export const splitPath = (filters, kind) => inRoute(filters.route, `/${kind}`);
/** `kind` is "dimensions" or "attribution": both are kept for everybody together. */
export const split = (filters, kind, signal) => ask(splitPath(filters, kind), { ...everybody(filters), vital: filters.vital }, { signal });
export const percentiles = (filters, p, signal) => ask(inRoute(filters.route, '/percentiles'), { ...asked(filters), vital: filters.vital, p }, { signal });
export const findingsQuery = ({ state, vital, route: name, offset, limit = 50, ...filters }) => ({ ...app(filters), state, vital, route: name, offset, limit });
export const findings = (filters, signal) => ask('findings', findingsQuery(filters), { signal });
export const trendsQuery = ({ route: name, ...filters }) => ({ ...app(filters), route: name, limit: 50 });
export const trends = (filters, signal) => ask('trends', trendsQuery(filters), { signal });
export const finding = (id, signal) => ask(`findings/${encodeURIComponent(id)}`, {}, { signal });
export const baselinesQuery = ({ state, vital, route: name, offset, limit = 100, ...filters }) => ({ ...app(filters), state, vital, route: name, offset, limit });
export const baselines = (filters, signal) => ask('baselines', baselinesQuery(filters), { signal });
export const operationsQuery = ({ route: name, search, offset, limit = 50, ...filters }) => ({ ...everybody(filters), route: name, search, offset, limit });
export const operations = (filters, signal) => ask('operations', operationsQuery(filters), { signal });
export const operation = (filters, signal) => ask(`operations/${encodeURIComponent(filters.operation)}`, { ...everybody(filters), route: filters.route }, { signal });
export const pageViewsQuery = ({ route: name, vital, order, ...filters }) => ({ ...asked(filters), route: name, vital, order });
export const pageViews = (filters, signal) => ask('page-views', pageViewsQuery(filters), { signal });
export const pageView = ({ id, app: name, at }, signal) => ask(`page-views/${encodeURIComponent(id)}`, { app: name, at }, { signal });
export const compareQuery = ({ baseline, current, route: name, vital, offset, limit = 1000, ...filters }) => ({ ...everybody(filters), baseline, current, route: name, vital, offset, limit });
export const compare = (filters, signal) => ask('compare', compareQuery(filters), { signal });
export const recommendationsQuery = ({ offset, limit = 50, ...filters }) => ({ ...everybody(filters), offset, limit });
export const recommendations = (filters, signal) => ask('recommendations', recommendationsQuery(filters), { signal });
export const health = (signal) => ask('health', {}, { signal });

const decide = (path, note) =>
  ask(path, {}, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ note }) });

export const mute = (id, note) => decide(`findings/${encodeURIComponent(id)}/mute`, note);
export const unmute = (id, note) => decide(`findings/${encodeURIComponent(id)}/unmute`, note);
/** `verdict` is "approve" or "reject". */
export const judge = (id, verdict, note = '') => decide(`baselines/${encodeURIComponent(id)}/${verdict}`, note);

/** The collector's own counters: [{ name, labels, value }]. */
export async function metrics(signal) {
  const response = await fetch('/metrics', { signal });
  if (!response.ok) return [];
  const lines = (await response.text()).split('\n');
  return lines.flatMap((line) => {
    const found = /^([a-z0-9_]+)(?:\{(.*)\})? ([-+.0-9eInfNa]+)$/.exec(line);
    return found ? [{ name: found[1], labels: found[2] || '', value: Number(found[3]) }] : [];
  });
}
