// Starts the real parts for one test file: a collector with embedded ClickHouse on free ports, a page server, a browser.
// Everything it starts it also ends; nothing is shared between test files. No test logic lives here.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { oracleScript } from './oracle.js';
import { startPages } from './server.js';

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '..');

const targetDir = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const binary = process.env.VITALSCOPE_BIN ?? join(targetDir, 'debug', 'vitalscope');

/** Embedded ClickHouse of a cold machine reads half a gigabyte from disk first. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/**
 * What one test file plays on, started before its first test and ended after its last: a collector, a page server and a browser.
 * `prepare` runs once all of them are there. A start that fails half way ends what it has started.
 */
export function stage({ launch = launchChromium, prepare = async () => {} } = {}) {
  // What tests of this file leave for its last one: values that were compared, and what upstream lost of the interactions.
  const scene = { compared: [], lost: [] };
  before(async () => {
    scene.collector = await startCollector();
    scene.pages = await startPages({ collector: scene.collector });
    scene.browser = await launch();
    await prepare(scene);
  });
  after(async () => {
    await scene.browser?.close();
    await scene.pages?.stop();
    await scene.collector?.stop();
  });
  return scene;
}

/** Polls until `probe` gives something truthy and returns it; fails with `what` and the last answer. */
export async function until(what, probe, timeout_ms = 10_000) {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeout_ms} ms`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

export const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** A running `vitalscope serve` on free loopback ports with a data folder of its own. */
async function startCollector({ env = {} } = {}) {
  await access(binary).catch(() => {
    throw new Error(`no collector at ${binary}: run \`cargo xtask test e2e\`, which builds it, or set VITALSCOPE_BIN`);
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'vitalscope-e2e-'));
  const variables = {
    ...process.env,
    VITALSCOPE_DATA_DIR: dataDir,
    VITALSCOPE_PUBLIC_LISTEN: '127.0.0.1:0',
    VITALSCOPE_PRIVATE_LISTEN: '127.0.0.1:0',
    VITALSCOPE_DEMO_ENABLED: 'true',
    ...env,
  };
  const child = spawn(binary, ['serve'], { env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = [];
  const addresses = {};
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(line);
    const [, name, address] = line.match(/^\s*(\S+)\s+(http:\/\/\S+)/) ?? [];
    if (name) addresses[name] = address.replace(/\/$/, '');
  });
  const wanted = ['ingest', 'agent', 'demo', 'dashboard', 'clickhouse'];
  await until('the collector prints its addresses', () => {
    if (child.exitCode !== null) throw new Error(`the collector ended with ${child.exitCode}:\n${log.join('\n')}`);
    return wanted.every((name) => addresses[name]);
  }, START_TIMEOUT_MS).catch((error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${log.join('\n')}`);
  });
  const publicOrigin = new URL(addresses.agent).origin;
  const privateOrigin = new URL(addresses.dashboard).origin;

  return {
    addresses, publicOrigin, privateOrigin, dataDir, log, child,

    /** What any person with `curl` may ask: anonymous, read-only. Rows as objects. */
    async query(sql) {
      const response = await fetch(`${addresses.clickhouse}/?query=${encodeURIComponent(`${sql} FORMAT JSONEachRow`)}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} for ${sql}: ${text}`);
      return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    },

    /** Runs another command of the same binary against this collector's data. */
    async command(...words) {
      const other = spawn(binary, words, { env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      other.stdout.on('data', (chunk) => (stdout += chunk));
      other.stderr.on('data', (chunk) => (stderr += chunk));
      const [code] = await once(other, 'close');
      if (code !== 0) throw new Error(`vitalscope ${words.join(' ')} ended with ${code}: ${stderr}${stdout}`);
      return { stdout, stderr };
    },

    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
        await once(child, 'close');
        clearTimeout(late);
      }
      await rm(dataDir, { recursive: true, force: true });
      return { code: child.exitCode, log };
    },
  };
}

/** Debian's Chromium, driven by playwright-core. Exact heap sizes, and no calls home. */
function launchChromium() {
  return chromium.launch({
    executablePath: process.env.VITALSCOPE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--enable-precise-memory-info',
    ],
    // Playwright switches the back-forward cache off; people's browsers have it.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
}

/** Puts the oracle on every page of `context`, before the page's own scripts. */
export async function addOracle(context, pages) {
  await context.addInitScript({ content: await oracleScript({ sink: `${pages.origin}/oracle` }) });
}
