// What a page holds in memory: its JavaScript heap, the browser's objects behind it, and WebAssembly's memory.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { evaluate, go, openPage, sleep } from './chromium.js';

const OPEN_WASM_MEMORY = await readFile(join(import.meta.dirname, 'page/wasm_memory.js'), 'utf8');

/** A page whose memory can be asked for. */
export async function openWatched(browser, url) {
  const page = await openPage(browser);
  await page.send('Page.addScriptToEvaluateOnNewDocument', { source: OPEN_WASM_MEMORY });
  await go(page, url);
  return page;
}

/** Bytes after a full collection, and the number of event listeners. */
export async function holdings(page) {
  await page.send('HeapProfiler.collectGarbage');
  // Finalisers and weak callbacks run in tasks of their own; what they free goes with the second collection.
  await sleep(100);
  await page.send('HeapProfiler.collectGarbage');
  const { usedSize, embedderHeapUsedSize = 0 } = await page.send('Runtime.getHeapUsage');
  const wasm_bytes = await evaluate(page, 'wasmBytes()');
  await page.send('Performance.enable');
  const { metrics } = await page.send('Performance.getMetrics');
  const listeners = metrics.find(({ name }) => name === 'JSEventListeners').value;
  return { js_bytes: usedSize, browser_bytes: embedderHeapUsedSize, wasm_bytes, listeners };
}

export const sum_bytes = ({ js_bytes, browser_bytes, wasm_bytes }) => js_bytes + browser_bytes + wasm_bytes;
