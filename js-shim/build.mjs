// Builds everything a page loads, from wasm-pack's output: `dist/agent.js` (the script build, WebAssembly embedded),
// `dist/snippet.js` (the inline snippet), `dist/npm/` (the package) and `dist/manifest.json` (hash and SRI of the script).
// Run it after `wasm-pack build agent-wasm --target web --release`.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { minify } from 'terser';

import { rename, search } from './names.mjs';
import { shrink } from './shrink.mjs';
import { uniform } from './uniform.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const agent = join(here, '../agent-wasm/src');
const pkg = join(here, '../agent-wasm/pkg');
const dist = join(here, 'dist');

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'npm'), { recursive: true });

const { glue, wasm, call } = shrink(join(pkg, 'vitalscope_agent.js'), join(pkg, 'vitalscope_agent_bg.wasm'));

/** Resolves `#glue` and `#wasm`: wasm-pack's module, and the bytes as hex, which survives every charset. The agent's own JavaScript is
 * the same for both and calls the WebAssembly by its short names. */
const embedded = {
  name: 'embedded',
  setup(bundle) {
    bundle.onResolve({ filter: /^#(glue|wasm)$/ }, ({ path }) => ({ path, namespace: 'embedded' }));
    bundle.onResolve({ filter: /snippets\/.*\.js$/ }, ({ path }) => ({ path: join(agent, basename(path)) }));
    bundle.onLoad({ filter: /^#glue$/, namespace: 'embedded' }, () => ({ contents: glue, resolveDir: pkg }));
    bundle.onLoad({ filter: /^#wasm$/, namespace: 'embedded' }, () => ({ contents: bytesModule(wasm) }));
    bundle.onLoad({ filter: /agent-wasm\/src\/\w+\.js$/ }, ({ path }) => ({ contents: call(readFileSync(path, 'utf8')) }));
  },
};

/** Properties of the agent's own objects, which nothing outside of it sees: they get short names. Whoever adds one here makes sure that
 * no option, no beacon and no browser has a property of that name. */
const INTERNAL =
  /^(opsBytes|told|texts|isMeasuring|isChanged|heard|sealed|isOdd|mainMs|acked|begun|templates|painted|paintedAt|numbers|opening|interaction|since|busy|slow|half|number|flags|flies)$/;

/** esbuild bundles, terser minifies: it is the better one by a few per cent. */
async function bundle(entry, format) {
  const { outputFiles } = await build({
    entryPoints: [join(here, 'src', entry)],
    bundle: true,
    write: false,
    format,
    target: 'es2020',
    legalComments: 'none',
    plugins: [embedded],
  });
  const { code } = await minify(uniform(outputFiles[0].text, format == 'esm' ? 'module' : 'script'), {
    ecma: 2020,
    module: format === 'esm',
    toplevel: true,
    compress: { ecma: 2020, passes: 4, unsafe_arrows: true, keep_fargs: true, inline: 1, if_return: false },
    mangle: { properties: { regex: INTERNAL } },
  });
  // A block keeps what it declares as well to itself, in fewer characters.
  const block = code.trim().replace(/^\(\(\)=>(\{[^]*\})\)\(\);$/, '$1');
  // A condition too.
  return block.replace(/^\{(let [^]*);(if\([^()]*\)\{)([^]*\})\}$/, '$2$1;$3');
}

/** Minutes to look for better names, see `names.mjs`. */
const [, minutes] = process.argv.join(' ').match(/--name ([\d.]+)/) || [];
const NAMES = join(here, 'names.json');
const names = JSON.parse(readFileSync(NAMES, 'utf8'));

/** A program under its names; `smallness` is what the search tries to make small. */
function named(entry, code, smallness) {
  let renamed = rename(code, names[entry].split(' '), 'script');
  if (minutes) {
    names[entry] = search(renamed, smallness, minutes).join(' ');
    writeFileSync(NAMES, `${JSON.stringify(names, null, 2)}\n`);
    renamed = rename(code, names[entry].split(' '), 'script');
  } else if (renamed == code) console.warn(`names.json is not for this ${entry}: node js-shim/build.mjs --name 20`);
  return renamed;
}

/** Chromium compiles what follows while it comes, off the page's thread; otherwise it would compile each function there when it is called. */
const EARLY = '//# allFunctionsCalledOnLoad\n';
// Named without the WebAssembly's bytes in it, which are long and say nothing of names.
const [before, after] = (await bundle('script.js', 'iife')).split(wasm.toString('hex'));
const withBytes = EARLY + named('script.js', `${before}~wasm~${after}`, (code) => size(EARLY + code).brotli);
const script = Buffer.from(withBytes.replace('~wasm~', wasm.toString('hex')));
// What the script build adds to the WebAssembly, for the size report: the same script with no bytes in it.
const glueOnly = Buffer.from(withBytes.replace('~wasm~', ''));
const snippet = Buffer.from(named('snippet.js', await bundle('snippet.js', 'iife'), (code) => size(code).gzip + size(code).brotli / 100));
writeFileSync(join(dist, 'agent.js'), script);
writeFileSync(join(dist, 'snippet.js'), snippet);
writeFileSync(join(dist, 'npm/index.js'), `${await bundle('index.js', 'esm')}\n`);
// The optional part for pages with a script tag. Nobody loads it who does not want it, so a plain minifier will do.
const plain = await build({ entryPoints: [join(here, 'src/offline-script.js')], bundle: true, write: false, minify: true, target: 'es2020', legalComments: 'none' });
const offline = Buffer.from(plain.outputFiles[0].contents);
writeFileSync(join(dist, 'offline.js'), offline);

for (const file of ['index.d.ts', 'server.js', 'budgets.js', 'budgets.d.ts', 'offline.js', 'offline.d.ts']) cpSync(join(here, 'src', file), join(dist, 'npm', file));
for (const file of ['LICENSE-APACHE', 'LICENSE-MIT']) cpSync(join(here, '..', file), join(dist, 'npm', file));
writeFileSync(join(dist, 'npm/inline.js'), `export default ${JSON.stringify(snippet.toString().trim())};\n`);
writeFileSync(join(dist, 'npm/inline.d.ts'), '/** The inline snippet, for the head of a page. */\ndeclare const snippet: string;\nexport default snippet;\n');
writeFileSync(join(dist, 'npm/external.d.ts'), externalTypes());
cpSync(pkg, join(dist, 'npm/pkg'), { recursive: true, filter: (path) => !path.endsWith('.gitignore') && !path.endsWith('package.json') });
const packed = join(dist, 'npm/pkg/vitalscope_agent_bg.wasm');
execFileSync(join(here, 'node_modules/.bin/wasm-opt'), [packed, '--strip-debug', '-o', packed]);
const { devDependencies, scripts, private: _, ...manifest } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
writeFileSync(join(dist, 'npm/package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

writeFileSync(join(dist, 'agent.wasm'), wasm);
const sizes = {
  snippet: size(snippet),
  glue: size(glueOnly),
  wasm: size(wasm),
  'agent.js': size(script),
  'offline.js': size(offline),
};
const hash = createHash('sha256').update(script).digest('hex').slice(0, 16);
const integrity = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;
writeFileSync(
  join(dist, 'manifest.json'),
  `${JSON.stringify(
    {
      version: manifest.version,
      agent: { file: 'agent.js', hash, path: `/agent/${hash}.js`, integrity: integrity(script) },
      snippet: { file: 'snippet.js', integrity: integrity(snippet) },
      offline: { file: 'offline.js', integrity: integrity(offline) },
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

/** Types of wasm-pack's module for people who use it: what is only for the agent's own JavaScript stays out. */
function externalTypes() {
  return `import type { Context, Detail, Options } from './index.js';

/** Fetches and compiles the WebAssembly; by default the file beside the module. Once, before anything else. */
export default function init(source?: { module_or_path: string | URL | Request | Response | BufferSource | WebAssembly.Module }): Promise<unknown>;

/** Starts measuring. A second call does nothing. \`early\` is what the inline snippet has seen: \`window.vitalscope?.early\`. */
export function start(options: Options, early?: unknown): void;
export function setRoute(route: string): void;
export function setContext(context: Context | undefined): void;
export function measure(name: string, valueMs: number, detail?: Detail): void;
export function flush(): void;
export function setConsent(consent: 'granted' | 'denied'): void;
export function stop(): void;
`;
}

/** A module that turns hex back into bytes: the browser itself, where it can, in a hundredth of the time. */
function bytesModule(wasm) {
  return `const hex = '${wasm.toString('hex')}';
export const bytes = () => Uint8Array.fromHex?.(hex) || Uint8Array.from(hex.match(/../g), (byte) => '0x' + byte);`;
}
