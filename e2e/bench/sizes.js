// What the peers weigh, `cargo xtask bench sizes`: each bundled from npm into one file as a page would load it, and compressed as
// well as a server can. Rewrites peer-sizes.json, which `cargo xtask size` prints beside our own.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { BUNDLE } from './candidates.js';

const here = import.meta.dirname;
const TABLE = join(here, 'peer-sizes.json');

const FIVE = ['onCLS', 'onFCP', 'onINP', 'onLCP', 'onTTFB'];
const vitals = (module) => `import { ${FIVE.join(', ')} } from '${module}'; for (const on of [${FIVE.join(', ')}]) on(console.log);`;
const sentry = (integrations) => `import * as Sentry from '@sentry/browser'; Sentry.init({ dsn: 'https://key@host.invalid/1'${integrations} });`;

/** Smallest first. `code` is what a page writes to use the package. */
const PEERS = [
  { peer: 'web-vitals', what: 'five vitals', code: vitals('web-vitals') },
  { peer: 'web-vitals', what: 'with attribution', code: vitals('web-vitals/attribution') },
  { peer: '@speedcurve/lux', what: 'prebuilt', file: 'dist/lux.es2020.min.js' },
  { peer: '@elastic/apm-rum', what: 'init', code: `import { init } from '@elastic/apm-rum'; init({ serviceName: 'shop', serverUrl: 'https://host.invalid' });` },
  { peer: '@sentry/browser', what: 'errors', code: sentry('') },
  { peer: '@sentry/browser', what: 'and browser tracing', code: sentry(', integrations: [Sentry.browserTracingIntegration()], tracesSampleRate: 1') },
  {
    peer: '@grafana/faro-web-sdk', what: 'web instrumentations',
    code: `import { getWebInstrumentations, initializeFaro } from '@grafana/faro-web-sdk';
      initializeFaro({ url: 'https://host.invalid', app: { name: 'shop' }, instrumentations: [...getWebInstrumentations()] });`,
  },
  { peer: '@datadog/browser-rum-slim', what: 'init', code: `import { datadogRum } from '@datadog/browser-rum-slim'; datadogRum.init({ applicationId: 'a', clientToken: 'c' });` },
  { peer: 'posthog-js', what: 'default', code: `import posthog from 'posthog-js'; posthog.init('key', { api_host: 'https://host.invalid' });` },
];

const rows = [];
for (const { peer, what, code, file } of PEERS) {
  const folder = join(here, 'node_modules', peer);
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const text = file ? await readFile(join(folder, file)) : await bundled(code);
  rows.push({ peer, version, what, raw_bytes: text.length, gzip_bytes: gzip(text), brotli_bytes: brotli(text) });
}
await writeFile(TABLE, `${JSON.stringify(rows, null, 2)}\n`);
console.table(rows);

async function bundled(code) {
  const { outputFiles } = await build({ ...BUNDLE, stdin: { contents: code, resolveDir: here } });
  return outputFiles[0].contents;
}

function gzip(bytes) {
  return gzipSync(bytes, { level: 9 }).length;
}

function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}
