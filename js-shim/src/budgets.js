// Ready-made budgets, for the option `budgets`: limits of vitals and of operations by name. Plain data and one pure function; importing
// it touches nothing, and what is not imported is not bundled. The names of operations are words to use in `measure` and `time`; a
// budget for a name that a page never uses costs nothing.
//
// Where the numbers come from: the vitals from Google's published thresholds ("good", and "poor" for `relaxed`); a person feels 100 ms
// as at once and keeps the thought for 1 s (Nielsen 1993, RAIL); a screen draws every 16 ms, and 50 ms is a long task (W3C).

const MIB = 2 ** 20;

/** What nobody looks at: it may take its time, and going over is no matter of what a visitor sees. */
const later = (limit) => ({ limit, impact: 'background' });
/** What a visitor sees or waits for, also when the page happens to be hidden as it ends. */
const seen = (limit) => ({ limit, impact: 'user-visible' });

/** A person has done something and waits. */
export const interactive = /* @__PURE__ */ Object.freeze({
  INP: seen(200),
  FID: seen(100),
  input: seen(50),
  click: seen(100),
  search: seen(500),
  submit: seen(1000),
  'route-change': seen(1000),
});

/** Something comes to the screen. */
export const rendering = /* @__PURE__ */ Object.freeze({
  FCP: seen(1800),
  LCP: seen(2500),
  CLS: seen(0.1),
  frame: seen(16),
  render: seen(50),
  hydrate: seen(200),
});

/** Work that nobody waits for. A task of it must not be a long one all the same: it would block a click. */
export const background = /* @__PURE__ */ Object.freeze({
  MEMORY: later(256 * MIB),
  idle: later(50),
  prefetch: later(5000),
  sync: later(10_000),
  upload: later(30_000),
});

/** For a page that wants to be among the fastest: about half of what counts as good. */
export const strict = /* @__PURE__ */ Object.freeze({
  TTFB: seen(400),
  FCP: seen(1000),
  LCP: seen(1500),
  CLS: seen(0.05),
  FID: seen(50),
  INP: seen(100),
  MEMORY: later(128 * MIB),
  input: seen(16),
  click: seen(50),
  search: seen(200),
  submit: seen(500),
  'route-change': seen(500),
  frame: seen(8),
  render: seen(16),
  hydrate: seen(100),
  idle: later(50),
  prefetch: later(2000),
  sync: later(5000),
  upload: later(10_000),
});

/** To begin with on a slow site: over it is what counts as poor. */
export const relaxed = /* @__PURE__ */ Object.freeze({
  TTFB: seen(1800),
  FCP: seen(3000),
  LCP: seen(4000),
  CLS: seen(0.25),
  FID: seen(300),
  INP: seen(500),
  MEMORY: later(512 * MIB),
  input: seen(200),
  click: seen(300),
  search: seen(2000),
  submit: seen(3000),
  'route-change': seen(3000),
  frame: seen(50),
  render: seen(200),
  hydrate: seen(1000),
  idle: later(200),
  prefetch: later(15_000),
  sync: later(60_000),
  upload: later(120_000),
});

/** All of them by name. */
export const presets = /* @__PURE__ */ Object.freeze({ interactive, rendering, background, strict, relaxed });

const isLimit = (value) => typeof value == 'number' && value >= 0;

/**
 * Budgets of one's own, from a preset's name, from budgets, or from several of either, where the later ones win. `overrides` are
 * numbers, or `{limit, impact}` of which either may be missing; null takes a budget away. What is no budget changes nothing: a typing
 * error must not stop a page.
 */
export function createBudgetPreset(base, overrides) {
  const budgets = {};
  for (const each of [base].flat()) Object.assign(budgets, typeof each == 'string' ? presets[each] : each);
  for (const [name, change] of Object.entries(overrides || {})) {
    const known = budgets[name];
    const limit = isLimit(change) ? change : isLimit(change?.limit) ? change.limit : known?.limit ?? known;
    const impact = change?.impact || known?.impact;
    if (change === null) delete budgets[name];
    else if (isLimit(limit)) budgets[name] = impact ? { limit, impact } : limit;
  }
  return budgets;
}
