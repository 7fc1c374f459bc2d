// The door to the engine. Until WebAssembly is there, calls are kept with their texts; then they are made, and from there on each goes
// through as numbers at once. Where it never comes, the collector makes them. The kinds of calls are listed in the engine's `replay`
// module.

/** WebAssembly's exports; nothing before it is there. */
export let wasm;

/** Calls kept of a page view; then the shortest events go. */
const MAX_CALLS = 400;
/** Texts of a page view that the engine may name: a page with more distinct selectors goes on without their names. */
const MAX_TEXTS = 500;

/** The vitals by their places in the engine. */
export const VITALS = ['FCP', 'LCP', 'CLS', 'FID', 'INP', 'TTFB', 'MEMORY'];

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

/** WebAssembly is there: what was kept of the views, the newest first, is told to it. Nothing again where the agent has ended. */
export function attach(exports, views, ...settings) {
  wasm = exports;
  if (wasm) wasm.begin(...settings);
  for (const view of views) {
    openEngine(view, view.numbers);
    for (const call of view.calls.splice(0)) hear(view, call);
  }
}

const label = (texts, text) => {
  const at = texts.indexOf(text);
  return at < 0 ? (texts.length < MAX_TEXTS ? texts.push(text) - 1 : 0) : at;
};

/** Makes one call, `[kind, ...numbers and texts]`, of a page view. */
export function hear(view, call) {
  view.heard |= 1 << call[0];
  if (wasm) return wasm.hear(view.number, ...call.map((each) => (typeof each == 'string' ? label(view.texts, each) : each)));
  // Of counts and the document's record only the newest says something.
  const again = call[0] > 5 && call[0] < 9 ? view.calls.findIndex(([kind]) => kind == call[0]) : -1;
  if (again >= 0) view.calls.splice(again, 1);
  view.calls.push(call);
  if (view.calls.length > MAX_CALLS) {
    const shortest = view.calls.reduce((least, each, at, all) => (each[0] == 3 && !(all[least]?.[2] <= each[2]) ? at : least), -1);
    view.calls.splice(Math.max(shortest, 0), 1);
    view.dropped++;
  }
}

/** Opens a page view in the engine; the numbers are those of the engine's `open`. */
export function openEngine(view, numbers) {
  view.texts = WORDS.slice();
  view.calls ||= [];
  view.numbers = numbers;
  if (wasm) wasm.open(view.number, ...numbers);
}

/** The vital's value as of now; NaN without one, negative for one that no page can have. */
export const value = (view, vital) => (wasm ? wasm.value(view.number, vital) : NaN);

/** [value as sent, what to blame as an object]. */
export function facts(view, vital) {
  const [sent, ...numbers] = wasm.facts(view.number, vital);
  const blame = {};
  KEYS[vital].split(' ').forEach((key, at) => {
    const fact = numbers[at];
    if (fact === fact) blame[key.replace('$', '')] = key < '%' ? view.texts[fact] : fact;
  });
  return [sent, blame];
}
