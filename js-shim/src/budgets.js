// Ready-made budgets, for the option `budgets`: limits of vitals and of operations by name. Plain data and one pure function; importing
// it touches nothing, and what is not imported is not bundled. The names of operations are words to use in `measure` and `time`; a
// budget for a name that a page never uses costs nothing. Bundlers drop what is not used only as long as the arguments are literals.
//
// Where the numbers come from: the vitals from Google's published thresholds ("good", and "poor" for `relaxed`); a person feels 100 ms
// as at once and keeps the thought for 1 s (Nielsen 1993, RAIL); a screen draws every 16 ms, and 50 ms is a long task (W3C).

/** Budgets with their impact: `seen` is what a visitor sees or waits for, also when the page happens to be hidden as it ends; `later` is what
 * nobody looks at and may take its time. */
const preset = (seen, later) =>
  Object.freeze(
    Object.fromEntries([
      ...Object.entries(seen).map(([name, limit]) => [name, Object.freeze({ limit, impact: 'user-visible' })]),
      ...Object.entries(later).map(([name, limit]) => [name, Object.freeze({ limit, impact: 'background' })]),
    ]),
  );

/** A person has done something and waits. */
export const interactive = /* @__PURE__ */ preset({ INP: 200, FID: 100, input: 50, click: 100, search: 500, submit: 1000, 'route-change': 1000 }, {});

/** Something comes to the screen. */
export const rendering = /* @__PURE__ */ preset({ FCP: 1800, LCP: 2500, CLS: 0.1, frame: 16, render: 50, hydrate: 200 }, {});

/** Work that nobody waits for. A task of it must not be a long one all the same: it would block a click. */
export const background = /* @__PURE__ */ preset({}, { MEMORY: 256e6, idle: 50, prefetch: 5000, sync: 10_000, upload: 30_000 });

/** For a page that wants to be among the fastest: about half of what counts as good. */
export const strict = /* @__PURE__ */ preset(
  {
    TTFB: 400, FCP: 1000, LCP: 1500, CLS: 0.05, FID: 50, INP: 100,
    input: 16, click: 50, search: 200, submit: 500, 'route-change': 500, frame: 8, render: 16, hydrate: 100,
  },
  { MEMORY: 128e6, idle: 50, prefetch: 2000, sync: 5000, upload: 10_000 },
);

/** To begin with on a slow site: over it is what counts as poor. */
export const relaxed = /* @__PURE__ */ preset(
  {
    TTFB: 1800, FCP: 3000, LCP: 4000, CLS: 0.25, FID: 300, INP: 500,
    input: 200, click: 300, search: 2000, submit: 3000, 'route-change': 3000, frame: 50, render: 200, hydrate: 1000,
  },
  { MEMORY: 512e6, idle: 200, prefetch: 15_000, sync: 60_000, upload: 120_000 },
);

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
