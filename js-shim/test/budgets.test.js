// The presets: plain, complete, frozen, and judged by the agent as they are.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';

import '../../agent-wasm/src/api.js';
import { life } from '../../agent-wasm/src/gate.js';
import { VITALS } from '../../agent-wasm/src/engine.js';
import * as budgets from '../src/budgets.js';

const { presets, createBudgetPreset, interactive, rendering, background, strict, relaxed } = budgets;

test('importing them starts nothing, and each can be imported alone', () => {
  assert.equal(life, undefined);
  assert.deepEqual(presets, { interactive, rendering, background, strict, relaxed });
  assert.doesNotMatch(readFileSync(new URL('../src/budgets.js', import.meta.url), 'utf8'), /^import|window|document|globalThis/m);
});

test('what is not imported is not bundled', () => {
  const bundled = (source) => {
    const stdin = { contents: source, resolveDir: fileURLToPath(new URL('../src', import.meta.url)) };
    return buildSync({ stdin, bundle: true, format: 'esm', write: false, treeShaking: true }).outputFiles[0].text;
  };
  assert.match(bundled(`export { interactive } from './budgets.js';`), /route-change/);
  assert.doesNotMatch(bundled(`export { interactive } from './budgets.js';`), /prefetch|hydrate|createBudgetPreset/);
  assert.equal(bundled(`import './budgets.js';`).trim(), '');
});

test('every budget has a limit above nothing and an impact, and nobody can change it', () => {
  for (const [preset, all] of Object.entries(presets)) {
    assert.ok(Object.isFrozen(all) && Object.values(all).every(Object.isFrozen), preset);
    for (const [name, { limit, impact, ...rest }] of Object.entries(all)) {
      assert.ok(limit > 0 && ['user-visible', 'background'].includes(impact), `${preset} ${name}`);
      assert.deepEqual(rest, {});
    }
  }
});

test('strict and relaxed have all names of the others, on either side of them', () => {
  const others = { ...interactive, ...rendering, ...background };
  assert.deepEqual(Object.keys(strict).sort(), [...Object.keys(others), 'TTFB'].sort());
  assert.deepEqual(Object.keys(relaxed).sort(), Object.keys(strict).sort());
  for (const vital of VITALS) assert.ok(strict[vital] && relaxed[vital], vital);
  for (const [name, { limit, impact }] of Object.entries(others)) {
    assert.ok(strict[name].limit <= limit && limit < relaxed[name].limit, name);
    assert.deepEqual([strict[name].impact, relaxed[name].impact], [impact, impact], name);
  }
});

test('own budgets from a preset, from several, from plain ones', () => {
  const check = (base, overrides, expected) => {
    const made = createBudgetPreset(base, overrides);
    for (const [name, budget] of Object.entries(expected)) assert.deepEqual(made[name], budget, name);
    return made;
  };
  assert.deepEqual(createBudgetPreset('interactive'), interactive);
  assert.notEqual(createBudgetPreset('interactive'), interactive);
  check('interactive', { INP: 150, checkout: 800 }, { INP: { limit: 150, impact: 'user-visible' }, checkout: 800, FID: interactive.FID });
  check(interactive, { INP: { limit: 150 }, click: { impact: 'background' } }, { INP: { limit: 150, impact: 'user-visible' }, click: { limit: 100, impact: 'background' } });
  check(['strict', { checkout: 800, LCP: 2000 }], { checkout: { impact: 'background' } }, { LCP: 2000, INP: strict.INP, checkout: { limit: 800, impact: 'background' } });
  assert.ok(!('INP' in check('interactive', { INP: null }, {})));
});

test('what is no budget changes nothing', () => {
  for (const base of [undefined, null, 'later', 7, []]) assert.deepEqual(createBudgetPreset(base), {}, base);
  for (const odd of [NaN, -1, '200', undefined, false, {}, { limit: 'much' }, { limit: NaN }]) {
    assert.deepEqual(createBudgetPreset('interactive', { INP: odd, other: odd }), interactive, JSON.stringify(odd));
  }
  assert.deepEqual(interactive.INP, { limit: 200, impact: 'user-visible' }, 'the preset is as it was');
});
