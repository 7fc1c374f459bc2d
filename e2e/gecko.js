// Firefox, spawned plainly and driven over WebDriver BiDi: a tab behind another one is really hidden. The same hands as
// `chromium.js` has, as far as scenarios need them here.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './harness.js';
import { makeProfile, spawnBrowser } from './process.js';
import { connect } from './socket.js';

const START_TIMEOUT_MS = 30_000;
/** A finger needs some time. */
const PRESS_MS = 50;

/** No calls home, no first pages. */
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage': 'about:blank',
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
};

export async function launchFirefoxPlainly() {
  const profile = await makeProfile('firefox');
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  await writeFile(join(profile, 'user.js'), lines.join('\n'));
  const { address, close } = await spawnBrowser(process.env.VITALSCOPE_FIREFOX ?? '/usr/bin/firefox-esr', [
    '--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank',
  ], { profile, listening: /WebDriver BiDi listening on (ws:\/\/\S+)/, timeoutMs: START_TIMEOUT_MS });
  const socket = await connect(`${address}/session`);
  await socket.send('session.new', { capabilities: {} });
  await socket.send('session.subscribe', { events: ['log.entryAdded'] });
  return {
    name: 'firefox',
    async window() {
      const { userContext } = await socket.send('browser.createUserContext');
      return new Window(socket, userContext);
    },
    close() {
      socket.close();
      return close();
    },
  };
}

class Window {
  constructor(socket, userContext) {
    Object.assign(this, { socket, userContext, cover: undefined });
  }

  async open(url = 'about:blank', { background = false } = {}) {
    const { context } = await this.socket.send('browsingContext.create', { type: 'tab', background, userContext: this.userContext });
    const tab = new Tab(this, context);
    if (url !== 'about:blank') await tab.goto(url);
    return tab;
  }

  async coverAll() {
    if (this.cover) return this.socket.send('browsingContext.activate', { context: this.cover });
    this.cover = (await this.socket.send('browsingContext.create', { type: 'tab', userContext: this.userContext })).context;
  }

  close() {
    return this.socket.send('browser.removeUserContext', { userContext: this.userContext });
  }
}

class Tab {
  constructor(window, context) {
    Object.assign(this, { window, context, errors: [] });
  }

  send(method, params) {
    return this.window.socket.send(method, { context: this.context, ...params });
  }

  /** From now on exceptions that the page does not catch are kept in `errors`. */
  watchErrors() {
    this.window.socket.listen(({ method, params }) => {
      const isOurs = method === 'log.entryAdded' && params.source.context === this.context && params.type === 'javascript' && params.level === 'error';
      if (isOurs) this.errors.push(params.text);
    });
  }

  goto(url) {
    return this.send('browsingContext.navigate', { url, wait: 'complete' });
  }

  leave() {
    return this.goto('about:blank');
  }

  /** Runs a function (or text) in the page; its promise is awaited. */
  async evaluate(code, ...args) {
    const expression = typeof code === 'function' ? `(${code})(${args.map((arg) => JSON.stringify(arg)).join(',')})` : code;
    const { result, exceptionDetails } = await this.window.socket.send('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${expression})))()`, target: { context: this.context }, awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.text}`);
    return result.value && JSON.parse(result.value);
  }

  untilPage(what, code, ...args) {
    return until(what, () => this.evaluate(code, ...args));
  }

  async hide() {
    await this.window.coverAll();
    await this.untilPage('the tab is hidden', () => document.visibilityState === 'hidden');
  }

  async show() {
    await this.send('browsingContext.activate');
    await this.untilPage('the tab is visible', () => document.visibilityState === 'visible');
  }

  async hover(selector) {
    const place = await this.evaluate((selector) => {
      const box = document.querySelector(selector).getBoundingClientRect();
      return { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
    }, selector);
    await this.pointer([{ type: 'pointerMove', ...place }]);
    return place;
  }

  async click(selector) {
    await this.clickAt(await this.hover(selector));
  }

  clickAt(place) {
    return this.pointer([
      { type: 'pointerMove', ...place }, { type: 'pointerDown', button: 0 }, { type: 'pause', duration: PRESS_MS }, { type: 'pointerUp', button: 0 },
    ]);
  }

  pointer(actions) {
    return this.send('input.performActions', { actions: [{ type: 'pointer', id: 'mouse', actions }] });
  }

  press(letter) {
    return this.send('input.performActions', { actions: [{ type: 'key', id: 'keyboard', actions: [{ type: 'keyDown', value: letter }, { type: 'keyUp', value: letter }] }] });
  }
}
