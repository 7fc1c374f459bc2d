// What is blamed for a vital has one list of names in both languages (`wire::attribution`).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { KEYS, LIMITS, VITALS, WORDS } from '../../agent-wasm/src/engine.js';

const golden = JSON.parse(readFileSync(new URL('../../crates/wire/testdata/attribution.json', import.meta.url), 'utf8'));

test('words and names are those of the golden file, in the engine\'s order', () => {
  assert.deepEqual(WORDS, golden.words);
  assert.deepEqual(VITALS, Object.keys(golden.keys));
  assert.deepEqual(LIMITS, VITALS.map((name) => golden.limits[name]).filter(Boolean));
  assert.deepEqual(KEYS.map((keys) => keys.split(' ')), Object.values(golden.keys));
});
