// The door to the engine. Until WebAssembly is there, calls are kept with their texts; then they are made, and from there on each goes
// through as numbers at once. Where it never comes, the collector makes them. The kinds of calls are listed in the engine's `replay`
// module.

import { known } from './page.js';

/** WebAssembly's exports; nothing before it is there. */
export let wasm;

/** Calls kept of a page view; then the shortest events go for longer ones. */
const MAX_CALLS = 2e3;
/** Calls of one beacon: as many as fit into what a browser takes from a page that goes. */
export const MAX_SENT = 900;
/** Texts of a page view that the engine may name: a page that blames more than so many nodes goes on without their names. */
const MAX_TEXTS = 2e3;

/** The vitals by their places in the engine. */
export const VITALS = ['FCP', 'LCP', 'CLS', 'FID', 'INP', 'TTFB', 'MEMORY'];

/** The largest good value of each, and the largest that still only needs improvement; for memory no standard says. */
export const LIMITS = [[1800, 3e3], [2500, 4e3], [0.1, 0.25], [100, 300], [200, 500], [800, 1800]];

/** What is blamed for each of them, in the engine's order; what begins with `$` is a text. */
export const KEYS = [
  'ttfb_ms render_ms',
  '$element $url ttfb_ms load_delay_ms load_ms render_delay_ms',
  'shift shift_at_ms $element $load_state',
  '$type $element',
  '$type at_ms input_delay_ms processing_ms presentation_ms $element $script script_ms $load_state',
  'waiting_ms cache_ms dns_ms connection_ms request_ms',
  '$source first_bytes peak_bytes samples age_ms total_bytes limit_bytes floor_bytes growth_bytes_per_min page_bytes',
];

/** The engine's own words; the page's texts follow them in the table of a view. */
export const WORDS = ['', 'used-js-heap', 'user-agent-specific', 'loading', 'dom-interactive', 'dom-content-loaded', 'complete'];

/** WebAssembly is there: what was kept of the views is told to it. Nothing again where the agent has ended. */
export function attach(exports, views, ...settings) {
  wasm = exports;
  if (wasm) wasm.begin(...settings);
  for (const view of views) {
    openEngine(view, view.numbers);
    for (const call of view.calls.splice(0)) hear(view, ...call.map((each) => (typeof each == 'string' ? label(view, each) : each)));
  }
}

/** Opens a page view in the engine; the numbers are those of the engine's `open`. */
export function openEngine(view, numbers) {
  view.texts = WORDS.slice();
  view.calls ||= [];
  view.numbers = numbers;
  if (wasm) wasm.open(view.number, ...numbers);
}

/** A text as the engine takes it. */
export function label(view, text) {
  if (!wasm) return text;
  const at = view.texts.indexOf(text);
  return at < 0 ? (view.texts.length < MAX_TEXTS ? view.texts.push(text) - 1 : 0) : at;
}

/** Makes one call of a page view; false for an entry that nothing will be blamed on. */
export function hear(view, ...call) {
  view.heard |= 1 << call[0];
  return wasm ? wasm.hear(view.number, ...call) : keep(view, call);
}

/** Makes the call of an entry whose last number is the node to blame, which `name` names if there is one. Naming takes longer than all
 * the rest, so in WebAssembly the text gets its place beforehand and is found only if the engine keeps the entry. */
export function hearBlamed(view, name, ...call) {
  if (hear(view, ...call, !name ? 0 : !wasm ? name() : view.texts.length < MAX_TEXTS ? view.texts.length : 0) && name) view.texts.push(name());
}

function keep(view, call) {
  const { calls } = view;
  const [kind] = call;
  // Of counts and the document's record only the newest says something.
  if (kind > 5 && kind < 9) calls.forEach((each, at) => each[0] == kind && calls.splice(at, 1));
  calls.push(call);
  if (calls.length > MAX_CALLS) {
    const shortest = calls.reduce((least, each, at) => (each[0] == 3 && !(calls[least]?.[2] <= each[2]) ? at : least), -1);
    calls.splice(shortest, 1);
    view.dropped++;
  }
}

/** The vital's value as of now; NaN without one, negative for one that no page can have. */
export const value = (view, vital) => (wasm ? wasm.value(view.number, vital) : NaN);

/** [value as sent, what to blame as an object]. */
export function facts(view, vital) {
  const [sent, ...numbers] = wasm.facts(view.number, vital);
  const blame = {};
  KEYS[vital].split(' ').forEach((key, at) => {
    blame[key.replace('$', '')] = key < '%' ? view.texts[numbers[at]] : numbers[at];
  });
  // Neither what is no number nor what has no text.
  return [sent, known(blame)];
}
