// Who is measured: options, consent and privacy signals, each judged on its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { call } from '../../agent-wasm/src/api.js';
import { GRANTED, PENDING, consentOf, custom, life, read } from '../../agent-wasm/src/gate.js';

const DENIED = 0;

test('only clear words allow', () => {
  for (const [word, expected] of [[undefined, GRANTED], [null, GRANTED], ['granted', GRANTED], ['pending', PENDING], ['denied', DENIED], ['Granted', DENIED], ['', DENIED]]) {
    assert.equal(consentOf(word), expected, word);
    assert.equal(read({ app: 'shop', consent: word }).consent, expected, word);
  }
  assert.ok(DENIED < PENDING && PENDING < GRANTED, 'less than granted sends nothing');
});

test('a privacy signal is a no where the page asks for that', () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const consentWith = (navigator, more) => {
    Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
    return read({ app: 'shop', consent: 'granted', ...more }).consent;
  };
  try {
    for (const [navigator, expected] of [[{ globalPrivacyControl: true }, DENIED], [{ doNotTrack: '1' }, DENIED], [{ doNotTrack: '0' }, GRANTED], [{ doNotTrack: 'unspecified' }, GRANTED], [{}, GRANTED]]) {
      assert.equal(consentWith(navigator, { respectPrivacySignals: true }), expected, JSON.stringify(navigator));
      assert.equal(consentWith(navigator, {}), GRANTED, 'not asked for');
    }
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else delete globalThis.navigator;
  }
});

test('each option is judged on its own', () => {
  for (const nonsense of [undefined, null, 3, 'shop', [], {}, { app: '' }, { app: 7 }]) assert.equal(read(nonsense), undefined);
  const settings = read({ app: 'a/b', endpoint: 'https://c.example//', release: 7, sampleRate: 'all', flushIntervalMs: -1, onMeasurement: 'no', routes: ['/p/:id', 9, ''] });
  assert.equal(settings.address, 'https://c.example/v1/views/a%2Fb');
  assert.deepEqual([settings.sampleRate, settings.flush, settings.memory, settings.bufferSize], [1, 30_000, 10_000, 100]);
  assert.deepEqual([settings.release, settings.environment, settings.consent], [undefined, undefined, GRANTED]);
  assert.deepEqual(settings.templates, ['/p/:id']);
  assert.deepEqual([settings.userTiming, settings.sendRawPath, settings.debug].map(Boolean), [false, false, false]);
  assert.equal(read({ app: 'shop' }).address, '/v1/views/shop', 'the page\'s own origin');
});

test('numbers in range are taken, others are the default', () => {
  const of = (options) => {
    const { sampleRate, flush, memory, bufferSize } = read({ app: 'shop', ...options });
    return [sampleRate, flush, memory, bufferSize];
  };
  const cases = [
    [{ sampleRate: 0, flushIntervalMs: 1000, memoryIntervalMs: 2e9, bufferSize: 1 }, [0, 1000, 2e9, 1]],
    [{ sampleRate: 1.01, flushIntervalMs: 999, memoryIntervalMs: 2 ** 31, bufferSize: 0 }, [1, 30_000, 10_000, 100]],
    [{ sampleRate: NaN, flushIntervalMs: Infinity, memoryIntervalMs: NaN, bufferSize: 1001 }, [1, 30_000, 10_000, 100]],
    [{ sampleRate: '0.5', flushIntervalMs: '5000', bufferSize: null }, [1, 30_000, 10_000, 100]],
  ];
  for (const [options, expected] of cases) assert.deepEqual(of(options), expected, JSON.stringify(options));
});

test('the page\'s own words are bounded', () => {
  const settings = read({ app: 'shop', release: 'é'.repeat(300), environment: 'x'.repeat(300), routes: Array(300).fill('/a') });
  assert.equal(settings.release, 'é'.repeat(200));
  assert.equal(settings.environment.length, 200);
  assert.equal(settings.templates.length, 200);
  assert.equal(Object.keys(custom(Object.fromEntries([...'abcdefghijkl'].map((key) => [key, 1])))).length, 10);
});

test('before the start every call is silence, an unknown one too, and what is no call', () => {
  // As a queue that a page wrote itself keeps them.
  const written = (function () { return arguments; })('nonsense', 1);
  for (const whole of [['setConsent', 'granted'], [3, 'setContext', {}], ['measure', 'x', 1], ['flush'], ['stop'], ['nonsense'], ['constructor'], [], [undefined], undefined, 5, {}, written]) {
    assert.equal(call(whole), undefined);
  }
  assert.equal(life, undefined);
});
