// The stub: what a page may call before the agent is there, and `time()`, which runs at once whoever is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stub } from '../src/stub.js';

/** The stub as the snippet makes it. */
const fresh = () => {
  stub.q = [];
  return stub;
};

/** What was kept of `time`: name, duration, type of the error. */
const timed = (call) => call.q.map(([, method, name, duration, error]) => ({ method, name, duration, error }));

test('calls wait with their time', () => {
  const call = fresh();
  const before = performance.now();
  assert.equal(call('setRoute', '/cart'), undefined);
  call('measure', 'GET /api', 12.5, { kind: 'x' });
  const [[at, ...route], [later, ...measure]] = call.q;
  assert.ok(before <= at && at <= later && later <= performance.now());
  assert.deepEqual([route, measure], [['setRoute', '/cart'], ['measure', 'GET /api', 12.5, { kind: 'x' }]]);
});

test('calls are bounded, and the agent takes the queue\'s place', () => {
  const call = fresh();
  for (let count = 0; count < 600; count++) call('flush');
  assert.equal(call.q.length, 500);
  assert.equal(call('time', 'work', () => 7), 7, 'a full queue does not stop the page\'s own work');
  const taken = [];
  call.q = { push: ([, ...whole]) => taken.push(whole) };
  call('stop');
  assert.deepEqual(taken, [['stop']]);
});

test('a function runs at once and its result comes back', () => {
  const call = fresh();
  assert.equal(call('time', 'sum', () => 42), 42);
  const [{ method, name, duration, error }] = timed(call);
  assert.deepEqual([method, name, error, call.q.length], ['time', 'sum', undefined, 1]);
  assert.ok(duration >= 0 && call.q[0][0] > 0);
});

test('an error passes through and leaves its type, never its message', () => {
  const call = fresh();
  assert.throws(() => call('time', 'a', () => { throw new TypeError('secret'); }), /secret/);
  assert.throws(() => call('time', 'b', () => { throw 'secret'; }));
  assert.throws(() => call('time', 'c', () => { throw undefined; }));
  assert.deepEqual(timed(call).map(({ error }) => error), ['TypeError', 'string', 'undefined']);
  assert.ok(!JSON.stringify(call.q).includes('secret'));
});

test('a promise is timed until it settles, and a rejection stays one', async () => {
  const call = fresh();
  let settle;
  const waiting = call('time', 'load', () => new Promise((resolve) => (settle = resolve)));
  assert.equal(call.q.length, 0);
  settle('done');
  assert.equal(await waiting, 'done');
  await assert.rejects(call('time', 'fail', () => Promise.reject(new RangeError('secret'))), RangeError);
  assert.deepEqual(timed(call).map(({ name, error }) => [name, error]), [['load', undefined], ['fail', 'RangeError']]);
});
