// The npm package as people get it: the packed tarball, installed into a fresh folder, on a server, through a bundler's build and its
// development server, and wasm-pack's output without any. Beacons from a real browser are the proof.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { here, root, stage, until } from '../harness.js';

const run = promisify(execFile);
const scene = stage({ prepare: install });

/** The bundler's oldest Node.js; everything else here does with any that we support. */
const [major, minor] = process.versions.node.split('.').map(Number);
const tooOldForVite = major < 20 || (major === 20 && minor < 19) ? 'Vite 7 needs Node.js 20.19' : false;

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

let project;
let tarball;

/** A fresh project with the tarball in it. */
async function install() {
  project = await mkdtemp(join(tmpdir(), 'vitalscope-package-'));
  const packed = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: join(root, 'js-shim/dist/npm') });
  [tarball] = JSON.parse(packed.stdout);
  const write = (name, text) => writeFile(join(project, name), text);
  await write('package.json', JSON.stringify({ name: 'fresh', private: true, type: 'module' }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(project, tarball.filename)], { cwd: project });
  await write('index.html', page('/main.js'));
  await write('external.html', page('/external.js'));
  await write('main.js', `import { start } from 'vitalscope';\nimport { createBudgetPreset } from 'vitalscope/budgets';\n${begin('budgets: createBudgetPreset("strict")')}`);
  await write('external.js', `import init, { start } from 'vitalscope/external';\nawait init();\n${begin('')}`);
  await write('some.js', `export { interactive } from 'vitalscope/budgets';`);
}

after(() => project && rm(project, { recursive: true, force: true }));

const page = (script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Fresh</title><h1>Fresh project</h1><script type="module" src="${script}"></script></html>`;

/** Source that starts the agent as the page's address says. */
const begin = (more) => `
  const { release, endpoint } = Object.fromEntries(new URLSearchParams(location.search));
  start({ app: 'e2e', release, endpoint, ${more} });
`;

/** Opens a page and waits for what it sends of its first paint: measured in the page, and taken by the collector. */
async function assertSends(url, release) {
  const context = await scene.browser.newContext();
  const tab = await context.newPage();
  const problems = [];
  tab.on('pageerror', (error) => problems.push(String(error)));
  tab.on('console', (message) => message.type() === 'error' && !message.text().includes('favicon') && !message.location().url.endsWith('/favicon.ico') && problems.push(message.text()));
  await tab.goto(`${url}?${new URLSearchParams({ release, endpoint: `${scene.pages.roadOrigin}/road` })}`);
  const beacon = await until(`FCP of ${release}`, () => scene.pages.sink.beaconsOf(release).find(({ m }) => m?.some(({ n }) => n === 'FCP')), 20_000).catch((error) => {
    throw new Error([error.message, ...problems].join('\n'));
  });
  assert.equal(beacon.raw, undefined);
  await tab.close();
  const [row] = await until('the row', async () => {
    const rows = await scene.collector.query(`SELECT engine, value FROM vitalscope.measurements WHERE release = '${release}' AND vital = 'FCP'`);
    return rows.length && rows;
  });
  assert.equal(row.engine, 'wasm');
  assert.ok(row.value > 0);
  assert.deepEqual(problems, []);
  await context.close();
}

/** Serves folders by their prefixes, as any server of static files does. */
async function serve(folders, body) {
  const server = createHttpServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://static');
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
    const file = folder && (await readFile(join(folder, pathname.slice(prefix.length) || 'index.html')).catch(() => null));
    if (!file) return response.writeHead(404).end();
    return response.writeHead(200, { 'Content-Type': TYPES[extname(pathname)] ?? 'text/html' }).end(file);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  try {
    await body(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('the tarball has what it promises, wasm-pack\'s output too, and little else', async () => {
  const files = tarball.files.map(({ path }) => path);
  for (const name of ['package.json', 'index.js', 'index.d.ts', 'server.js', 'budgets.js', 'budgets.d.ts', 'inline.js', 'inline.d.ts', 'external.d.ts', 'LICENSE-MIT', 'LICENSE-APACHE']) {
    assert.ok(files.includes(name), name);
  }
  for (const name of ['vitalscope_agent.js', 'vitalscope_agent_bg.wasm', 'vitalscope_agent.d.ts']) assert.ok(files.includes(`pkg/${name}`), name);
  assert.ok(files.some((name) => /^pkg\/snippets\/.*\/gate\.js$/.test(name)));
  assert.deepEqual(files.filter((name) => /node_modules|test|\.rs$|\.map$|lock/.test(name)), []);
  const manifest = JSON.parse(await readFile(join(project, 'node_modules/vitalscope/package.json'), 'utf8'));
  assert.deepEqual([manifest.dependencies, manifest.scripts, manifest.private, manifest.sideEffects], [undefined, undefined, undefined, false]);
  for (const target of Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry)))) {
    assert.ok(files.includes(target.replace('./', '')), target);
  }
});

test('on a server, under every condition, importing touches nothing and starting does nothing', async () => {
  const program = `
    import assert from 'node:assert/strict';
    const before = Object.keys(globalThis).length;
    const { start } = await import('vitalscope');
    const { presets } = await import('vitalscope/budgets');
    const { default: snippet } = await import('vitalscope/inline');
    const { default: init, start: startExternal } = await import('vitalscope/external');
    assert.equal(Object.keys(globalThis).length, before);
    assert.ok(snippet.includes('PerformanceObserver') && presets.strict.INP.limit > 0);
    if (!process.execArgv.includes('--conditions=browser')) {
      await init();
      startExternal({ app: 'shop' });
      const rum = start({ app: 'shop' });
      rum.measure('x', 1);
      assert.equal(rum.time('work', () => 7), 7);
      rum.stop();
    }
  `;
  for (const conditions of [[], ['worker'], ['workerd'], ['edge-light', 'worker'], ['browser']]) {
    const flags = conditions.map((condition) => `--conditions=${condition}`);
    const { stdout, stderr } = await run(process.execPath, [...flags, '--input-type=module', '--eval', program], { cwd: project });
    assert.equal(stdout + stderr, '', conditions.join());
  }
});

test('types compile as people write, and refuse what is none', async () => {
  await mkdir(join(project, 'typed'), { recursive: true });
  await writeFile(join(project, 'typed/main.ts'), TYPED);
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    const config = { compilerOptions: { strict: true, noEmit: true, target: 'es2022', module, moduleResolution, lib: ['es2022', 'dom'], types: [], exactOptionalPropertyTypes: true }, files: ['main.ts'] };
    await writeFile(join(project, 'typed/tsconfig.json'), JSON.stringify(config));
    await run(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '--project', join(project, 'typed')]).catch(({ stdout }) => assert.fail(stdout));
  }
});

describe('a fresh Vite project', { skip: tooOldForVite }, () => {
  let vite;
  const options = (more) => ({ root: project, configFile: false, logLevel: 'error', cacheDir: join(project, '.vite'), ...more });

  before(async () => {
    vite = await import('vite');
  });

  async function develop(more, body) {
    const server = await vite.createServer(options({ server: { host: '127.0.0.1', port: 0, watch: null }, ...more }));
    try {
      await server.listen();
      await body(server.resolvedUrls.local[0].replace(/\/$/, ''));
    } finally {
      await server.close();
    }
  }

  test('built and served as files, sends a beacon, with the WebAssembly inside the script or as a file', async () => {
    const input = ['index.html', 'external.html'].map((name) => join(project, name));
    await vite.build(options({ build: { outDir: 'built', target: 'es2022', rollupOptions: { input } } }));
    await serve({ '/': join(project, 'built') }, async (origin) => {
      await assertSends(`${origin}/`, 'vite-build');
      await assertSends(`${origin}/external.html`, 'vite-build-external');
    });
  });

  test('in development, sends a beacon', () => develop({}, (origin) => assertSends(`${origin}/`, 'vite-dev')));

  test('in development with the WebAssembly as a file, kept out of the pre-bundling, sends a beacon', () =>
    develop({ optimizeDeps: { exclude: ['vitalscope'] } }, (origin) => assertSends(`${origin}/external.html`, 'vite-dev-external')));

  test('of the budgets it bundles those that are used', async () => {
    const build = { write: false, minify: false, lib: { entry: join(project, 'some.js'), formats: ['es'] } };
    const [{ output }] = [await vite.build(options({ build }))].flat();
    const [{ code }] = output;
    assert.match(code, /route-change/);
    assert.doesNotMatch(code, /prefetch|hydrate|createBudgetPreset/);
  });
});

test('a plain page with wasm-pack\'s output as it is sends a beacon', async () => {
  const script = `import init, { start } from './pkg/vitalscope_agent.js';\nawait init();\n${begin('')}`;
  await mkdir(join(project, 'plain'), { recursive: true });
  await writeFile(join(project, 'plain/index.html'), page('./main.js'));
  await writeFile(join(project, 'plain/main.js'), script);
  await serve({ '/pkg/': join(root, 'agent-wasm/pkg'), '/': join(project, 'plain') }, (origin) => assertSends(`${origin}/`, 'plain-pkg'));
});

const TYPED = `
import { start, type BudgetViolation, type Measurement, type Options, type Vitalscope } from 'vitalscope';
import { createBudgetPreset, interactive, presets } from 'vitalscope/budgets';
import init, { start as startExternal } from 'vitalscope/external';
import snippet from 'vitalscope/inline';

const kept: Measurement[] = [];
const options: Options = {
  app: 'shop',
  sampleRate: 0.5,
  routes: ['/product/:id'],
  route: ({ pathname }) => pathname,
  budgets: { ...interactive, ...createBudgetPreset(['strict', presets.background], { LCP: 2000, INP: null, checkout: { limit: 800, impact: 'background' } }), render: 16 },
  consent: 'pending',
  userTiming: true,
  apiTimings: false,
  context: { tenant: 'acme', beta: true, cohort: 7 },
  onMeasurement: (measurement) => {
    kept.push(measurement);
    if (measurement.name === 'MEMORY') measurement.attribution.growth_bytes_per_min?.toFixed();
    if (measurement.name === 'INP') measurement.attribution.script?.length;
  },
  onBudgetViolation: ({ severity, impact, budget }: BudgetViolation) => console.log(severity === 'critical', impact === 'background', budget.toFixed()),
  beforeSend: (measurement) => (measurement.name === 'CLS' ? null : { ...measurement, value: Math.round(measurement.value) }),
};
const rum: Vitalscope = start(options);
const seven: number = rum.time('work', () => 7);
const later: Promise<string> = rum.time('load', async () => 'x');
rum.measure('checkout', 12, { items: 3, input_size: 100 });
rum.setContext(undefined);
rum.setConsent('granted');
await init({ module_or_path: new URL('https://example.org/agent.wasm') });
startExternal({ app: 'shop' });
snippet.trim();
void [seven, later];

// @ts-expect-error an app is required
start({});
// @ts-expect-error no such word
start({ app: 'shop', consent: 'perhaps' });
// @ts-expect-error no such impact
start({ app: 'shop', budgets: { INP: { limit: 1, impact: 'none' } } });
// @ts-expect-error no such preset
createBudgetPreset('fast');
// @ts-expect-error consent cannot become pending again
rum.setConsent('pending');
`;
