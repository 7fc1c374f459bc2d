// Builds everything a page loads, from wasm-pack's output: `dist/agent.js` (the script build, WebAssembly embedded),
// `dist/snippet.js` (the inline snippet), `dist/npm/` (the package) and `dist/manifest.json` (hash and SRI of the script).
// Run it after `wasm-pack build agent-wasm --target web --release`.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { shrink } from './shrink.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const pkg = join(here, '../agent-wasm/pkg');
const dist = join(here, 'dist');

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'npm'), { recursive: true });

const { glue, wasm } = shrink(join(pkg, 'vitalscope_agent.js'), join(pkg, 'vitalscope_agent_bg.wasm'));

/** Resolves `#glue` and `#wasm`: wasm-pack's module, and its bytes as hex, which survives every charset. */
const embedded = {
  name: 'embedded',
  setup(bundle) {
    bundle.onResolve({ filter: /^#(glue|wasm)$/ }, ({ path }) => ({ path, namespace: 'embedded' }));
    bundle.onLoad({ filter: /^#glue$/, namespace: 'embedded' }, () => ({ contents: glue, resolveDir: pkg }));
    bundle.onLoad({ filter: /^#wasm$/, namespace: 'embedded' }, () => ({ contents: bytesModule(wasm) }));
  },
};

const bundle = (entry, outfile, format) =>
  build({
    entryPoints: [join(here, 'src', entry)],
    outfile,
    bundle: true,
    minify: true,
    format,
    target: 'es2020',
    legalComments: 'none',
    plugins: [embedded],
  });

await bundle('script.js', join(dist, 'agent.js'), 'iife');
await bundle('snippet.js', join(dist, 'snippet.js'), 'iife');
await bundle('index.js', join(dist, 'npm/index.js'), 'esm');
// What the script build adds to the WebAssembly, for the size report: the same bundle with no bytes in it.
const glueOnly = await build({
  entryPoints: [join(here, 'src/script.js')],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  target: 'es2020',
  plugins: [
    {
      name: 'empty',
      setup(bundle) {
        bundle.onResolve({ filter: /^#(glue|wasm)$/ }, ({ path }) => ({ path, namespace: 'embedded' }));
        bundle.onLoad({ filter: /^#glue$/, namespace: 'embedded' }, () => ({ contents: glue, resolveDir: pkg }));
        bundle.onLoad({ filter: /^#wasm$/, namespace: 'embedded' }, () => ({ contents: bytesModule(Buffer.alloc(0)) }));
      },
    },
  ],
});

const snippet = readFileSync(join(dist, 'snippet.js'));
for (const file of ['index.d.ts', 'server.js']) cpSync(join(here, 'src', file), join(dist, 'npm', file));
writeFileSync(join(dist, 'npm/inline.js'), `export default ${JSON.stringify(snippet.toString().trim())};\n`);
writeFileSync(join(dist, 'npm/inline.d.ts'), '/** The inline snippet, for the head of a page. */\ndeclare const snippet: string;\nexport default snippet;\n');
cpSync(pkg, join(dist, 'npm/pkg'), { recursive: true, filter: (path) => !path.endsWith('.gitignore') && !path.endsWith('package.json') });
const packed = join(dist, 'npm/pkg/vitalscope_agent_bg.wasm');
execFileSync(join(here, 'node_modules/.bin/wasm-opt'), [packed, '--strip-debug', '-o', packed]);
const { devDependencies, scripts, private: _, ...manifest } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
writeFileSync(join(dist, 'npm/package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

const agent = readFileSync(join(dist, 'agent.js'));
writeFileSync(join(dist, 'agent.wasm'), wasm);
const sizes = {
  snippet: size(snippet),
  glue: size(Buffer.from(glueOnly.outputFiles[0].contents)),
  wasm: size(wasm),
  'agent.js': size(agent),
};
const hash = createHash('sha256').update(agent).digest('hex').slice(0, 16);
const integrity = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
writeFileSync(
  join(dist, 'manifest.json'),
  `${JSON.stringify(
    {
      version: manifest.version,
      agent: { file: 'agent.js', hash, path: `/agent/${hash}.js`, integrity: integrity(agent) },
      snippet: { file: 'snippet.js', integrity: integrity(snippet) },
      sizes,
    },
    null,
    2,
  )}\n`,
);
console.table(sizes);
const total = sizes.snippet.brotli + sizes.glue.brotli + sizes.wasm.brotli;
console.log(`snippet + glue + wasm: ${total} B brotli`);

function size(bytes) {
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
  };
}

/** A module that turns hex back into bytes; `charCodeAt` is several times faster than `parseInt`. */
function bytesModule(wasm) {
  return `
    const hex = '${wasm.toString('hex')}';
    const digit = (at) => (hex.charCodeAt(at) & 15) + (hex.charCodeAt(at) > 64 ? 9 : 0);
    export const bytes = () => Uint8Array.from({ length: hex.length / 2 }, (_, at) => (digit(2 * at) << 4) | digit(2 * at + 1));
  `;
}
