// Builds elements. Text from outside (routes, releases, elements: anyone who can send a beacon chooses them) only ever becomes
// a text node or an attribute from the list below, so it cannot run.

const SVG = 'http://www.w3.org/2000/svg';

/** Attributes whose value a browser could run or load. */
const OWN_ADDRESSES = new Set(['href']);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (OWN_ADDRESSES.has(name) && !/^[?/#]/.test(value)) throw new Error('only own addresses are linked');
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h('a', { href: '?view=x', class: 'y' }, 'text', child): strings become text nodes. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Width as a property: the content security policy refuses style attributes. */
export function sized(element, percent) {
  element.style.width = `${Math.max(0, Math.min(100, percent))}%`;
  return element;
}

/** A bar from one per cent of its box to another. */
export function placed(element, left, width) {
  element.style.left = `${Math.max(0, Math.min(100, left))}%`;
  return sized(element, width);
}
