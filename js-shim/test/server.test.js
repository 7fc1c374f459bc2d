// The package on a server: importing it touches nothing, and every call is allowed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import init, * as server from '../src/server.js';

const { start } = server;

test('wasm-pack\'s functions are there too, and as silent', async () => {
  assert.equal(await init(), undefined);
  for (const name of ['setRoute', 'setContext', 'measure', 'flush', 'setConsent', 'stop']) assert.equal(server[name]('x', 1), undefined);
});

test('the server entry measures nothing and throws nothing', async () => {
  assert.equal(typeof window, 'undefined');
  for (const options of [undefined, {}, { app: 'shop', consent: 'pending' }]) {
    const agent = start(options);
    assert.equal(agent, start(options), 'a second call gives the same handle');
    for (const name of ['setRoute', 'setContext', 'measure', 'flush', 'setConsent', 'stop']) {
      assert.equal(agent[name]('x', 1), undefined);
    }
    assert.equal(agent.time('work', () => 7), 7);
    assert.equal(await agent.time('work', async () => 7), 7);
    assert.throws(() => agent.time('work', () => { throw new TypeError('mine'); }), TypeError);
  }
});
