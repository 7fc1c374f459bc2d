// Who is measured: consent, sampling and the session's life, as pure functions of their arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DENIED, GRANTED, IDLE, LONGEST, PENDING, consentOf, isSampled, read, resume, uuid } from '../../agent-wasm/src/gate.js';
import { cut, facts } from '../../agent-wasm/src/page.js';
import { address } from '../../agent-wasm/src/signals.js';

test('only clear words allow', () => {
  for (const [word, expected] of [[undefined, GRANTED], ['granted', GRANTED], ['pending', PENDING], ['denied', DENIED], ['Granted', DENIED], ['', DENIED]]) {
    assert.equal(consentOf(word), expected, word);
  }
});

test('a visit ends when idle or long', () => {
  const id = '8f14e45fceea167a';
  for (const [begun, seen, clock, runs] of [
    [1000, 1000, 1000, true],
    [0, 0, IDLE - 1, true],
    [0, 0, IDLE, false],
    [0, LONGEST - 1, LONGEST, false],
    // A clock that was set back.
    [5000, 5000, 4000, false],
    [NaN, 0, 10, false],
  ]) {
    assert.deepEqual(resume(`${id} ${begun} ${seen}`, clock), runs ? [id, begun] : undefined, `${begun} ${seen} ${clock}`);
  }
  assert.equal(resume('<script> 0 0', 1), undefined, 'what is no id of ours is not sent');
});

test('the sampled share is the rate, and a session has one answer', () => {
  assert.equal(isSampled('8f14e45fceea167a', 0), false);
  assert.equal(isSampled('8f14e45fceea167a', 1), true);
  const id = (number) => BigInt.asUintN(64, BigInt(number) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0');
  for (const rate of [0.01, 0.1, 0.5]) {
    let sampled = 0;
    for (let number = 0; number < 20_000; number++) sampled += isSampled(id(number), rate);
    assert.ok(Math.abs(sampled / 20_000 - rate) < 0.01, `${sampled / 20_000} instead of ${rate}`);
  }
});

test('each option is judged on its own', () => {
  for (const nonsense of [undefined, null, 3, 'shop', {}, { app: '' }, { app: 7 }]) assert.equal(read(nonsense), undefined);
  const settings = read({ app: 'a/b', endpoint: 'https://c.example//', release: 7, sampleRate: 'all', flushIntervalMs: -1, onMeasurement: 'no', routes: ['/p/:id', 9] });
  assert.equal(settings.address, 'https://c.example/v1/views/a%2Fb');
  assert.deepEqual([settings.sampleRate, settings.flush, settings.memory, settings.bufferSize], [1, 30_000, 10_000, 100]);
  assert.deepEqual([settings.release, settings.onMeasurement, settings.consent], [undefined, false, GRANTED]);
  assert.equal(settings.templates.trim(), '/p/:id');
});

test('facts are flat, few and short', () => {
  assert.equal(facts(undefined, 10), undefined);
  assert.deepEqual(facts({ a: 'x', b: 1, c: false, deep: {}, nan: NaN, none: null }, 10), { a: 'x', b: 1, c: false });
  assert.equal(Object.keys(facts(Object.fromEntries([...'abcdefghijkl'].map((key) => [key, 1])), 10)).length, 10);
  assert.equal(new TextEncoder().encode(cut('é'.repeat(300), 255)).length, 254);
  assert.equal(cut('\ud800x', 10), '\ufffdx', 'what is no Unicode would make the whole beacon unreadable');
});

test('an address keeps no query, user or content', () => {
  for (const [url, expected] of [
    ['https://cdn.example.org/a/hero.png?token=1#x', 'https://cdn.example.org/a/hero.png'],
    ['https://bob:secret@example.org/x.png', 'https://example.org/x.png'],
    ['data:image/png;base64,AAAA', 'data:'],
    ['blob:https://example.org/uuid', 'blob:'],
    ['', ''],
  ]) {
    assert.equal(address(url), expected);
  }
});

test('a view has a UUID of version 4', () => {
  assert.match(uuid(), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-a[\da-f]{3}-[\da-f]{12}$/);
});
