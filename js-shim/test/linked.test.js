// What the shipped WebAssembly is linked from: it still asks the browser for what the binding crates ask for, by its imports, and the
// names of their functions are in wasm-pack's output. Needs the built agent.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { shrink } from '../shrink.mjs';

const [gluePath, wasmPath, shipped] = ['../../agent-wasm/pkg/vitalscope_agent.js', '../../agent-wasm/pkg/vitalscope_agent_bg.wasm', '../dist/agent.wasm'].map(
  (path) => new URL(path, import.meta.url).pathname,
);

test('wasm-pack\'s output has functions of the binding crates by name', () => {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(readFileSync(wasmPath)), 'name');
  const names = Buffer.from(section).toString('latin1');
  // Those of serde-wasm-bindgen are inlined into their one caller; its imports below are left.
  for (const name of ['wasm_bindgen', 'js_sys', 'web_sys', 'gloo_timers']) assert.ok(names.includes(name), name);
});

test('the shipped WebAssembly asks the browser for what each of them is for', () => {
  const { glue, wasm } = shrink(gluePath, wasmPath);
  assert.ok(wasm.equals(readFileSync(shipped)), 'it is what the same steps make of the same input');
  const asked = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).map(({ module, name, kind }) => `${module} ${name} ${kind}`);
  const [, object] = glue.match(/const import0 = \{([^]*?)\n\};/);
  // One function in the glue for each import, so what is in there is called by the WebAssembly.
  const given = [...object.matchAll(/^"(\w+)": (?:function|\w+,?$)/gm)].map(([, name]) => `a ${name} function`);
  assert.deepEqual(given.sort(), asked.sort());
  for (const [crate, ...calls] of [
    ['web-sys', 'new PerformanceObserver(arg0)', 'arg0.observe(arg1)', 'arg0.takeRecords()', 'arg0.disconnect()'],
    ['gloo-timers', ': setInterval,', ': clearInterval,'],
    // A list is built element by element by its serializer alone.
    ['serde-wasm-bindgen and js-sys', ': Array,', 'arg0[arg1] = arg2'],
    ['wasm-bindgen', '.bind(0, arg0, arg1)'],
    ['the crate\'s own JavaScript', ': tick,'],
  ]) {
    for (const call of calls) assert.ok(object.includes(call), `${crate}: ${call}`);
  }
});
