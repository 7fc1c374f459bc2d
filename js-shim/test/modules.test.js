// The agent's modules refer to each other in circles, so one that needs another while it is read would break or not, depending on who
// is imported first: bundlers, wasm-pack's glue and tests each begin elsewhere.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';

const agent = new URL('../../agent-wasm/src/', import.meta.url);
const modules = readdirSync(agent).filter((name) => name.endsWith('.js'));

test('any module may be the first', async () => {
  const run = promisify(execFile);
  assert.ok(modules.length > 10);
  for (const name of modules) {
    // It touches no page while it is read: there is none here.
    await assert.doesNotReject(run(process.execPath, ['--input-type=module', '--eval', `await import(${JSON.stringify(new URL(name, agent).href)})`]), name);
  }
});

test('wasm-pack packs every module: each is named in the crate', () => {
  const crate = ['lib.rs', 'agent.rs'].map((name) => readFileSync(new URL(name, agent), 'utf8')).join('');
  for (const name of modules) assert.ok(crate.includes(`module = "/src/${name}"`), name);
});
