// The agent's bench, `cargo xtask bench agent`: what it costs a page, beside its peers, in one run of one browser.
// Parts are put together here and nowhere else. Ends with 1 when a bar is missed.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';

import { AGENT, candidates } from './candidates.js';
import { launch } from './chromium.js';
import { mainThread } from './main_thread.js';
import { minute } from './minute.js';
import { operations } from './operations.js';
import { profiled } from './profile.js';
import { dearest, isKept, table } from './report.js';
import { openSite } from './site.js';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, out: { type: 'string' } },
});
const runs = Number(values.runs ?? 15);
if (!(runs >= 1)) throw new Error(`--runs takes a number from 1 on, not ${values.runs}`);

const begun_ms = Date.now();
const say = (text) => console.log(`${((Date.now() - begun_ms) / 1000).toFixed(0).padStart(5)} s  ${text}`);

const all = await candidates();
const site = await openSite(all);
const browser = await launch();
let parts;
let profile;
try {
  const scene = { browser, site, candidates: all, runs, say };
  // What is not timed may run side by side; after it the timed parts have the machine for themselves.
  const [held, sent] = await Promise.all([soak(scene), minute(scene)]);
  const reported = await operations(scene);
  const main = await mainThread(scene);
  profile = await profiled(browser, site, all.find(({ name }) => name === AGENT));
  parts = { main, reported, held, sent };
} finally {
  await browser.close();
  await site.close();
}
const bars = Object.values(parts).flatMap((part) => part.bars);
const missed = bars.filter((bar) => !isKept(bar));
console.log(`\n${dearest(profile)}\n\n${table({ rows: parts.main.rows, bars })}\n${parts.held.beside}\n`);
console.log(missed.length ? `${missed.length} of ${bars.length} bars missed` : `all ${bars.length} bars kept`);
if (values.out) {
  await mkdir(dirname(values.out), { recursive: true });
  const raw = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.raw]));
  const text = JSON.stringify({ at: new Date().toISOString(), runs, bars: bars.map((bar) => ({ ...bar, kept: isKept(bar) })), rows: parts.main.rows, profile, raw }, null, 1);
  await writeFile(values.out, `${text}\n`);
  console.log(`all numbers: ${values.out}`);
}
process.exitCode = missed.length ? 1 : 0;
