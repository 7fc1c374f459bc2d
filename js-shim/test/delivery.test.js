// What waits for the collector, when and in which order it goes and what is given up, in a page that has nothing but a network and a
// clock. Needs the built agent.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, mock, test } from 'node:test';

import { call } from '../../agent-wasm/src/api.js';
import { abandon, flush, look, online, pump, queue } from '../../agent-wasm/src/delivery.js';
import { attach } from '../../agent-wasm/src/engine.js';
import { takeDrops } from '../../agent-wasm/src/operations.js';

const module = new WebAssembly.Module(readFileSync(new URL('../../agent-wasm/pkg/vitalscope_agent_bg.wasm', import.meta.url)));

/** The engine, with a browser that does nothing. */
function engine() {
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ||= {})[name] = () => undefined;
  return new WebAssembly.Instance(module, imports).exports;
}

mock.timers.enable({ apis: ['setTimeout'] });
let clock = 0;
performance.now = () => clock;
/** Requests and exit beacons, `{number, keepalive, answer}`; `answer(status)` is what the collector says. */
let sent;
let isAccepting;
const settled = () => new Promise(setImmediate);

const page = {
  window: globalThis,
  addEventListener() {},
  document: { hidden: false, readyState: 'loading', baseURI: 'https://shop.example/', referrer: '' },
  location: { pathname: '/', href: 'https://shop.example/', host: 'shop.example' },
  screen: {},
  matchMedia: () => ({}),
  innerWidth: 390,
  innerHeight: 844,
  CompressionStream: undefined,
  navigator: {
    onLine: true,
    sendBeacon: (_, body) => isAccepting && sent.push({ number: JSON.parse(body).number }),
  },
  fetch: (_, { body, keepalive }) =>
    new Promise((resolve) => {
      const answer = (status, retryAfter) => {
        resolve(status ? new Response(null, { status, headers: retryAfter ? { 'retry-after': retryAfter } : {} }) : Promise.reject(new TypeError('no network')));
        return settled();
      };
      sent.push({ number: JSON.parse(body).number, keepalive, answer });
    }),
};
for (const [name, value] of Object.entries(page)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

beforeEach(() => {
  clock = 0;
  sent = [];
  isAccepting = false;
  call(['stop']);
  call(['start', { app: 'shop' }]);
  attach(engine(), [], () => {}, 1e9);
  // What the page view itself has to say.
  flush();
  abandon();
  takeDrops();
  sent = [];
});

const views = Array.from({ length: 100 }, (_, number) => ({ number, bytes: 0, seq: 0 }));
/** Queues a beacon and answers what names it. */
let named = 0;
function accept(view, { ops, bytes = 0, m = [] } = {}) {
  const number = ++named;
  queue({ view: views[view], acked: {}, beacon: { number, m, context: {}, ops: ops && [{ n: 'x' }], padding: 'x'.repeat(bytes) } });
  return number;
}
const numbers = () => sent.map(({ number }) => number);
/** Lets time pass and looks again. */
const later = (ms) => {
  clock += ms;
  look();
};

test('what is answered is done, and up to four fly at once', async () => {
  const queued = [0, 1, 2, 3, 4].map((view) => accept(view, { ops: true }));
  pump();
  assert.deepEqual(numbers(), queued.slice(0, 4));
  assert.ok(sent.every(({ keepalive }) => keepalive), 'the browser finishes them when the page goes');
  await sent[0].answer(204);
  assert.deepEqual(numbers(), queued);
  for (const { answer } of sent.slice(1)) await answer(204);
  later(1e6);
  assert.deepEqual([numbers(), takeDrops()], [queued, undefined]);
});

test('snapshots of a view replace each other and operations never do', () => {
  const [, second, third, , fifth] = [accept(0), accept(0, { ops: true }), accept(1), accept(0), accept(0)];
  pump();
  assert.deepEqual(numbers(), [second, third, fifth]);
  assert.equal(takeDrops(), undefined, 'a replaced snapshot is no loss');
});

test('a failed snapshot gives way to a newer one', async () => {
  accept(0);
  pump();
  const newer = accept(0);
  await sent[0].answer(503);
  later(2000);
  assert.deepEqual(numbers().slice(1), [newer]);
});

test('while the collector is down one probe at a time goes, oldest first', async () => {
  const queued = [0, 1, 2, 3].map((view) => accept(view));
  pump();
  const [first, ...others] = sent.splice(0);
  for (const { answer } of [first, ...others]) await answer(503);
  later(100);
  assert.deepEqual(sent, []);
  later(70_000);
  assert.deepEqual(numbers(), queued.slice(0, 1));
  await sent[0].answer(204);
  assert.deepEqual(numbers(), queued, 'up again: the rest drains');
});

test('a timer looks again while something waits for its time', async () => {
  const only = accept(0);
  pump();
  await sent[0].answer(503);
  // Not due at the first look, due at a later one.
  mock.timers.tick(1000);
  assert.equal(sent.length, 1);
  clock = 2000;
  mock.timers.tick(1000);
  assert.deepEqual(numbers(), [only, only]);
});

/** How long the next attempt waits after one that ended like this, ms: looked for in steps of 100 ms. */
async function waitAfter(end, random = 0.5) {
  const { random: before } = Math;
  Math.random = () => random;
  const made = sent.length;
  await end(sent.at(-1));
  Math.random = before;
  let waited = 0;
  // Arithmetic is not exact.
  later(1);
  for (; sent.length == made; waited += 100) later(100);
  return waited;
}

test('the back-off doubles to a minute', async () => {
  accept(0, { ops: true });
  pump();
  const waits = [];
  for (let round = 0; round < 8; round++) waits.push(await waitAfter(({ answer }) => answer(503)));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test('a longer Retry-After is honoured within reason, and jitter is a fifth', async () => {
  for (const [retryAfter, random, expected] of [
    [undefined, 0, 800],
    [undefined, 1, 1200],
    ['5', 0.5, 5000],
    ['0.5', 0.5, 1000],
    ['-7', 0.5, 1000],
    ['soon', 0.5, 1000],
    ['9000000000', 0.5, 3_600_000],
  ]) {
    abandon();
    accept(0, { ops: true });
    pump();
    assert.equal(await waitAfter(({ answer }) => answer(429, retryAfter), random), expected, retryAfter);
  }
});

test('an outage is waited out, and what is offline is no blocker', async () => {
  for (const [known, onLine] of [[204, true], [503, true], [0, false]]) {
    abandon();
    navigator.onLine = onLine;
    accept(0, { ops: true });
    pump();
    await sent.at(-1).answer(known);
    accept(1, { ops: true });
    const before = sent.length;
    for (let round = 0; round < 20; round++) {
      later(1e6);
      await sent.at(-1).answer(0);
    }
    assert.equal(sent.length, before + 20, known);
    assert.equal(takeDrops(), undefined);
  }
  navigator.onLine = true;
});

test('when the network is back, what waits goes at once', async () => {
  accept(0, { ops: true });
  pump();
  for (let attempt = 0; attempt < 3; attempt++) {
    await sent[attempt].answer(0);
    later(1e6);
  }
  assert.equal(sent.length, 3, 'left alone');
  online();
  assert.equal(sent.length, 4);
});

test('final refusals are counted and some end the page', async () => {
  for (const [status, reason, goesOn] of [[400, 'rejected-4xx', true], [413, 'too-large', true], [415, 'rejected-4xx', true]]) {
    const before = sent.length;
    accept(0, { ops: true });
    pump();
    await sent[before].answer(status);
    assert.deepEqual(takeDrops(), { [reason]: 1 }, status);
    accept(0, { ops: true });
    pump();
    assert.equal(sent.length > before + 1, goesOn, status);
    await sent.at(-1).answer(204);
  }
});

test('a collector that does not want this page gets no more of it', async () => {
  for (const status of [401, 403]) {
    abandon();
    const before = sent.length;
    accept(0, { ops: true });
    pump();
    accept(1);
    await sent[before].answer(status);
    assert.deepEqual(takeDrops(), { 'rejected-4xx': 1, 'gave-up': 1 });
    accept(0, { ops: true });
    pump();
    assert.equal(sent.length, before + 1);
    assert.deepEqual(takeDrops(), { 'gave-up': 1 });
  }
});

test('what was never reached is left alone but for the exit', async () => {
  const only = accept(0);
  pump();
  for (let attempt = 0; attempt < 3; attempt++) {
    await sent[attempt].answer(0);
    later(1e6);
  }
  assert.deepEqual([numbers(), takeDrops()], [[only, only, only], { 'gave-up': 1 }]);
  isAccepting = true;
  flush(true);
  assert.deepEqual(numbers().slice(3), [only]);
});

test('an exit sends what waits once, newest first', async () => {
  const [oldest, ...others] = [0, 1, 2].map((view) => accept(view, { ops: true }));
  // In flight: it finishes by itself.
  queue({ ...{ view: views[3], acked: {} }, flies: 1, beacon: { number: -1, m: [], context: {} } });
  isAccepting = true;
  flush(true);
  assert.deepEqual(numbers(), [...others.reverse(), oldest]);
  flush(true);
  assert.equal(sent.length, 3, 'what the browser has taken is done');
  isAccepting = false;
  const declined = accept(4);
  flush(true);
  assert.deepEqual(numbers().slice(3), [declined], 'posted where the browser declines');
});

test('an exit offers what waits to the offline part first, and what that takes is done', async () => {
  let answer = true;
  const asked = [];
  call(['offline', ({ consent }, _, beacon, failures) => {
    asked.push([consent, beacon?.number, failures]);
    return beacon && answer;
  }]);
  assert.deepEqual(asked, [[2, undefined, 0]], 'asked what to do with what it has');
  isAccepting = true;
  const [first, second] = [0, 1].map((view) => accept(view, { ops: true }));
  // In flight too: nobody knows whether it arrives.
  queue({ ...{ view: views[3], acked: {} }, flies: 1, beacon: { number: -1, m: [], context: {} } });
  flush(true);
  assert.deepEqual([asked.slice(1), numbers()], [[[2, -1, 0], [2, second, 0], [2, first, 0]], []]);
  flush(true);
  assert.equal(asked.length, 4);
  answer = false;
  const third = accept(2);
  flush(true);
  assert.deepEqual(numbers(), [third], 'what it does not take goes as ever');
  call(['offline', () => { throw new Error('of the part'); }]);
  const fourth = accept(3);
  flush(true);
  assert.deepEqual(numbers(), [third, fourth], 'its error is silence');
  call(['offline', (life, _, beacon) => void asked.push([life.consent, beacon])]);
  call(['setConsent', 'denied']);
  assert.deepEqual(asked.at(-1), [0, undefined], 'told of a refusal');
  call(['offline', undefined]);
});

test('the list is bounded by count and by bytes', async () => {
  for (let view = 0; view < 100; view++) accept(view, { ops: true });
  assert.deepEqual(takeDrops(), { 'buffer-full': 70 });
  isAccepting = true;
  flush(true);
  assert.equal(sent.length, 30);
  for (let view = 0; view < 10; view++) accept(view, { ops: true, bytes: 60_000 });
  assert.deepEqual(takeDrops(), { 'buffer-full': 6 });
});

test('requests that the browser shall finish share a budget', () => {
  for (const view of [0, 1, 2]) accept(view, { ops: true, bytes: 20_000 });
  pump();
  assert.deepEqual(sent.map(({ keepalive }) => keepalive), [true, true, false]);
});

test('an answer to what was given up meanwhile means nothing', async () => {
  accept(0);
  pump();
  abandon();
  await sent[0].answer(503);
  const next = accept(1);
  pump();
  assert.deepEqual(numbers().slice(1), [next], 'no back-off');
});

test('an answer that takes too long is none, and says nothing of the next attempt', async () => {
  accept(0, { ops: true });
  pump();
  mock.timers.tick(10_000);
  later(5000);
  assert.equal(sent.length, 2, 'another attempt');
  await sent[0].answer(400);
  assert.equal(takeDrops(), undefined);
  await sent[1].answer(204);
  later(1e6);
  assert.equal(sent.length, 2);
});

test('a beacon that is too large goes again in two halves, once', async () => {
  const measurement = { n: 'LCP', v: 1 };
  const number = ++named;
  queue({ view: views[0], acked: {}, beacon: { number, m: [measurement], context: {}, ops: ['a', 'b', 'c'].map((n) => ({ n })), drop: { 'gave-up': 1 } } });
  const bodies = [];
  const { fetch } = globalThis;
  globalThis.fetch = (address, request) => (bodies.push(JSON.parse(request.body)), fetch(address, request));
  pump();
  await sent[0].answer(413);
  globalThis.fetch = fetch;
  const [, ...halves] = bodies;
  assert.deepEqual(halves.map(({ m, ops, drop }) => [m.length, ops.map(({ n }) => n).join(''), drop]), [[1, 'a', { 'gave-up': 1 }], [0, 'bc', undefined]]);
  assert.notEqual(halves[0].seq, halves[1].seq);
  await sent[1].answer(413);
  assert.deepEqual(takeDrops(), { 'too-large': 1 });
});
