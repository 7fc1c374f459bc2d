// The package on a server: importing it touches nothing, and every call is allowed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { start } from '../src/server.js';

test('the server entry measures nothing and throws nothing', () => {
  assert.equal(typeof window, 'undefined');
  const agent = start({ app: 'shop' });
  for (const name of ['setRoute', 'setContext', 'measure', 'flush', 'setConsent', 'stop']) {
    assert.equal(agent[name]('x', 1), undefined);
  }
  assert.equal(agent.time('work', () => 7), 7);
});
