// Makes wasm-pack's output smaller without changing what it does: imports and exports of the module get names of one letter, in
// the WebAssembly by wasm-opt and in the glue by the same list. The long ones end in hashes, which do not compress.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const wasmOpt = join(dirname(fileURLToPath(import.meta.url)), 'node_modules/.bin/wasm-opt');

/** The module's own imports, as wasm-bindgen calls them; all others come from modules of the crate. */
const OWN = './vitalscope_agent_bg.js';

/** @returns {{glue: string, wasm: Buffer}} */
export function shrink(gluePath, wasmPath) {
  const scratch = mkdtempSync(join(tmpdir(), 'vitalscope-'));
  try {
    const small = join(scratch, 'small.wasm');
    const flags = ['--minify-imports-and-exports-and-modules', '--strip-target-features', '-o', small];
    const renamed = JSON.parse(execFileSync(wasmOpt, [wasmPath, ...flags], { encoding: 'utf8' }));
    return { glue: rename(readFileSync(gluePath, 'utf8'), renamed), wasm: readFileSync(small) };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Applies the renames to the glue. Fails loudly when wasm-bindgen writes glue of another shape: a silent miss would not load. */
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

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const quote = (name) => JSON.stringify(name);
