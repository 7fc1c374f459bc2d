// The browser, driven through its DevTools pipe and nothing more: a driver that watches every page's network and console makes
// requests dearer and keeps them in memory, and both are what is measured here. One process for a whole bench, a fresh context
// and window per page.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = [
  '--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-default-browser-check',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions', '--disable-quic',
  '--disable-default-apps', '--password-store=basic', '--enable-precise-memory-info', '--window-size=900,700',
  // Several pages at once are all in front, and all of the same importance.
  '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding', '--disable-background-timer-throttling',
  // A thousand route changes in a minute are no attack.
  '--disable-ipc-flooding-protection',
  // As many frames as the machine can draw: a thousand layout shifts are a thousand frames.
  '--disable-frame-rate-limit', '--disable-gpu-vsync',
];
const ANSWER_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** @returns the DevTools session of the browser itself, with `openPage` and `close` */
export async function launch() {
  const profile = await mkdtemp(join(tmpdir(), 'vitalscope-bench-'));
  const program = process.env.VITALSCOPE_CHROMIUM ?? '/usr/bin/chromium';
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const browser = connect(child.stdio[3], child.stdio[4]);
  await browser.send('Browser.getVersion');
  browser.close = async () => {
    await browser.send('Browser.close').catch(() => {});
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  return browser;
}

/** Messages are JSON, each ended by a zero byte. */
function connect(input, output) {
  const answers = new Map();
  const sessions = new Map();
  let last_id = 0;
  let pending = [];

  function session(sessionId) {
    const waiting = new Map();
    const made = {
      send(method, params = {}) {
        const id = (last_id += 1);
        input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        return new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_LIMIT_MS);
          answers.set(id, { method, resolve, reject, late });
        });
      },
      /** The next event of that name. */
      next: (event) => new Promise((resolve) => waiting.set(event, resolve)),
      session,
      take({ method, params }) {
        waiting.get(method)?.(params);
        waiting.delete(method);
      },
    };
    sessions.set(sessionId, made);
    return made;
  }

  function take(message) {
    const answer = answers.get(message.id);
    if (!answer) return sessions.get(message.sessionId)?.take(message);
    answers.delete(message.id);
    clearTimeout(answer.late);
    if (message.error) answer.reject(new Error(`${answer.method}: ${message.error.message}`));
    else answer.resolve(message.result);
  }

  output.on('data', (chunk) => {
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0)) {
      take(JSON.parse(Buffer.concat([...pending, chunk.subarray(0, end)])));
      pending = [];
      chunk = chunk.subarray(end + 1);
    }
    if (chunk.length > 0) pending.push(chunk);
  });
  return session(undefined);
}

/** An empty page in a context and a window of its own. */
export async function openPage(browser) {
  const { browserContextId } = await browser.send('Target.createBrowserContext');
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank', browserContextId, newWindow: true });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const page = browser.session(sessionId);
  await page.send('Page.enable');
  await page.send('Emulation.setFocusEmulationEnabled', { enabled: true });
  page.close = () => browser.send('Target.disposeBrowserContext', { browserContextId });
  return page;
}

/** Opens an address and waits for its load event. */
export async function go(page, url) {
  const loaded = page.next('Page.loadEventFired');
  const { errorText } = await page.send('Page.navigate', { url });
  if (errorText) throw new Error(`${url}: ${errorText}`);
  await loaded;
}

export async function evaluate(page, expression) {
  const { result, exceptionDetails } = await page.send('Runtime.evaluate', { expression, returnByValue: true });
  if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
}

/** Asks until the page says yes. */
export async function until(page, expression) {
  const deadline_ms = Date.now() + ANSWER_LIMIT_MS;
  while (!(await evaluate(page, expression))) {
    if (Date.now() > deadline_ms) throw new Error(`${expression}: not within ${ANSWER_LIMIT_MS} ms`);
    await sleep(POLL_MS);
  }
}

export const sleep = (duration_ms) => new Promise((wake) => setTimeout(wake, duration_ms));
