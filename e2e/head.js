// What a page of the suite has in its head: snippet, agent and oracle, each at once, late, or not at all, as its address says.
//
// | query | meaning |
// |---|---|
// | `run` | names the visit: the agent's release, and how the oracle's message is found |
// | `snippet`, `agent`, `oracle` | `early` (in the head, synchronously; the default), `late` (when the test calls `loadLate()`), `none` |
// | `late` | all three late |
// | `all`, `soft` | the oracle reports every change, and soft navigations |
// | `options` | JSON: the page starts the agent with these options too, and keeps what `onMeasurement` says in `told` |
// | `offline` | the agent's optional part that keeps beacons across page loads, after the agent; its value is `data-max-beacons` |
// | `endpoint` | where beacons go: `road` (the default here), `straight`, `dead` |

import { oracleScript } from './oracle.js';

const word = (text) => (text ?? '').replace(/[^\w.-]/g, '');

/** Markup for the head. `origins`: of the collector, of the pages, and of the road. */
export function head(query, { agent, snippet, offline, snippetText, endpoint }) {
  const when = (part) => (query.has('late') ? 'late' : query.get(part) ?? 'early');
  const data = { app: 'e2e', release: word(query.get('run')), endpoint, environment: 'test' };
  const attributes = Object.entries(data).map(([name, value]) => `data-${name}="${value}"`).join(' ');
  const asked = ['all', 'soft'].filter((name) => query.has(name)).map((name) => `${name}=1`).join('&');
  const oracle = `/oracle.js?${asked}`;
  const options = query.get('options');
  const scripts = [['oracle', oracle, {}], ['snippet', snippet, {}], ['agent', agent, options ? {} : data]];
  const late = scripts.filter(([part]) => when(part) === 'late').map(([, src, dataset]) => ({ src, dataset }));
  return [
    `<script>(${keepProblems})();</script>`,
    when('oracle') === 'early' ? `<script src="${oracle}"></script>` : '',
    when('snippet') === 'early' ? `<script>${snippetText}</script>` : '',
    when('agent') === 'early' ? `<script src="${agent}" ${options ? '' : attributes}></script>` : '',
    query.has('offline') ? `<script src="${offline}" data-max-beacons="${word(query.get('offline'))}"></script>` : '',
    options ? `<script>(${startByPage})(${JSON.stringify({ ...data, ...JSON.parse(options) })});</script>` : '',
    late.length ? `<script>window.loadLate = (${loadLate})(${JSON.stringify(late)});</script>` : '',
  ].filter(Boolean).join('\n');
}

/** Answers `/oracle.js`. */
export const oracleFor = (query, sink) => oracleScript({ sink, all: query.has('all'), soft: query.has('soft') });

/** Run in the page: what nobody catches, for browsers whose driver does not tell. */
function keepProblems() {
  window.problems = [];
  addEventListener('error', (event) => window.problems.push(event.message));
  addEventListener('unhandledrejection', (event) => window.problems.push(String(event.reason)));
}

/** Run in the page: adds scripts in their order and promises that all have run. */
function loadLate(scripts) {
  return () => Promise.all(scripts.map(({ src, dataset }) => new Promise((done, fail) => {
    const script = Object.assign(document.createElement('script'), { src, async: false, onload: () => done(true), onerror: fail });
    Object.assign(script.dataset, dataset);
    document.head.append(script);
  }))).then(() => true);
}

/** Run in the page: starts the agent as a page's own code does. */
function startByPage(options) {
  window.told = [];
  const onMeasurement = ({ name, value, delta }) => window.told.push({ name, value, delta });
  window.vitalscope('start', { ...options, onMeasurement });
}
