// Records a trace of all processes of the browser. Not here: what a trace says (trace.js).

/** Scripts and their calls, microtasks, WebAssembly, and our mark. Little else: each event recorded costs time in the slices around it. */
const TRACED = ['devtools.timeline', 'v8.execute', 'v8.wasm', 'blink.user_timing'];
const PART_BYTES = 4 << 20;

/** From now on; `stop` gives the events. */
export async function startTrace(browser) {
  const traceConfig = { includedCategories: TRACED, excludedCategories: ['*'] };
  await browser.send('Tracing.start', { transferMode: 'ReturnAsStream', traceConfig });
  return {
    async stop() {
      const complete = browser.next('Tracing.tracingComplete');
      await browser.send('Tracing.end');
      const { stream, dataLossOccurred } = await complete;
      if (dataLossOccurred) throw new Error('the trace lost events');
      return JSON.parse(await read(browser, stream)).traceEvents;
    },
  };
}

async function read(browser, handle) {
  const parts = [];
  for (;;) {
    const { data, base64Encoded, eof } = await browser.send('IO.read', { handle, size: PART_BYTES });
    parts.push(Buffer.from(data, base64Encoded ? 'base64' : 'utf8'));
    if (eof) break;
  }
  await browser.send('IO.close', { handle });
  return Buffer.concat(parts).toString('utf8');
}
