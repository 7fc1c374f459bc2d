// Makes wasm-pack's output smaller without changing what the agent does with it: functions that only described types are dropped,
// imports and exports get names of one letter, and the glue loses what serves other programs. Each step fails loudly when
// wasm-bindgen writes something of another shape: a silent miss would not load.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const wasmOpt = join(dirname(fileURLToPath(import.meta.url)), 'node_modules/.bin/wasm-opt');

/** The module's own imports, as wasm-bindgen calls them; all others come from modules of the crate. */
const OWN = './vitalscope_agent_bg.js';

/** Functions that only JavaScript calls, by their exports, and those that drive futures, of which the agent has none: a place in the
 * table keeps them alive when nothing exports or calls them. */
const UNUSED = /convert::closures::.*invoke|js_sys.*::futures::/;

/** @returns {{glue: string, wasm: Buffer}} */
export function shrink(gluePath, wasmPath) {
  const scratch = mkdtempSync(join(tmpdir(), 'vitalscope-'));
  try {
    const [bare, small] = ['bare.wasm', 'small.wasm'].map((name) => join(scratch, name));
    writeFileSync(bare, dropDescriptions(readFileSync(wasmPath)));
    execFileSync(wasmOpt, [bare, '-iit', '--flatten', '--rereloop', '-Oz', '-Oz', '--converge', '-o', bare]);
    const flags = ['--minify-imports-and-exports-and-modules', '--strip-debug', '--strip-producers', '--strip-target-features'];
    const renamed = JSON.parse(execFileSync(wasmOpt, [bare, ...flags, '-o', small], { encoding: 'utf8' }));
    return { glue: simplify(rename(readFileSync(gluePath, 'utf8'), renamed)), wasm: readFileSync(small) };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Applies the renames to the glue. */
export function rename(glue, { imports, exports }) {
  const modules = new Map(
    [...glue.matchAll(/^import \* as (\w+) from "([^"]+)"/gm)].map(([, variable, path]) => [path, variable]),
  );
  const replace = (from, to) => {
    const changed = glue.replace(from, to);
    if (changed === glue) throw new Error(`the glue has no ${from}`);
    glue = changed;
  };
  const foreign = [];
  for (const [module, name, short] of imports) {
    if (module === OWN) replace(new RegExp(`^(\\s+)${escape(name)}:`, 'm'), (_, space) => `${space}${quote(short)}:`);
    else foreign.push(`${quote(short)}: ${modules.get(module)}.${name},`);
  }
  replace(/(const import0 = \{\n\s+__proto__: null,)/, (start) => `${start}\n${foreign.join('\n')}`);
  replace(/return \{\n\s+__proto__: null,\n\s+"\.\/vitalscope_agent_bg\.js": import0,[^}]*\}/, () => 'return { a: import0 }');
  for (const [name, short] of exports) {
    // The memory and functions that only the loader calls may not be named in the glue.
    glue = glue.replace(new RegExp(`\\bwasm\\.${escape(name)}\\b(?!\\$)`, 'g'), () => `wasm[${JSON.stringify(short)}]`);
  }
  return glue;
}

/**
 * What the agent does not need of the glue: closures that may be called again while they run free themselves (the agent's live as
 * long as its timers, and a timer that fires late finds no agent), strings without a fast path for ASCII, views of memory
 * that are made when used, and errors of the browser that are caught (the agent's calls do not throw).
 */
export function simplify(glue) {
  const body = (name, source) => {
    const changed = glue.replace(new RegExp(`^function ${name}\\(.*\\{\\n[^]*?^\\}$`, 'm'), () => source);
    if (changed === glue) throw new Error(`the glue has no function ${name}`);
    glue = changed;
  };
  const drop = (pattern) => {
    const changed = glue.replace(pattern, '');
    if (changed === glue) throw new Error(`the glue has no ${pattern}`);
    glue = changed;
  };
  const [, free] = glue.match(/wasm(\["[^"]+"\])\(state\.a, state\.b\)/) || [];
  const [, memory] = glue.match(/new Uint8Array\(wasm(\["[^"]+"\])\.buffer\)/) || [];
  if (!free || !memory) throw new Error('the glue has other names for its memory or its closures');
  body('makeMutClosure', `function makeMutClosure(arg0, arg1, f) {
    const real = (...args) => f(arg0, arg1, ...args);
    real._wbg_cb_unref = () => setTimeout(() => wasm${free}(arg0, arg1));
    return real;
}`);
  drop(/^const CLOSURE_DTORS = [^;]*;/m);
  body('getUint8ArrayMemory0', `const getUint8ArrayMemory0 = () => new Uint8Array(wasm${memory}.buffer);`);
  body('getFloat64ArrayMemory0', `const getFloat64ArrayMemory0 = () => new Float64Array(wasm${memory}.buffer);`);
  body('passStringToWasm0', `function passStringToWasm0(arg, malloc) {
    const bytes = new TextEncoder().encode(arg);
    const ptr = malloc(WASM_VECTOR_LEN = bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    return ptr;
}`);
  body('decodeText', 'const decodeText = (bytes) => new TextDecoder().decode(bytes);');
  drop(/^let cachedTextDecoder = [^]*?;\ncachedTextDecoder\.decode\(\);\n/m);
  drop(/^const cachedTextEncoder = [^]*?^\}\n/m);
  glue = glue.replace(/function\(\) \{ return handleError\((function [^]*?\n\s+\}), arguments\); \}/g, '$1');
  // Addresses and counts stay far below 2^31.
  glue = glue.replace(/\b(arg\d|ptr) >>> 0/g, '$1');
  body('handleError', '');
  glue = glue.replace(/ catch \(e\) \{\n(\s+if \(ptr\d\) \{[^}]*\}\n)+\s+throw e;\n\s+\}/g, ' finally {}');
  body('initSync', `function initSync({ module }) {
    wasm = new WebAssembly.Instance(new WebAssembly.Module(module), __wbg_get_imports()).exports;
    START
}`);
  const [, start] = glue.match(/^ {4}(wasm\["?\w+"?\]\(\);)\n {4}return wasm;/m) || [];
  if (!start) throw new Error('the glue starts in another way');
  glue = glue.replace('START', start);
  return glue;
}

/**
 * wasm-bindgen describes the types of closures by functions that it removes; their places in the table stay, and with them what
 * they would call. Places that name such a function are given to another one; wasm-opt then finds it unused.
 */
export function dropDescriptions(wasm) {
  const bytes = Buffer.from(wasm);
  const names = functionNames(bytes);
  for (const { id, from } of sections(bytes)) {
    if (id !== 9) continue;
    const read = reader(bytes, from);
    for (let segments = read.number(); segments > 0; segments--) {
      if (read.number() !== 0) throw new Error('the table is filled in another way');
      while (bytes[read.at++] !== 0x0b);
      const places = [];
      for (let count = read.number(); count > 0; count--) {
        const start = read.at;
        places.push({ start, index: read.number(), end: read.at });
      }
      const other = places.find(({ index }) => !UNUSED.test(names.get(index)));
      for (const { start, end, index } of places) if (UNUSED.test(names.get(index))) write(bytes, start, end, other.index);
    }
  }
  return bytes;
}

/** An unsigned LEB128 number that fills its place. */
function write(bytes, start, end, number) {
  for (let at = start; at < end; at++, number >>>= 7) bytes[at] = (number & 127) | (at < end - 1 ? 128 : 0);
  if (number) throw new Error('the number does not fit its place');
}

function functionNames(bytes) {
  const names = new Map();
  for (const { id, from, to } of sections(bytes)) {
    const read = reader(bytes, from);
    if (id !== 0 || read.text() !== 'name') continue;
    while (read.at < to) {
      const [kind, length] = [bytes[read.at++], read.number()];
      const end = read.at + length;
      if (kind === 1) for (let count = read.number(); count > 0; count--) names.set(read.number(), read.text());
      read.at = end;
    }
  }
  if (!names.size) throw new Error('the WebAssembly has no names of functions');
  return names;
}

function* sections(bytes) {
  const read = reader(bytes, 8);
  while (read.at < bytes.length) {
    const [id, length] = [bytes[read.at++], read.number()];
    yield { id, from: read.at, to: read.at + length };
    read.at += length;
  }
}

function reader(bytes, at) {
  const read = {
    at,
    number() {
      let [number, shift, byte] = [0, 0, 128];
      for (; byte & 128; shift += 7) number |= ((byte = bytes[read.at++]) & 127) << shift;
      return number >>> 0;
    },
    text() {
      const length = read.number();
      return bytes.toString('utf8', read.at, (read.at += length));
    },
  };
  return read;
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const quote = (name) => JSON.stringify(name);
