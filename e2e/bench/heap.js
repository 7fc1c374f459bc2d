// What a page holds in memory: its JavaScript heap, the browser's objects behind it, and WebAssembly's memory.

import { evaluate, go, openPage, sleep } from './chromium.js';

/**
 * Catches the memories that WebAssembly instances export, whatever their names. Only this bench does it, before any script runs;
 * pages whose time is measured go without.
 */
const CATCH_WASM_MEMORY = `(() => {
  const memories = [];
  const keep = (instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof WebAssembly.Memory) memories.push(value);
    return instance;
  };
  const { Instance, instantiate, instantiateStreaming } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, { construct: (target, args) => keep(Reflect.construct(target, args, Instance)) });
  const kept = (made) => made.then((result) => (keep(result.instance || result), result));
  WebAssembly.instantiate = (...args) => kept(instantiate.call(WebAssembly, ...args));
  WebAssembly.instantiateStreaming = (...args) => kept(instantiateStreaming.call(WebAssembly, ...args));
  Object.defineProperty(window, 'wasmBytes', { value: () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) });
})()`;

/** A page whose memory can be asked for. */
export async function openCaught(browser, url) {
  const page = await openPage(browser);
  await page.send('Page.addScriptToEvaluateOnNewDocument', { source: CATCH_WASM_MEMORY });
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
