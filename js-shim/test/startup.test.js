// How the script comes to life: what a browser compiles early, and the WebAssembly's bytes out of their text. Needs the built agent.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const built = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url));
const script = built('agent.js').toString();

test('the script asks to be compiled while it comes', () => {
  // Browsers look for it in the first lines alone.
  assert.ok(script.startsWith('//# allFunctionsCalledOnLoad\n'));
});

test('the bytes are the same whoever decodes them', () => {
  const wasm = built('agent.wasm');
  const [expression, hex] = script.match(/Uint8Array\.fromHex\?\.\(([\w$]+)\)\|\|Uint8Array\.from\(\1\.match\(\/\.\.\/g\),[^)]*\)/);
  const decode = new Function(hex, 'Uint8Array', `return ${expression}`);
  const text = wasm.toString('hex');
  assert.ok(script.includes(`"${text}"`), 'they are in it as hex');
  class Old extends Uint8Array {}
  assert.ok(!Object.hasOwn(Old, 'fromHex'));
  Old.fromHex = undefined;
  assert.ok(wasm.equals(decode(text, Old)), 'by hand, where the browser cannot');
  class New extends Uint8Array {}
  New.fromHex = (given) => Buffer.from(given, 'hex');
  New.from = () => assert.fail('the browser does it itself');
  assert.ok(wasm.equals(decode(text, New)));
});
