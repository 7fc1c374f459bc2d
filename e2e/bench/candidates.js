// Who is measured: the agent as built, and its peers, each bundled from npm and set up as its own documentation shows it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

const here = import.meta.dirname;
/** Another build of the agent may be measured than the one of this repository. */
const dist = process.env.VITALSCOPE_AGENT_DIST ?? join(here, '../../js-shim/dist');

/** The peer that observes and does nothing else. */
export const OBSERVER = 'web-vitals';
const PEERS = [OBSERVER, 'faro', 'sentry', 'datadog'];

export const AGENT = 'vitalscope';
/** The page without anything: what is attributed there is the measurement's own error. */
export const NOTHING = 'nothing';

const external = (base) => `<script async src="${base}/script.js"></script>`;

/** All candidates in the order in which each round runs them. */
export async function candidates() {
  return [await agent(), ...(await Promise.all(PEERS.map(peer))), { name: NOTHING, script: '', tags: () => '' }];
}

/** The agent with its inline snippet, as the README shows it. A page may say more about its start in the query string. */
async function agent() {
  const read = (name) =>
    readFile(join(dist, name), 'utf8').catch(() => {
      throw new Error(`no ${name} in ${dist}: the agent is not built; cargo xtask agent`);
    });
  const [script, snippet] = await Promise.all([read('agent.js'), read('snippet.js')]);
  const tags = (base, query) => {
    const app = (query.get('app') ?? 'bench').replace(/\W/g, '');
    const start = { app, endpoint: '/sink/vitalscope', release: '1.0.0', environment: 'production', ...JSON.parse(query.get('start') ?? '{}') };
    return query.has('start')
      ? `<script>${snippet}</script><script>vitalscope('start', Object.assign(${JSON.stringify(start)}, { endpoint: location.origin + '/sink/vitalscope' }))</script>${external(base)}`
      : `<script>${snippet}</script><script async src="${base}/script.js" data-app="${app}" data-endpoint="/sink/vitalscope" data-release="1.0.0" data-environment="production"></script>`;
  };
  return { name: AGENT, script, tags };
}

async function peer(name) {
  const { outputFiles } = await build({ ...BUNDLE, entryPoints: [join(here, 'candidates', `${name}.js`)] });
  return { name, script: outputFiles[0].text, tags: external };
}

/** As every size and every cost in this folder is measured: one file, production mode. */
export const BUNDLE = {
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2020',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
};
