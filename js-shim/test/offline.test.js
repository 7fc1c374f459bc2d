// The offline part: what it keeps, what it gives up and what it sends, in a page that has nothing but a storage and a network.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { offline } from '../src/offline.js';

const [DENIED, PENDING, GRANTED] = [0, 1, 2];
const ADDRESS = 'https://c.example/v1/views/shop';

/** Requests: `{to, beacon, answer(status)}`. */
let sent;
let drops;
let clock;
let listeners;
let isFull;
const dropped = (reason, count = 1) => count > 0 && (drops[reason] = (drops[reason] || 0) + count);
const settled = () => new Promise(setImmediate);

/** A storage: its keys are its own properties, as in browsers. */
const newStorage = () =>
  new Proxy({}, {
    get: (all, name) => (name == 'removeItem' ? (key) => void delete all[key] : all[name]),
    set: (all, name, value) => {
      if (isFull) throw new DOMException('full', 'QuotaExceededError');
      all[name] = String(value);
      return true;
    },
  });

const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

beforeEach(() => {
  [sent, drops, listeners, clock, isFull] = [[], {}, {}, 1_800_000_000_000, false];
  Date.now = () => clock;
  set('window', globalThis);
  set('localStorage', newStorage());
  set('navigator', { onLine: false });
  set('document', { readyState: 'complete' });
  set('addEventListener', (type, run) => (listeners[type] = run));
  set('requestIdleCallback', (run) => run());
  set('fetch', (to, { body, credentials }) =>
    new Promise((resolve, reject) => {
      const answer = (status) => {
        status ? resolve({ status }) : reject(new TypeError('no network'));
        return settled().then(settled);
      };
      sent.push({ to, beacon: JSON.parse(body), credentials, answer });
    }));
});

const life = (consent = GRANTED) => ({ address: ADDRESS, consent });
const beacon = (seq, more) => ({ v: 1, view: 'a-view', seq, sent: 1, start: 5, m: [], ...more });
const counted = () => JSON.parse(localStorage['vitalscope-offline'] || '{}');
const keys = () => Object.keys(localStorage).filter((key) => key.startsWith('vitalscope-offline '));
const online = () => {
  navigator.onLine = true;
};

test('without a network, or with a collector that does not answer, a beacon is taken; else it is the agent\'s', () => {
  const ask = offline();
  assert.equal(ask(life(), dropped, beacon(0), 0), true);
  online();
  assert.equal(ask(life(), dropped, beacon(1), 0), false);
  assert.equal(ask(life(), dropped, beacon(2), 1), true);
  assert.deepEqual(keys(), ['vitalscope-offline a-view 0', 'vitalscope-offline a-view 2']);
  assert.deepEqual(drops, {});
});

test('nothing is stored before consent or before the start, and a refusal clears what is ours alone', () => {
  const ask = offline();
  for (const started of [undefined, 0, life(PENDING), life(DENIED)]) assert.equal(!!ask(started, dropped, beacon(0), 1), false);
  assert.deepEqual(Object.keys(localStorage), []);
  localStorage['the-sites-own'] = 'stays';
  localStorage['vitalscope-offline'] = '{"offline-full":1}';
  ask(life(), dropped, beacon(0), 0);
  ask(life(PENDING), dropped);
  assert.equal(keys().length, 1, 'undecided is no refusal');
  ask(life(DENIED), dropped);
  assert.deepEqual(Object.keys(localStorage), ['the-sites-own']);
});

test('the next page sends the same beacon at another time, oldest first and one at a time', async () => {
  const ask = offline();
  ask(life(), dropped, beacon(4, { ops: [{ n: 'checkout', v: 10 }] }), 0);
  clock += 1000;
  ask(life(), dropped, beacon(5), 0);
  online();
  clock += 60_000;
  const next = offline();
  next(life(), dropped);
  next(life(), dropped);
  assert.equal(sent.length, 1);
  assert.deepEqual([sent[0].to, sent[0].credentials], [ADDRESS, 'omit']);
  assert.deepEqual(sent[0].beacon, beacon(4, { ops: [{ n: 'checkout', v: 10 }], sent: clock }));
  await sent[0].answer(204);
  assert.deepEqual([sent.length, sent[1].beacon.seq, keys().length], [2, 5, 1]);
  await sent[1].answer(200);
  assert.deepEqual([sent.length, keys().length, drops], [2, 0, {}]);
});

for (const status of [0, 408, 425, 429, 500, 503]) {
  test(`an answer of ${status} leaves everything where it is until the network is back`, async () => {
    const ask = offline();
    for (const seq of [0, 1]) ask(life(), dropped, beacon(seq), 0);
    online();
    ask(life(), dropped);
    await sent[0].answer(status);
    assert.deepEqual([sent.length, keys().length], [1, 2]);
    listeners.online();
    assert.equal(sent.length, 2);
    await sent[1].answer(204);
    assert.equal(keys().length, 1);
  });
}

test('a final refusal is not asked again, and is counted', async () => {
  const ask = offline();
  ask(life(), dropped, beacon(0), 0);
  online();
  ask(life(), dropped);
  await sent[0].answer(400);
  assert.deepEqual([keys(), drops], [[], { 'rejected-4xx': 1 }]);
});

test('a refusal of the visitor while it sends ends the sending', async () => {
  const ask = offline();
  const started = life();
  for (const seq of [0, 1]) ask(started, dropped, beacon(seq), 0);
  online();
  ask(started, dropped);
  started.consent = DENIED;
  ask(started, dropped);
  await sent[0].answer(204);
  assert.deepEqual([sent.length, Object.keys(localStorage)], [1, []]);
});

test('only the newest are kept, by number and by size, and the others are counted', () => {
  const ask = offline({ maxBeacons: 3 });
  const seqs = () => keys().map((key) => key.slice(-1)).sort();
  // As a page hands them over, the newest first.
  for (const seq of [4, 3, 2, 1, 0]) assert.equal(ask(life(), dropped, beacon(seq), 0), true);
  assert.deepEqual([seqs(), counted()], [['2', '3', '4'], { 'offline-full': 2 }]);
  assert.equal(ask(life(), dropped, { ...beacon(0), view: 'a-later-view', start: 6 }, 0), true);
  assert.deepEqual([seqs(), counted()], [['0', '3', '4'], { 'offline-full': 3 }]);
  const small = offline({ maxBytes: 1000 });
  assert.equal(small(life(), dropped, beacon(5, { start: 7, padding: 'x'.repeat(800) }), 0), true);
  assert.deepEqual([seqs(), counted()], [['5'], { 'offline-full': 6 }]);
  assert.equal(small(life(), dropped, beacon(6, { padding: 'x'.repeat(1000) }), 0), false, 'larger than all there is: the agent does what it can');
  assert.equal(keys().length, 1);
  assert.equal(offline({ maxBeacons: 0 })(life(), dropped, beacon(7), 0), false);
  assert.deepEqual(drops, {}, 'the page that gave them up is gone');
  online();
  ask(life(), dropped);
  assert.deepEqual([drops, counted()], [{ 'offline-full': 6 }, {}], 'the next one says so');
});

test('what is too old is given up and counted, a clock that went back too', () => {
  const ask = offline({ maxAgeHours: 1 });
  ask(life(), dropped, beacon(0), 0);
  clock += 3600e3 + 1;
  ask(life(), dropped, beacon(1), 0);
  online();
  ask(life(), dropped);
  assert.deepEqual([sent.map(({ beacon: { seq } }) => seq), drops], [[1], { 'offline-old': 1 }]);
  clock -= 10 * 3600e3;
  offline({ maxAgeHours: 1 })(life(), dropped);
  assert.deepEqual([keys(), drops], [[], { 'offline-old': 2 }]);
});

test('another app\'s beacons are left to it, and what cannot be read goes', () => {
  const ask = offline();
  ask({ address: 'https://c.example/v1/views/other', consent: GRANTED }, dropped, beacon(0), 0);
  for (const [at, text] of ['', '{', 'null', '{"at":1}', '{"at":1,"to":"x","beacon":null}'].entries()) localStorage[`vitalscope-offline odd ${at}`] = text;
  online();
  ask(life(), dropped);
  assert.deepEqual([sent, keys()], [[], ['vitalscope-offline a-view 0']]);
});

test('a storage that is full or forbidden keeps nothing, and no error gets out of a sending', async () => {
  const ask = offline();
  isFull = true;
  // The agent catches it and does without.
  assert.throws(() => ask(life(), dropped, beacon(0), 0), /full/);
  assert.deepEqual(keys(), []);
  Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); }, configurable: true });
  online();
  ask(life(), dropped);
  await settled();
  assert.deepEqual(sent, []);
});

test('it waits for the page to load and for one that nobody has seen to be shown', () => {
  offline()(life(), dropped, beacon(0), 0);
  online();
  document.readyState = 'loading';
  offline()(life(), dropped);
  assert.equal(sent.length, 0);
  listeners.load();
  assert.equal(sent.length, 1);
  sent = [];
  document.prerendering = true;
  let shown;
  document.addEventListener = (type, run) => (shown = run);
  offline()(life(), dropped);
  assert.equal(sent.length, 0);
  document.prerendering = false;
  document.readyState = 'complete';
  shown();
  assert.equal(sent.length, 1);
});

test('one tab at a time sends', async () => {
  offline()(life(), dropped, beacon(0), 0);
  online();
  let isTaken = true;
  navigator.locks = { request: async (_, { ifAvailable }, run) => run(isTaken ? null : { ifAvailable }) };
  const ask = offline();
  ask(life(), dropped);
  await settled();
  assert.equal(sent.length, 0);
  isTaken = false;
  ask(life(), dropped);
  await settled();
  assert.equal(sent.length, 1);
});
