// WebKitGTK's MiniBrowser under a virtual screen, driven over WebDriver: an older engine than today's Safari, good for showing that
// the agent degrades without an error. Where the driver is not installed, `missingForWebKit` says what is.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { until } from './harness.js';

const START_TIMEOUT_MS = 20_000;
const LIBRARIES = '/usr/lib';

/** Why WebKit cannot be driven here; nothing if it can. */
export async function missingForWebKit() {
  for (const program of ['/usr/bin/WebKitWebDriver', '/usr/bin/Xvfb']) {
    if (!(await access(program).then(() => true, () => false))) return `${program} is not there: apt-get install webkit2gtk-driver xvfb`;
  }
  return (await miniBrowser()) ? undefined : 'MiniBrowser is not there: apt-get install webkit2gtk-driver';
}

/** `/usr/lib/<platform>/webkit2gtk-4.x/MiniBrowser`, the newest. */
async function miniBrowser() {
  const found = [];
  for (const platform of await readdir(LIBRARIES)) {
    for (const folder of await readdir(`${LIBRARIES}/${platform}`).catch(() => [])) {
      const program = `${LIBRARIES}/${platform}/${folder}/MiniBrowser`;
      if (folder.startsWith('webkit2gtk-') && (await access(program).then(() => true, () => false))) found.push(program);
    }
  }
  return found.sort().at(-1);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export async function launchWebKit() {
  const screen = spawn('/usr/bin/Xvfb', ['-displayfd', '1', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let display = '';
  screen.stdout.on('data', (chunk) => (display += chunk));
  await until('the virtual screen', () => display.includes('\n'), START_TIMEOUT_MS);
  const port = await freePort();
  const env = { ...process.env, DISPLAY: `:${display.trim()}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' };
  const driver = spawn('/usr/bin/WebKitWebDriver', [`--port=${port}`], { env, stdio: 'ignore' });
  const origin = `http://127.0.0.1:${port}`;
  const ask = async (method, path, body) => {
    const response = await fetch(origin + path, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${path}: ${value.error} ${value.message}`);
    return value;
  };
  await until('the driver', () => ask('GET', '/status').catch(() => null), START_TIMEOUT_MS);
  const options = { binary: await miniBrowser(), args: ['--automation'] };
  const { sessionId } = await ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
  const session = (method, path, body) => ask(method, `/session/${sessionId}${path}`, body);
  return {
    name: 'webkit',
    goto: (url) => session('POST', '/url', { url }),
    evaluate: (expression) => session('POST', '/execute/sync', { script: `return (${expression});`, args: [] }),
    async click(selector) {
      const element = Object.values(await session('POST', '/element', { using: 'css selector', value: selector }))[0];
      await session('POST', `/element/${element}/click`, {});
    },
    async close() {
      await session('DELETE', '').catch(() => {});
      for (const child of [driver, screen]) {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      }
    },
  };
}
