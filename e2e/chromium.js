// Chromium, spawned plainly and driven over the DevTools protocol, because drivers for tests keep every tab visible: here a tab
// behind another one is really hidden, input is trusted, and a page that nobody has attached to may prerender.

import { pause, until } from './harness.js';
import { makeProfile, spawnBrowser } from './process.js';
import { connect } from './socket.js';

const START_TIMEOUT_MS = 20_000;
/** The first input of a headless Chromium needs the pointer to rest. */
const POINTER_RESTS_MS = 300;
/** A finger needs some time, in which a frame is painted between pointerdown and click. */
const PRESS_MS = 50;

/** A browser whose windows are separate people: nothing is shared between them. */
export async function launchChromiumPlainly() {
  const profile = await makeProfile('chromium');
  const { address, close } = await spawnBrowser(process.env.VITALSCOPE_CHROMIUM ?? '/usr/bin/chromium', [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-default-browser-check', '--disable-component-update',
    '--disable-sync', '--enable-precise-memory-info', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank',
  ], { profile, listening: /DevTools listening on (ws:\/\/\S+)/, timeoutMs: START_TIMEOUT_MS });
  const socket = await connect(address);
  return {
    name: 'chromium',
    send: socket.send,
    async window() {
      const { browserContextId } = await socket.send('Target.createBrowserContext', { disposeOnDetach: true });
      return new Window(socket, browserContextId);
    },
    close() {
      socket.close();
      return close();
    },
  };
}

class Window {
  constructor(socket, browserContextId) {
    Object.assign(this, { socket, browserContextId, cover: undefined });
  }

  /** A tab that nobody watches: no session, so it may prerender; it reports by itself. */
  async openUnwatched(url, { background = false } = {}) {
    const { targetId } = await this.socket.send('Target.createTarget', { url, browserContextId: this.browserContextId, background });
    return targetId;
  }

  /** A tab under our hands. In the background it is hidden from its first millisecond, behind one that is seen. */
  async open(url = 'about:blank', { background = false } = {}) {
    if (background && !this.cover) this.cover = await this.openUnwatched('about:blank');
    const targetId = await this.openUnwatched(background ? url : 'about:blank', { background });
    const tab = await this.attach(targetId);
    if (!background && url !== 'about:blank') await tab.goto(url);
    return tab;
  }

  async attach(targetId) {
    const { sessionId } = await this.socket.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, targetId, sessionId);
    await tab.send('Page.enable');
    return tab;
  }

  /** Something else in front: every other tab of this window becomes hidden. */
  async coverAll() {
    if (this.cover) await this.socket.send('Target.activateTarget', { targetId: this.cover });
    else this.cover = await this.openUnwatched('about:blank');
  }

  closeTab(targetId) {
    return this.socket.send('Target.closeTarget', { targetId });
  }

  close() {
    return this.socket.send('Target.disposeBrowserContext', { browserContextId: this.browserContextId });
  }
}

class Tab {
  constructor(window, targetId, sessionId) {
    Object.assign(this, { window, targetId, sessionId, hasRested: false, errors: [] });
  }

  send(method, params) {
    return this.window.socket.send(method, params, { sessionId: this.sessionId });
  }

  /** Hears this tab's events. Returns how to stop. */
  listen(listener) {
    return this.window.socket.listen((message) => message.sessionId === this.sessionId && listener(message));
  }

  /** From now on exceptions that the page does not catch are kept in `errors`. */
  async watchErrors() {
    this.listen(({ method, params }) => method === 'Runtime.exceptionThrown' && this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text));
    await this.send('Runtime.enable');
  }

  /** Goes to `url` and waits for its load event. */
  async goto(url) {
    this.hasRested = false;
    let isLoaded = false;
    const stop = this.listen(({ method }) => (isLoaded ||= method === 'Page.loadEventFired'));
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await until(`${url} loads`, () => isLoaded, 15_000);
    stop();
  }

  /** Leaves the page by navigation. */
  leave() {
    return this.goto('about:blank');
  }

  /** Runs a function (or text) in the page; its promise is awaited. */
  async evaluate(code, ...args) {
    const expression = typeof code === 'function' ? `(${code})(${args.map((arg) => JSON.stringify(arg)).join(',')})` : code;
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Polls the page until `code` gives something truthy. */
  untilPage(what, code, ...args) {
    return until(what, () => this.evaluate(code, ...args));
  }

  async hide() {
    await this.window.coverAll();
    await this.untilPage('the tab is hidden', () => document.visibilityState === 'hidden');
  }

  async show() {
    await this.window.socket.send('Target.activateTarget', { targetId: this.targetId });
    await this.untilPage('the tab is visible', () => document.visibilityState === 'visible');
  }

  /** The middle of an element. */
  middleOf(selector) {
    return this.evaluate((selector) => {
      const box = document.querySelector(selector).getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }, selector);
  }

  mouse(type, { x, y }, more = {}) {
    return this.send('Input.dispatchMouseEvent', { type, x, y, button: type === 'mouseMoved' ? 'none' : 'left', buttons: type === 'mousePressed' ? 1 : 0, clickCount: 1, ...more });
  }

  async hover(selector) {
    const place = await this.middleOf(selector);
    await this.mouse('mouseMoved', place);
    if (!this.hasRested) await pause(POINTER_RESTS_MS);
    this.hasRested = true;
    return place;
  }

  /** A click of a person; done when the page has handled it. */
  async click(selector, more) {
    await this.clickAt(await this.hover(selector), more);
  }

  /** A click where the pointer rests already: asks the page nothing, so it may be busy. */
  async clickAt(place, more) {
    await Promise.all([this.mouse('mousePressed', place, more), pause(PRESS_MS).then(() => this.mouse('mouseReleased', place, more))]);
  }

  /** Clicks one after the other, as fast as the page takes them. */
  async clickQuickly(place, count) {
    for (let done = 0; done < count; done++) await Promise.all([this.mouse('mousePressed', place), this.mouse('mouseReleased', place)]);
  }

  async press(letter) {
    const key = { key: letter, code: `Key${letter.toUpperCase()}`, windowsVirtualKeyCode: letter.toUpperCase().charCodeAt(0) };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', text: letter, ...key });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
  }

  close() {
    return this.window.closeTab(this.targetId);
  }
}
