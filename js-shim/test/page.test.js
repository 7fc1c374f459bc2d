// What is read from a page, as far as it needs none: texts and facts are bounded, milestones are told from the activation.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attempt, cut, delivery, flat, known, milestones, round } from '../../agent-wasm/src/page.js';

test('facts are flat, few and short', () => {
  assert.equal(flat(undefined, 10), undefined);
  assert.equal(flat({ deep: {} }, 10), undefined);
  assert.deepEqual(flat({ a: 'x', b: 1, c: false, deep: {}, list: [1], nan: NaN, endless: Infinity, none: null, run() {} }, 10), { a: 'x', b: 1, c: false });
  assert.equal(Object.keys(flat(Object.fromEntries([...'abcdefghijkl'].map((key) => [key, 1])), 10)).length, 10);
  const [[key, value]] = Object.entries(flat({ ['k'.repeat(999)]: 'é'.repeat(999) }, 1));
  assert.deepEqual([key.length, value.length], [256, 256]);
});

test('a text is cut, and is Unicode', () => {
  for (const [text, max, expected] of [
    ['', 5, ''],
    ['hello', 5, 'hello'],
    ['hello!', 5, 'hello'],
    ['ééé', 2, 'éé'],
    ['a😀b', 3, 'a😀'],
    ['a😀b', 2, 'a'],
    ['\ud800x', 10, '\ufffdx'],
  ]) {
    assert.equal(cut(text, max), expected, `${text} at ${max}: what is no Unicode would make the whole beacon unreadable`);
  }
});

test('what fails gives nothing', () => {
  assert.equal(attempt(() => 7), 7);
  assert.equal(attempt(() => { throw new Error('no'); }), undefined);
});

test('what is not known is left out, but not a zero', () => {
  assert.deepEqual(known({ a: 0, b: '', c: false, d: undefined, e: NaN, f: null, g: 'x', h: true }), { a: 0, g: 'x', h: true });
});

test('six decimals, as the engine rounds', () => {
  for (const [value, expected] of [[8.799999952316284, 8.8], [0.0000004, 0], [0.32765625, 0.327656], [123456789, 123456789], [600000, 600000]]) assert.equal(round(value), expected);
});

const NAVIGATION = {
  type: 'reload', activationStart: 0, workerStart: 0, fetchStart: 2, domainLookupStart: 3, connectStart: 4, connectEnd: 5, requestStart: 6, responseStart: 20.5,
  responseEnd: 30, domInteractive: 100, domContentLoadedEventStart: 110, domContentLoadedEventEnd: 111, domComplete: 200, loadEventEnd: 0, serverTiming: [],
};

test('milestones count from the activation; those not reached are absent', () => {
  const timing = milestones(NAVIGATION);
  assert.deepEqual([timing.requestStart, timing.responseEnd, timing.domInteractive], [6, 30, 100]);
  assert.ok(!('loadEventEnd' in timing) && !('secureConnectionStart' in timing));
  const prerendered = milestones({ ...NAVIGATION, activationStart: 50 });
  assert.deepEqual([prerendered.requestStart, prerendered.domInteractive], [0, 50]);
});

test('what the server says of its own time goes along, bounded', () => {
  const serverTiming = Array.from({ length: 20 }, (_, at) => ({ name: `part-${at}-${'x'.repeat(100)}`, duration: at }));
  const names = Object.keys(milestones({ ...NAVIGATION, serverTiming })).filter((name) => name.startsWith('server_'));
  assert.equal(names.length, 8);
  for (const name of names) assert.ok(name.length <= 'server_'.length + 40 + '_ms'.length, name);
});

test('where the document came from', () => {
  for (const [entry, expected] of [[{ transferSize: 300, decodedBodySize: 900 }, 'network'], [{ transferSize: 0, decodedBodySize: 900 }, 'cache'], [{}, '']]) {
    assert.equal(delivery(entry), expected);
  }
});
