// Makes wasm-pack's output smaller without changing what the agent does with it: functions that only described types are dropped,
// imports and exports get names of one letter, and the glue loses what serves other programs. Each step fails loudly when
// wasm-bindgen writes something of another shape: a silent miss would not load.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [wasmOpt, wasmMetadce, wasmDis, wasmAs] = ['wasm-opt', 'wasm-metadce', 'wasm-dis', 'wasm-as'].map((tool) => join(dirname(fileURLToPath(import.meta.url)), 'node_modules/.bin', tool));

/** The module's own imports, as wasm-bindgen calls them; all others come from modules of the crate. */
const OWN = './vitalscope_agent_bg.js';

/** The one function that is called by its place in the table: what the timer runs. */
const BY_PLACE = /agent::begin::/;

/** Exports of wasm-pack's output that only pages call, or that only the parts of the glue need that are left out here; the packed agent's
 * JavaScript is called directly. */
const LEFT_OUT = ['start', 'setRoute', 'setContext', 'measure', 'flush', 'setConsent', 'stop'].concat(
  ['__externref_table_alloc', '__externref_table_dealloc', '__wbindgen_exn_store', '__wbindgen_malloc', '__wbindgen_realloc', '__wbindgen_free'],
  ['memory', '__data_end', '__heap_base', '__abort_handler', '__instance_terminated', '__wbindgen_destroy_closure', '__wbindgen_start', '__wbindgen_externrefs'],
);

/** What the agent's WebAssembly may use: what its compiler used, which all browsers have had for years. */
const FEATURES = ['bulk-memory', 'bulk-memory-opt', 'reference-types', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'multivalue'].map(
  (name) => `--enable-${name}`,
);

/**
 * Functions of the binding crates that do more than the agent needs, by the end of their names, with what they do here. References to
 * JavaScript's objects live in a table; its free places are a list behind all that is linked. Nothing
 * that the agent calls throws, so there is never an exception to take.
 */
const INSTEAD = [
  [
    '__externref_table_alloc',
    `(local $place i32)
    (i32.store offset=16000 (i32.const 0) (i32.load offset=16000 (i32.shl (local.tee $place (i32.load offset=16000 (i32.const 0))) (i32.const 2))))
    (if (result i32) (local.get $place)
      (then (local.get $place))
      (else (table.grow $__wbindgen_externrefs (ref.null extern) (i32.const 1))))`,
  ],
  [
    '__externref_table_dealloc',
    `(table.set $__wbindgen_externrefs (local.get $0) (ref.null extern))
    (i32.store offset=16000 (i32.shl (local.get $0) (i32.const 2)) (i32.load offset=16000 (i32.const 0)))
    (i32.store offset=16000 (i32.const 0) (local.get $0))`,
  ],
  ['::ptr::drop_in_place::<wasm_bindgen[*]::JsValue>', '(call $__externref_table_dealloc (local.get $0))'],
  ['::throw_str', '(unreachable)'],
];

/**
 * What single functions of the agent do for nothing, by their names, with what they do instead: closures tell nobody that they are gone,
 * exceptions that nothing throws are not looked for on a stack that holds nothing else, and what ends a timer has no answer.
 * A space stands for any, `*` for the rest of a name, `#` for a number.
 */
const WITHOUT = [
  ['end', '(call $"*::_wbg_cb_unref::*" (table.get $__wbindgen_externrefs (i32.load (i32.const #))))', '(nop)'],
  [
    'end',
    '(local.set $1 (call $"*::__wbg_clearInterval_*" (local.get $scratch))) (table.set $__wbindgen_externrefs (local.tee $0 (call $__externref_table_alloc)) (local.get $1)) (if (i32.ge_u (local.get $0) (i32.const #)) (then (call $__externref_table_dealloc (local.get $0))))',
    (found) => `(drop ${found.match(/\(call \$"[^"]*clearInterval[^"]*"/)} (local.get $scratch)))`,
  ],
  ['begin externref shim', '(global.set $__stack_pointer (local.tee $2 (i32.sub (global.get $__stack_pointer) (i32.const 16))))', '(nop)'],
  ['begin externref shim', '(call $"*::take_last_exception" (i32.add (local.get $2) (i32.const 8)))', '(nop)'],
  ['begin externref shim', '(i32.eq (i32.load offset=8 (local.get $2)) (i32.const 1))', '(i32.const 0)'],
  ['begin externref shim', '(i32.load offset=12 (local.get $2))', '(i32.const 0)'],
  ['begin externref shim', '(call $"*::take_last_exception" (local.get $2))', '(nop)'],
  ['begin externref shim', '(i32.eq (i32.load (local.get $2)) (i32.const 1))', '(i32.const 0)'],
  ['begin externref shim', '(global.set $__stack_pointer (i32.add (local.get $2) (i32.const 16)))', '(nop)'],
];

/** Texts of errors, and names of what is left out: nothing reads a text of the WebAssembly's here. */
const TEXTS = /called `[^"\\]*|closure invoked[^"\\]*|(setConsent|setContext|setRoute|measure|start|flush|stop)+/g;

/** Imports that only pass on what they get, and to what. */
const PASSED_ON = [
  ['setInterval(arg0, arg1)', 'setInterval'],
  ['clearInterval(arg0)', 'clearInterval'],
  ['new Array()', 'Array'],
];

/** @returns {{glue: string, wasm: Buffer, call: (source: string) => string}} `call` renames what a module calls of the WebAssembly. */
export function shrink(gluePath, wasmPath) {
  const scratch = mkdtempSync(join(tmpdir(), 'vitalscope-'));
  try {
    const [bare, small] = ['bare.wasm', 'small.wasm'].map((name) => join(scratch, name));
    copyFileSync(wasmPath, bare);
    dropExports(bare, scratch);
    replace(bare, scratch);
    // Nothing in the agent traps: a panic would be a bug of ours that its tests find natively, where it speaks.
    execFileSync(wasmOpt, [bare, ...FEATURES, '-iit', '-tnh', '--low-memory-unused', '-Oz', '--flatten', '--rereloop', '-Oz', '-Oz', '--converge', '-o', bare]);
    const flags = [...FEATURES, '--minify-imports-and-exports-and-modules', '--strip-debug', '--strip-producers', '--strip-target-features'];
    const renamed = JSON.parse(execFileSync(wasmOpt, [bare, ...flags, '-o', small], { encoding: 'utf8' }));
    const short = new Map(renamed.exports);
    return {
      glue: simplify(rename(readFileSync(gluePath, 'utf8'), renamed)),
      wasm: readFileSync(small),
      call: (source) =>
        source.replace(/\bwasm(\??\.)(\w+)/g, (_, dot, name) => {
          if (!short.has(name)) throw new Error(`the WebAssembly exports no ${name}`);
          return `wasm${dot === '.' ? '' : '?.'}[${quote(short.get(name))}]`;
        }),
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Takes what is left out from the exports, and with it what nothing else reaches. */
function dropExports(path, scratch) {
  const graph = join(scratch, 'graph.json');
  const nodes = exportNames(readFileSync(path)).map((name) => ({ name, export: name, ...(!LEFT_OUT.includes(name) && { root: true }) }));
  writeFileSync(graph, JSON.stringify(nodes));
  execFileSync(wasmMetadce, [path, '--graph-file', graph, '-g', '-o', path]);
}

/** Gives functions other bodies, see `INSTEAD`, and takes the texts. */
function replace(path, scratch) {
  const text = join(scratch, 'bare.wat');
  execFileSync(wasmDis, [path, '-o', text]);
  let source = readFileSync(text, 'utf8');
  for (const [name, body] of INSTEAD) {
    const whole = functionCalled(`[^" ]*${anyOf(name)}`);
    if (!whole.test(source)) throw new Error(`the WebAssembly has no function ${name}`);
    source = source.replace(whole, (_, head) => `${head}\n${body}\n )`);
  }
  for (const [name, text, by] of WITHOUT) {
    const pattern = new RegExp(anyOf(text).replace(/ /g, '\\s+').replace(/\\\)/g, '\\s*\\)'));
    const changed = source.replace(functionCalled(anyOf(name)), (whole) => whole.replace(pattern, by));
    if (changed === source) throw new Error(`${name} does not do ${text}`);
    source = changed;
  }
  if (functionCalled('begin externref shim').exec(source)[0].includes('(local.get $2)')) throw new Error('begin has something on the stack');
  // Names of segments may come twice, which reading them back does not like.
  source = source.replace(/^ \(data \$\S+ /gm, ' (data ');
  source = source.replace(/^ \(data .*$/gm, (segment) => segment.replace(TEXTS, (text) => '\\00'.repeat(text.length)));
  source = emptyTable(source);
  writeFileSync(text, source);
  execFileSync(wasmAs, [text, ...FEATURES, '-g', '-o', path]);
}

/**
 * wasm-bindgen describes the types of closures by functions that it removes; their places in the table stay, and with them what they would
 * call. So do those of texts of errors. Without them wasm-opt finds it unused; behind the one place that counts nobody asks for their numbers.
 */
function emptyTable(source) {
  const [elements, first, list] = source.match(/^ \(elem .*\(i32\.const (\d+)\) func (.*)\)$/m);
  const places = list.match(/\$"[^"]*"|\$\S+/g);
  const place = places.findLastIndex((name) => BY_PLACE.test(name));
  if (place < 0) throw new Error('the table has no function for the timer');
  source = source.replace(elements, () => ` (elem (i32.const ${+first + place}) func ${places[place]})`);
  const numbers = places.map((_, at) => +first + at).slice(place + 1);
  return source.replace(/^( \(data [^"]*")(.*)("\))$/gm, (_, head, bytes, end) => {
    const each = bytes.match(/\\[0-9a-f]{2}|\\.|./g) || [];
    for (let at = 0; at + 4 <= each.length; at += 4) {
      const word = each.slice(at, at + 4).join('');
      if (numbers.some((number) => word == `${String.fromCharCode(number)}\\00\\00\\00`)) each.fill('\\00', at, at + 4);
    }
    return head + each.join('') + end;
  });
}

/** A function in the text format: its head, and the whole. */
const functionCalled = (pattern) => new RegExp(`^( \\(func \\$"?${pattern}"?(?: \\((?:param|result|type) [^()]*\\))*)\\n[^]*?^ \\)$`, 'm');
const anyOf = (text) => escape(text).replace(/\\\*/g, '[^"]*').replace(/#/g, '\\d+');

/** Applies the renames to the glue: of the imports it keeps those that the WebAssembly still has. */
export function rename(glue, { imports, exports }) {
  const own = new Map(imports.filter(([module]) => module === OWN).map(([, name, short]) => [name, short]));
  const foreign = imports.filter(([module]) => module !== OWN);
  const [whole, entries] = glue.match(/const import0 = \{\n\s+__proto__: null,\n([^]*?)\n {4}\};/) || [];
  if (!whole) throw new Error('the glue has no imports');
  const kept = entries
    .split(/\n(?= {8}\w+: function)/)
    .map((entry) => entry.match(/^\s*(\w+)(: function[^]*)$/))
    .filter(([, name]) => own.has(name))
    .map(([, name, rest]) => quote(own.get(name)) + rest);
  if (kept.length !== own.size) throw new Error(`the glue has ${kept.length} of ${own.size} imports`);
  glue = glue.replace(whole, () => `const import0 = {\n${[...kept, ...foreign.map(([, name, short]) => `${quote(short)}: ${name},`)].join('\n')}\n};`);
  glue = glue.replace(/return \{\n\s+__proto__: null,\n\s+"\.\/vitalscope_agent_bg\.js": import0,[^}]*\}/, () => 'return { a: import0 }');
  // What comes from modules of the crate is given under the same name as what the glue has.
  glue = glue.replace(/^import .*$/gm, '') + foreign.map(([module, name]) => `import { ${name} } from '${module}';\n`).join('');
  for (const [name, short] of exports) {
    // The memory and functions that only the loader calls may not be named in the glue.
    glue = glue.replace(new RegExp(`\\bwasm\\.${escape(name)}\\b(?!\\$)`, 'g'), () => `wasm[${quote(short)}]`);
  }
  return glue;
}

/**
 * What the agent does not need of the glue: closures that free what they hold (the agent's hold nothing) or may be called again while they
 * run, and errors of the browser that are caught (the agent's calls do not throw).
 */
export function simplify(glue) {
  const body = (name, source) => {
    const changed = glue.replace(new RegExp(`^function ${name}\\(.*\\{\\n[^]*?^\\}$`, 'm'), () => source);
    if (changed === glue) throw new Error(`the glue has no function ${name}`);
    glue = changed;
  };
  const drop = (pattern, by = '') => {
    const changed = glue.replace(pattern, by);
    if (changed === glue) throw new Error(`the glue has no ${pattern}`);
    glue = changed;
  };
  // What a closure runs is called by WebAssembly's own function at once. The agent's JavaScript knows the exports before it calls any.
  const [whole, invoke] = glue.match(/makeMutClosure\(arg0, arg1, (\w+)\)/) || [];
  const [, run] = glue.match(new RegExp(`function ${invoke}\\(arg0, arg1\\) \\{\\s*wasm(\\["\\w+"\\])\\(arg0, arg1\\);\\s*\\}`)) || [];
  if (!run) throw new Error('the glue has another way to call closures');
  glue = glue.replace(whole, () => `exports${run}.bind(0, arg0, arg1)`);
  body(invoke, '');
  body('makeMutClosure', '');
  drop(/^const CLOSURE_DTORS = [^;]*;/m);
  drop(/^let cachedTextDecoder = [^]*?;\ncachedTextDecoder\.decode\(\);\n/m);
  drop(/^export \{[^}]*\};?$/m);
  glue = glue.replace(/function\(\) \{ return handleError\((function [^]*?\n\s+\}), arguments\); \}/g, '$1');
  // An answer that nobody asked for is not heard.
  glue = glue.replace(/\{\n\s+((?:arg0|tick|wasm)\b[^;{}]*;)\n\s*\}/g, '{ return $1 }');
  // What only passes on what it gets is what it passes that to.
  for (const [call, name] of PASSED_ON) {
    drop(new RegExp(`function ?\\([^()]*\\) \\{\\s*const ret = ${escape(call)};\\s*return ret;\\s*\\}`), name);
  }
  // Addresses and counts stay far below 2^31.
  glue = glue.replace(/\b(arg\d|ptr) >>> 0/g, '$1');
  body('handleError', '');
  return `import { wasm as exports } from './snippets/engine.js';
${glue}
export const load = (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), __wbg_get_imports()).exports;`;
}

function exportNames(bytes) {
  const names = [];
  for (const { id, from } of sections(bytes)) {
    if (id !== 7) continue;
    const read = reader(bytes, from);
    for (let count = read.number(); count > 0; count--) {
      names.push(read.text());
      read.at++;
      read.number();
    }
  }
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
