// What stays behind after a long visit of a single-page application: 10,000 key presses and 1,000 route changes, with the agent,
// without, and with web-vitals, which only observes; the same otherwise. The browser's own objects (its lists of requests and
// events) are not counted: they are bounded by the browser, and it frees them as it likes.

import { AGENT, NOTHING, OBSERVER } from './candidates.js';
import { evaluate, sleep } from './chromium.js';
import { holdings, openWatched } from './heap.js';
import { spread } from './spread.js';

const ROUTES = 1_000;
const PRESSES_PER_ROUTE = 10;
const START_MS = 2_000;
/** Longer than the 10 s for which an agent may hold on to a request: growth is what stays. */
const SETTLE_MS = 12_000;
const BARS = { wasm_bytes: 128 * 1024, growth_bytes: 100_000 };

export async function soak({ browser, site, say }) {
  const without = await stay(browser, site, NOTHING);
  say('soak: without the agent');
  const agent = await stay(browser, site, AGENT);
  say('soak: with the agent');
  const observer = await stay(browser, site, OBSERVER);
  say(`soak: with ${OBSERVER}`);
  if (!agent.after.wasm_bytes) throw new Error('no WebAssembly memory was seen: does the agent run?');
  const ours_bytes = ({ js_bytes, wasm_bytes }) => js_bytes + wasm_bytes;
  const grown = (stay, from) => ours_bytes(stay.after) - ours_bytes(stay[from]);
  const growth = (from, of = agent) => grown(of, from) - grown(without, from);
  const one = (value) => spread([value]);
  return {
    bars: [
      { what: 'WebAssembly memory', unit: 'bytes', most: BARS.wasm_bytes, measured: one(agent.after.wasm_bytes) },
      {
        what: `JS and wasm growth, ${agent.interactions} interactions and ${ROUTES} routes`, unit: 'bytes',
        most: BARS.growth_bytes, measured: one(growth('before')),
      },
      // What the engine compiles grows at first and then no more; a leak grows in both halves.
      { what: 'of it in the second half', unit: 'bytes', most: BARS.growth_bytes / 2, measured: one(growth('halfway')) },
      {
        what: 'event listeners added meanwhile', unit: 'listeners', most: 0,
        measured: one(agent.after.listeners - agent.before.listeners - (without.after.listeners - without.before.listeners)),
      },
    ],
    beside: `${OBSERVER} with attribution grows by ${growth('before', observer)} bytes in the same visit, ${growth('halfway', observer)} of them in its second half`,
    raw: { without, agent, observer },
  };
}

async function stay(browser, site, name) {
  const page = await openWatched(browser, `${site.origin}/${name}/`);
  try {
    await evaluate(page, "document.getElementById('field').focus()");
    await sleep(START_MS);
    const before = await holdings(page);
    await browse(page, name, 0, ROUTES / 2);
    const halfway = await holdings(page);
    await browse(page, name, ROUTES / 2, ROUTES);
    const interactions = await evaluate(page, 'performance.interactionCount');
    if (interactions < ROUTES * PRESSES_PER_ROUTE) throw new Error(`the browser counted only ${interactions} interactions`);
    return { before, halfway, after: await holdings(page), interactions };
  } finally {
    await page.close();
  }
}

/** From route to route with some key presses on each, then quiet. */
async function browse(page, name, first, end) {
  await evaluate(page, 'work.keepBusy(true)');
  for (let route = first; route < end; route += 1) {
    await evaluate(page, `work.go('/${name}/product/${route}')`);
    await press(page, PRESSES_PER_ROUTE);
  }
  await evaluate(page, 'work.keepBusy(false)');
  await sleep(SETTLE_MS);
}

/** Presses of a key that changes nothing, as fast as the browser takes them. */
function press(page, count) {
  const key = (type) => page.send('Input.dispatchKeyEvent', { type, key: 'ArrowLeft', code: 'ArrowLeft', windowsVirtualKeyCode: 37 });
  return Promise.all(Array.from({ length: count }, () => [key('rawKeyDown'), key('keyUp')]).flat());
}
