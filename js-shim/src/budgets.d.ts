import type { Budget, Budgets } from './index.js';

/** Names of the presets. */
export type PresetName = 'interactive' | 'rendering' | 'background' | 'strict' | 'relaxed';

/** A budget with its impact said. */
export interface PresetBudget {
  readonly limit: number;
  readonly impact: 'user-visible' | 'background';
}

export type Preset<Names extends string> = Readonly<Record<Names, PresetBudget>>;

type Responses = 'INP' | 'FID' | 'input' | 'click' | 'search' | 'submit' | 'route-change';
type Drawing = 'FCP' | 'LCP' | 'CLS' | 'frame' | 'render' | 'hydrate';
type Later = 'MEMORY' | 'idle' | 'prefetch' | 'sync' | 'upload';
type Everything = 'TTFB' | Responses | Drawing | Later;

/** A person has done something and waits. */
export const interactive: Preset<Responses>;
/** Something comes to the screen. */
export const rendering: Preset<Drawing>;
/** Work that nobody waits for. */
export const background: Preset<Later>;
/** For a page that wants to be among the fastest: about half of what counts as good. */
export const strict: Preset<Everything>;
/** To begin with on a slow site: over it is what counts as poor. */
export const relaxed: Preset<Everything>;

export const presets: {
  readonly interactive: typeof interactive;
  readonly rendering: typeof rendering;
  readonly background: typeof background;
  readonly strict: typeof strict;
  readonly relaxed: typeof relaxed;
};

/** What a base may be: a preset's name, or budgets. */
export type Base = PresetName | Readonly<Budgets>;

/** A number or either part of a budget; null takes it away. */
export type Overrides = Record<string, number | Partial<Exclude<Budget, number>> | null>;

/** Budgets of one's own, for the option `budgets`; of several bases the later ones win. */
export function createBudgetPreset(base: Base | readonly Base[], overrides?: Overrides): Budgets;
