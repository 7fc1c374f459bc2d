// Asks the collector. Every answer is JSON; every refusal is a problem with a sentence for people.

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, parameters, options) {
  const query = new URLSearchParams(Object.entries(parameters || {}).filter(([, value]) => value !== '' && value !== undefined));
  let response;
  try {
    response = await fetch(`/api/v1/${path}${query.size ? `?${query}` : ''}`, { headers: { accept: 'application/json' }, ...options });
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

const scope = ({ app, environment, range }) => ({ app, environment, range });

export const overview = (filters, signal) => ask('overview', scope(filters), { signal });
export const routes = (filters, signal) => ask('routes', scope(filters), { signal });
export const route = (filters, signal) =>
  ask(`routes/${encodeURIComponent(filters.route)}`, { ...scope(filters), vital: filters.vital }, { signal });
export const findings = ({ app, environment, state, vital, route: name }, signal) =>
  ask('findings', { app, environment, state, vital, route: name }, { signal });
export const finding = (id, signal) => ask(`findings/${encodeURIComponent(id)}`, {}, { signal });
export const baselines = ({ app, environment }, signal) => ask('baselines', { app, environment }, { signal });
export const health = (signal) => ask('health', {}, { signal });

const decide = (path, note) =>
  ask(path, {}, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ note }) });

export const mute = (id, note) => decide(`findings/${encodeURIComponent(id)}/mute`, note);
/** `verdict` is "approve" or "reject". */
export const judge = (id, verdict) => decide(`baselines/${encodeURIComponent(id)}/${verdict}`, '');

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
