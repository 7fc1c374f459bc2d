// time() and the stub: what a page may call before the agent is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stub } from '../src/stub.js';
import { time } from '../src/time.js';

const recorder = () => {
  const records = [];
  return { records, record: (duration, error, begun) => records.push({ duration, error, begun }) };
};

test('a function runs at once and its result comes back', () => {
  const { records, record } = recorder();
  assert.equal(time(record, () => 42), 42);
  assert.equal(records.length, 1);
  assert.equal(records[0].error, undefined);
  assert.ok(records[0].duration >= 0 && records[0].begun > 0);
});

test('an error passes through and leaves its type, never its message', () => {
  const { records, record } = recorder();
  assert.throws(() => time(record, () => { throw new TypeError('secret'); }), /secret/);
  assert.throws(() => time(record, () => { throw 'text'; }));
  assert.deepEqual(records.map((each) => each.error), ['TypeError', 'string']);
});

test('a promise is timed until it settles, and a rejection stays one', async () => {
  const { records, record } = recorder();
  let settle;
  const waiting = time(record, () => new Promise((resolve) => (settle = resolve)));
  assert.equal(records.length, 0);
  settle('done');
  assert.equal(await waiting, 'done');
  await assert.rejects(time(record, () => Promise.reject(new RangeError('x'))), RangeError);
  assert.deepEqual(records.map((each) => each.error), [undefined, 'RangeError']);
});

test('calls wait, bounded, until the agent takes them', () => {
  const call = stub();
  call('setRoute', '/cart');
  call('measure', 'GET /api', 12.5, { kind: 'x' });
  assert.equal(call('time', 'work', () => 7), 7);
  assert.deepEqual(call.q.map(([method]) => method), ['setRoute', 'operation', 'operation']);
  assert.deepEqual(call.q[1].slice(1, 4), ['GET /api', 12.5, undefined]);
  for (let n = 0; n < 600; n++) call('flush');
  assert.equal(call.q.length, 500);
  const taken = [];
  call.take = (item) => taken.push(item);
  call('stop');
  assert.deepEqual(taken, [['stop']]);
});
