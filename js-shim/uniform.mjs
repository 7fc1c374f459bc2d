// Says the same thing in the same way everywhere, before a program is minified: a compressor pays for variety. Functions become arrow
// functions, and whatever is declared is declared by `let`.

import { parse } from 'acorn';

/** @param {string} code a program whose functions use neither `this` nor `arguments` and are not called before they are reached. */
export function uniform(code, sourceType = 'script') {
  const changes = [];
  const text = (node) => code.slice(node.start, node.end);
  const visit = (node) => {
    if (!node || typeof node != 'object') return;
    if (node.type == 'ThisExpression' || (node.type == 'Identifier' && node.name == 'arguments')) throw new Error(`no arrow function may have ${text(node)}`);
    if (node.type == 'FunctionDeclaration') {
      if (node.generator || node.async) throw new Error(`what becomes of ${text(node)}`);
      changes.push([node.start, node.body.start, `let ${node.id.name} = (${node.params.map(text).join(', ')}) => `], [node.end, node.end, ';']);
      // Defaults and patterns stay as they are.
      return visit(node.body);
    }
    if (node.type == 'VariableDeclaration') changes.push([node.start, node.start + node.kind.length, 'let']);
    for (const key in node) visit(node[key]);
  };
  visit(parse(code, { ecmaVersion: 2022, sourceType }));
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [out, at] = ['', 0];
  for (const [start, end, by] of changes) {
    out += code.slice(at, start) + by;
    at = end;
  }
  return out + code.slice(at);
}
