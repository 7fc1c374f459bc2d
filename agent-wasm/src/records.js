// Timeline records as plain copies: numbers, words and one selector, so that nothing of the page is kept alive. The shim and the agent
// copy with this same code; a copy has the properties of the entry it was made from, but that its `target` is a selector.

/** Record types that vitals are computed from, in the order of the engine's kinds of calls. */
export const TYPES = ['paint', 'largest-contentful-paint', 'layout-shift', 'event', 'first-input'];

/** Whether a person may have given this name: no address, no generated suffix, no long number. */
const isStable = (name) => !/\d{4}|[@:]/.test(name);

/** The selector of the node to blame, taken before it can leave the document: tags, ids and classes only, the nearest ancestors. The
 * browser puts the largest source of a shift first, and a text node is named by its parent. */
export function blamed(entry) {
  let text = '';
  for (let node = entry.target || entry.element || entry.sources?.[0]?.node; node && !/^#|.{70}/.test(text); node = node.parentElement) {
    // A text has no name.
    if (node.localName) {
      // An attribute: a form's fields hide its properties.
      const id = node.getAttribute('id') || '@';
      text = (isStable(id) ? '#' + id : [node.localName, ...[...node.classList].filter(isStable).sort()].join('.')) + (text && '>' + text);
    }
  }
  return text.slice(-100);
}

/** The numbers and the plain words of a record, 0 for the rest: no address, no node, nothing that a person wrote. */
export const plain = (record) => JSON.parse(JSON.stringify(record, (key, value) => (!key || /^[\w.-]*$/.test(value) ? value : 0)));
