// Where a candidate's main-thread time goes, function by function: the same visit under the sampling CPU profiler instead of the
// trace. It is also the trace's cross-check: two ways to measure that know nothing of each other. It ends before the page goes
// away, since the next page is another process; what a candidate does on leaving is in the trace alone.

import { openPage } from './chromium.js';
import { belongsTo, work } from './visit.js';

const SAMPLING_US = 50;
/** What the profiler calls time in which no function of the page ran. */
const NOT_CODE = new Set(['(root)', '(program)', '(idle)', '(garbage collector)']);

/** @returns {{total_ms: number, functions: Array<{name: string, self_ms: number}>}} the dearest function first */
export async function profiled(browser, site, { name }) {
  const page = await openPage(browser);
  try {
    await page.send('Profiler.enable');
    await page.send('Profiler.setSamplingInterval', { interval: SAMPLING_US });
    await page.send('Profiler.start');
    await work(site, page, name);
    const { profile } = await page.send('Profiler.stop');
    return summary(profile, belongsTo(site, name));
  } finally {
    await page.close();
  }
}

/** Time of the browser's own functions counts for the candidate's function that called them. */
function summary({ nodes, samples, timeDeltas }, isOurs) {
  const owners = owned(nodes, isOurs);
  const times = new Map();
  samples.forEach((id, place) => {
    const owner = owners.get(id);
    if (owner) times.set(owner, (times.get(owner) ?? 0) + timeDeltas[place] / 1000);
  });
  const functions = [...times].map(([name, self_ms]) => ({ name, self_ms })).sort((a, b) => b.self_ms - a.self_ms);
  return { total_ms: functions.reduce((sum, { self_ms }) => sum + self_ms, 0), functions };
}

/** By node: the candidate's function in whose name it runs, if any. */
function owned(nodes, isOurs) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map();
  const visit = (id, caller) => {
    const { callFrame, children = [] } = byId.get(id);
    const ours = isOurs(callFrame.url) || callFrame.url.startsWith('wasm:');
    const named = () => `${callFrame.functionName || '(anonymous)'} ${place(callFrame)}`;
    const native = !callFrame.url && !NOT_CODE.has(callFrame.functionName);
    const owner = ours ? named() : native && caller ? `${caller.split(' > ')[0]} > ${callFrame.functionName}` : undefined;
    owners.set(id, owner);
    for (const child of children) visit(child, owner);
  };
  visit(nodes[0].id, undefined);
  return owners;
}

const place = ({ url, lineNumber, columnNumber }) =>
  url.startsWith('wasm:') ? `wasm+${columnNumber}` : `${new URL(url).pathname}:${lineNumber + 1}:${columnNumber + 1}`;
