// Names of what a bundle keeps to itself. A minifier gives out letters in order of use; what is loaded is compressed afterwards, and a
// compressor is served best by phrases that repeat, which is found by trying alone. What was found is in `names.json`, the names in the
// order in which the minified program declares them. Any names are correct, these are short: after a change of the program the old ones
// still hold where they fit, and `node build.mjs --name MINUTES` finds better ones.

import { parse } from 'acorn';

const LETTERS = [...'etrnoaislcfudmpgvybwhkSTOjCMALNIzREqxDPUHBJFWZVYGKQX_$'];
const RESERVED = new Set(['do', 'if', 'in', 'as', 'is', 'of']);

/** The program under other names, in order of declaration; a name that does not fit gives way to the first that does. */
export function rename(code, names, sourceType) {
  const { variables, free } = analyse(code, sourceType);
  if (names.length != variables.length) return code;
  for (const variable of variables) variable.name = '';
  variables.forEach((variable, at) => {
    const fits = (name) => !free.has(name) && [...variable.rivals].every((rival) => rival.name != name);
    variable.name = [names[at], ...LETTERS, ...LETTERS.flatMap((a) => LETTERS.map((b) => a + b))].find((name) => !RESERVED.has(name) && fits(name));
  });
  return written(code, variables);
}

/** Tries names for so many minutes, from those that the program has; `size` is what shall be small. The same seed tries the same. */
export function search(code, size, minutes, seed = 1) {
  const { variables, free } = analyse(code, 'script');
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const pick = (list) => list[Math.floor(random() * list.length)];
  let best = size(code);
  for (const end = Date.now() + minutes * 60e3; Date.now() < end; ) {
    const variable = pick(variables);
    // Now and then the property that it is taken from: `{type}` is shorter than `{type: t}`.
    const name = random() < 0.07 && variable.keys.size ? pick([...variable.keys]) : pick(LETTERS);
    const before = variable.name;
    if (name == before || free.has(name) || RESERVED.has(name)) continue;
    // Who has the name already takes the old one.
    const moved = [variable, ...[...variable.rivals].filter((rival) => rival.name == name)];
    const turn = (one, others) => moved.forEach((each, at) => (each.name = at ? others : one));
    turn(name, before);
    const isSound = moved.every((each) => !free.has(each.name) && [...each.rivals].every((rival) => rival.name != each.name));
    const now = isSound ? size(written(code, variables)) : Infinity;
    if (now > best) turn(before, name);
    else best = now;
  }
  return variables.map((variable) => variable.name);
}

/**
 * What a program declares: `{name, uses, keys, rivals}`. `uses` are the places of its name in the text, `keys` the properties it is
 * taken from or stands for, `rivals` the variables that must be called otherwise; and the names that are not the program's own.
 */
function analyse(code, sourceType) {
  const variables = [];
  const scopes = [];
  const free = new Set();
  const open = (parent, isFunction) => {
    const scope = { parent, isFunction, own: new Map(), references: [], seen: new Set() };
    scopes.push(scope);
    return scope;
  };
  const functionOf = (scope) => (scope.isFunction ? scope : functionOf(scope.parent));
  const declare = (scope, { name }) => {
    if (scope.own.has(name)) return;
    const variable = { name, uses: [], keys: new Set(), rivals: new Set() };
    scope.own.set(name, variable);
    variables.push(variable);
  };
  /** `property` is the one whose value the name is, if any. */
  const use = (scope, node, property) => scope.references.push({ node, property });

  const pattern = (node, target, scope) => {
    switch (node?.type) {
      case undefined:
        return;
      case 'Identifier':
        declare(target, node);
        return use(scope, node);
      case 'ObjectPattern':
        return node.properties.forEach((property) => {
          if (property.type == 'RestElement') return pattern(property.argument, target, scope);
          if (property.computed) visit(property.key, scope);
          const { value } = property;
          const inner = value.type == 'AssignmentPattern' ? value.left : value;
          if (inner.type == 'Identifier' && !property.computed) {
            declare(target, inner);
            use(scope, inner, property);
          } else pattern(inner, target, scope);
          if (inner != value) visit(value.right, scope);
        });
      case 'ArrayPattern':
        return node.elements.forEach((each) => pattern(each, target, scope));
      case 'AssignmentPattern':
        pattern(node.left, target, scope);
        return visit(node.right, scope);
      case 'RestElement':
        return pattern(node.argument, target, scope);
      default:
        throw new Error(`a pattern of type ${node.type}`);
    }
  };
  const visit = (node, scope) => {
    if (!node || typeof node != 'object') return;
    if (Array.isArray(node)) return node.forEach((each) => visit(each, scope));
    switch (node.type) {
      case 'Identifier':
        return use(scope, node);
      case 'ArrowFunctionExpression':
      case 'FunctionExpression': {
        const inside = open(scope, true);
        node.params.forEach((each) => pattern(each, inside, inside));
        return visit(node.body.type == 'BlockStatement' ? node.body.body : node.body, inside);
      }
      case 'BlockStatement':
        return visit(node.body, open(scope, false));
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement': {
        const inside = open(scope, false);
        return [node.init, node.left, node.right, node.test, node.update, node.body].forEach((each) => visit(each, inside));
      }
      case 'CatchClause': {
        const inside = open(scope, false);
        pattern(node.param, inside, inside);
        return visit(node.body, inside);
      }
      case 'VariableDeclaration':
        return node.declarations.forEach(({ id, init }) => {
          pattern(id, node.kind == 'var' ? functionOf(scope) : scope, scope);
          visit(init, scope);
        });
      case 'MemberExpression':
        visit(node.object, scope);
        return node.computed && visit(node.property, scope);
      case 'Property':
        if (node.computed) visit(node.key, scope);
        else if (node.value.type == 'Identifier') return use(scope, node.value, node);
        return visit(node.value, scope);
      case 'FunctionDeclaration':
      case 'ClassDeclaration':
      case 'ClassExpression':
      case 'LabeledStatement':
      case 'ExportNamedDeclaration':
        throw new Error(`no names for ${node.type}`);
      default:
        for (const key in node) visit(node[key], scope);
    }
  };
  const root = open(null, true);
  visit(parse(code, { ecmaVersion: 2022, sourceType }).body, root);

  for (const scope of scopes) {
    for (const { node, property } of scope.references) {
      let at = scope;
      while (at && !at.own.has(node.name)) at = at.parent;
      if (!at) {
        free.add(node.name);
        continue;
      }
      const variable = at.own.get(node.name);
      variable.uses.push({ node, property });
      if (property) variable.keys.add(property.key.name);
      for (let inside = scope; inside != at; inside = inside.parent) inside.seen.add(variable);
    }
  }
  // A variable may not hide another one that is used where it is declared or within.
  for (const { own, seen } of scopes) {
    for (const variable of own.values()) {
      for (const other of [...own.values(), ...seen]) {
        if (other == variable) continue;
        variable.rivals.add(other);
        other.rivals.add(variable);
      }
    }
  }
  for (const variable of variables) variable.keys.delete(undefined);
  return { variables, free };
}

/** The text with the variables' names. */
function written(code, variables) {
  const changes = [];
  for (const { name, uses } of variables) {
    for (const { node, property } of uses) changes.push([node.start, node.end, property?.shorthand && property.key.name != name ? `${property.key.name}:${name}` : name]);
  }
  changes.sort((a, b) => a[0] - b[0]);
  let [out, at] = ['', 0];
  for (const [start, end, by] of changes) {
    out += code.slice(at, start) + by;
    at = end;
  }
  return out + code.slice(at);
}
