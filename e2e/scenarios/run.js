// Runs scenarios, a row each: opens the page in a window of its own, does what the row says, leaves, and compares with the oracle.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertEqual } from '../comparison.js';
import { pause } from '../harness.js';

/** Google's library reports an interaction at the next idle moment, at the latest after one second. */
export const ORACLE_SETTLES_MS = 1_200;

/** The browser did not keep the page that a scenario came back to: not what it is about. */
export class NotKept extends Error {
  constructor(reasons) {
    super(`the browser did not keep the page in its cache: ${reasons}`);
  }
}

/** A page that is not kept so many times is never kept. */
const TIMES_KEPT_TRIED = 3;

let count = 0;

/** A name for one visit that nothing else in this file has. */
export const newRun = (name) => `s${name.split(' ')[0]}-${++count}`;

/** Opens a row's page in a new window; `{run, window, tab, errors}`. */
export async function openPage(scene, row) {
  const run = newRun(row.name);
  const url = `${scene.pages.origin}/${row.page}${row.page.includes('?') ? '&' : '?'}run=${run}`;
  const window = await scene.browser.window();
  const tab = await window.open(row.background ? url : 'about:blank', { background: row.background });
  await tab.watchErrors();
  if (!row.background) await tab.goto(url);
  return { run, window, tab };
}

/** Opens the page and does what the row says. */
async function act(scene, row, times) {
  const page = await openPage(scene, row);
  page.missing = await row.missing?.(page.tab);
  try {
    if (!page.missing) await row.act(page.tab, { scene, ...page });
  } catch (error) {
    if (!(error instanceof NotKept) || times === 1) throw error;
    console.error(`once more, with a new page: ${row.name}: ${error.message}`);
    await page.window.close();
    return act(scene, row, times - 1);
  }
  return page;
}

/**
 * A row whose `missing` gives a reason in this browser is skipped with it. `inTurn` runs what must not overlap with other rows: all
 * that is timed. Settling, leaving and comparing may.
 */
export async function play(scene, row, t, inTurn = (work) => work()) {
  const opened = await inTurn(() => act(scene, row, TIMES_KEPT_TRIED));
  const { run, window, tab, missing } = opened;
  if (missing) {
    console.error(`skipped: ${row.name}: ${missing}`);
    t.skip(missing);
    return window.close();
  }
  if (row.settles) await pause(ORACLE_SETTLES_MS);
  if (row.isLeft !== false) await tab.leave();
  const sides = await assertEqual(scene, run, row);
  await row.check?.({ ...sides, scene, run });
  assert.deepEqual(tab.errors, [], 'the page saw no exception');
  await window.close();
}

/** A test a row. Of rows that go `abreast` one acts while the others settle, which needs windows that do not hide each other. */
export function scenarios(scene, rows, { abreast = 1 } = {}) {
  let turn = Promise.resolve();
  const inTurn = (work) => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  describe('scenarios', { concurrency: abreast }, () => {
    for (const row of rows) test(row.name, (t) => play(scene, row, t, inTurn));
  });
}
