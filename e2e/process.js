// A browser's process: spawned plainly with a profile of its own, and ended with it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './harness.js';

const MAX_LOG_CHARS = 20_000;
const END_TIMEOUT_MS = 5_000;

/** A new folder for the profile of a browser. */
export const makeProfile = (name) => mkdtemp(join(tmpdir(), `vitalscope-${name}-`));

/** Ends a process and waits for that. */
async function end(child) {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  clearTimeout(late);
}

/** Starts a program and waits until it says on its standard error where it listens: the first group of `listening`. `close` ends it
 * and removes the profile. */
export async function spawnBrowser(program, options, { profile, listening, timeoutMs }) {
  const child = spawn(program, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => (log = (log + chunk).slice(-MAX_LOG_CHARS)));
  const address = await until(`${program} says where it listens`, () => log.match(listening)?.[1], timeoutMs).catch((error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}\n${log}`);
  });
  return {
    address,
    async close() {
      await end(child);
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
