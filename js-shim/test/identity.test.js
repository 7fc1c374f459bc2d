// Who a page view belongs to: ids, the visit's life and the sampling decision, as pure functions of their arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { IDLE, LONGEST, isSampled, uuid, visit } from '../../agent-wasm/src/identity.js';

const VIEW = '0193c2f0-7c1e-4cc3-98c4-dc0c0c07398f';

test('a visit ends when idle or long', () => {
  const id = '8f14e45fceea167a';
  for (const [begun, seen, clock, runs] of [
    [1000, 1000, 1000, true],
    [0, 0, IDLE - 1, true],
    [0, 0, IDLE, false],
    [0, LONGEST - 1, LONGEST, false],
    [0, LONGEST - 2, LONGEST - 1, true],
    // A clock that was set back.
    [5000, 5000, 4000, false],
    [NaN, 0, 10, false],
  ]) {
    const expected = runs ? [id, begun] : ['0193c2f07c1e4cc3', clock];
    assert.deepEqual(visit(`${id} ${begun} ${seen}`, VIEW, clock), expected, `${begun} ${seen} ${clock}`);
  }
});

test('what is no id of ours is not sent: the view begins a visit', () => {
  for (const stored of [undefined, null, false, '', '<script> 0 0', '8F14E45FCEEA167A 0 0', '8f14e45fceea167a', '8f14e45fceea167a 0', '8f14e45fceea167a1 0 0']) {
    assert.deepEqual(visit(stored, VIEW, 1), ['0193c2f07c1e4cc3', 1], stored);
  }
});

test('the sampled share is the rate, and a session has one answer', () => {
  for (const id of ['0000000000000000', '8f14e45fceea167a', 'ffffffffffffffff']) {
    assert.equal(isSampled(id, 0), false);
    assert.equal(isSampled(id, 1), true);
  }
  const id = (number) => BigInt.asUintN(64, BigInt(number) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0');
  for (const rate of [0.01, 0.1, 0.5]) {
    let sampled = 0;
    for (let number = 0; number < 20_000; number++) {
      sampled += isSampled(id(number), rate);
      // Who is measured at a rate is measured at every higher one.
      if (isSampled(id(number), rate)) assert.ok(isSampled(id(number), rate * 2));
    }
    assert.ok(Math.abs(sampled / 20_000 - rate) < 0.01, `${sampled / 20_000} instead of ${rate}`);
  }
});

test('a view has a UUID of version 4, and no two the same', () => {
  const ids = Array.from({ length: 1000 }, uuid);
  for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(new Set(ids.map((id) => id[19])).size > 1, 'the variant leaves two bits to chance');
});
