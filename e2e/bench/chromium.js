// The browser: one process for a whole bench, a fresh context per page, and what the DevTools protocol offers beyond playwright.

import { chromium } from 'playwright-core';

/** Scripts and their calls, microtasks, WebAssembly, and our mark. Little else: each event recorded costs time in the slices around it. */
const TRACED = ['devtools.timeline', 'v8.execute', 'v8.wasm', 'blink.user_timing'];
const POLL_MS = 50;

export function launch() {
  return chromium.launch({
    executablePath: process.env.VITALSCOPE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--enable-precise-memory-info',
      // As many frames as the machine can draw: a thousand layout shifts are a thousand frames.
      '--disable-frame-rate-limit', '--disable-gpu-vsync',
    ],
  });
}

/** A page in a context of its own, with a DevTools session. */
export async function openPage(browser) {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  return { page, devtools, close: () => context.close() };
}

/** Evaluates in the page without playwright's wrapping, which would cost main-thread time. */
export async function evaluate(devtools, expression) {
  const { result, exceptionDetails } = await devtools.send('Runtime.evaluate', { expression, returnByValue: true });
  if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
}

export async function until(devtools, expression, limit_ms = 60_000) {
  const deadline = Date.now() + limit_ms;
  while (!(await evaluate(devtools, expression))) {
    if (Date.now() > deadline) throw new Error(`${expression}: not within ${limit_ms} ms`);
    await sleep(POLL_MS);
  }
}

export const sleep = (duration_ms) => new Promise((wake) => setTimeout(wake, duration_ms));

/** Records a trace of all processes of the browser; `stop` gives its events. */
export async function startTrace(browser) {
  const devtools = await browser.newBrowserCDPSession();
  await devtools.send('Tracing.start', { transferMode: 'ReturnAsStream', traceConfig: { includedCategories: TRACED, excludedCategories: ['*'] } });
  return {
    async stop() {
      const complete = new Promise((resolve) => devtools.once('Tracing.tracingComplete', resolve));
      await devtools.send('Tracing.end');
      const { stream, dataLossOccurred } = await complete;
      if (dataLossOccurred) throw new Error('the trace lost events');
      const parts = [];
      for (let eof = false; !eof; ) {
        const part = await devtools.send('IO.read', { handle: stream, size: 4 << 20 });
        parts.push(part.base64Encoded ? Buffer.from(part.data, 'base64') : Buffer.from(part.data));
        eof = part.eof;
      }
      await devtools.detach();
      return JSON.parse(Buffer.concat(parts).toString('utf8')).traceEvents;
    },
  };
}
