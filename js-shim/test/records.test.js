// Records: the copies that the shim and the agent share. Entries and nodes are plain objects with the browser's property names.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TYPES, blamed, plain } from '../../agent-wasm/src/records.js';

const element = (tag, { id, classes = '', parent } = {}) => ({
  localName: tag,
  parentElement: parent || null,
  classList: classes.split(' ').filter(Boolean),
  closest: () => null,
  getAttribute: (name) => ({ id, class: classes })[name] ?? null,
});
const text = (parent) => ({ parentElement: parent });

test('the types stand in the order of the engine\'s kinds of calls', () => {
  assert.deepEqual(TYPES, ['paint', 'largest-contentful-paint', 'layout-shift', 'event', 'first-input']);
});

test('the node to blame is the target, the element, or the largest source of a shift', () => {
  const buy = element('button', { id: 'buy' });
  const hero = element('img', { id: 'hero' });
  for (const [entry, expected] of [
    [{ target: buy }, '#buy'],
    [{ element: hero }, '#hero'],
    [{ sources: [{ node: hero }, { node: buy }] }, '#hero'],
    [{ target: null, element: null, sources: [] }, ''],
    [{ sources: [{ node: null }] }, ''],
    [{}, ''],
    [{ sources: [{ node: text(buy) }] }, '#buy'],
    [{ target: text(null) }, ''],
  ]) {
    assert.equal(blamed(entry), expected);
  }
});

test('selectors are short, sorted and free of generated names', () => {
  const selector = (node) => blamed({ target: node });
  const page = element('main', { id: 'page', parent: element('body') });
  assert.equal(selector(element('img', { classes: ' wide  big ', parent: page })), '#page>img.big.wide');
  assert.equal(selector(element('li', { id: 'order-123456', classes: 'row item-98765', parent: element('ul', { id: ':r1:' }) })), 'ul>li.row');
  assert.equal(selector(element('td', { id: 'bob@example.org', parent: page })), '#page>td');
  assert.equal(selector(element('p', { id: '' , parent: page })), '#page>p');
  let deep = element('body');
  for (let depth = 0; depth < 40; depth++) deep = element('section', { classes: 'content', parent: deep });
  assert.match(selector(deep), /^(section.content>)+section.content$/);
  assert.ok(selector(deep).length <= 100);
  assert.equal(selector(element('p', { classes: 'x'.repeat(300) })).length, 100);
});

test('a form\'s fields cannot hide its id', () => {
  const form = element('form', { id: 'order' });
  assert.equal(blamed({ target: Object.assign(form, { id: element('input') }) }), '#order');
});

/** As browsers do it: an entry tells its properties, nodes say nothing. */
const entry = (facts) => ({ toJSON: () => facts });

test('a copy has the numbers and plain words of a record', () => {
  for (const facts of [
    { name: 'first-contentful-paint', entryType: 'paint', startTime: 120.5, duration: 0 },
    { name: '', entryType: 'layout-shift', startTime: 5, value: 0.1, hadRecentInput: true },
    { name: 'click', entryType: 'event', startTime: 5, duration: 24, processingStart: 6, processingEnd: 7, interactionId: 14, cancelable: false },
    { name: 'keydown', entryType: 'first-input', startTime: 5, duration: 8, processingStart: 6, processingEnd: 7 },
  ]) {
    assert.deepEqual(plain(entry(facts)), facts);
  }
});

test('no address, no text of a person and nothing nested is copied', () => {
  const copy = plain(entry({
    entryType: 'largest-contentful-paint', startTime: 300, id: 'hero', url: 'https://shop.example/o/4711?token=secret', size: 90, element: {},
    sources: [{ previousRect: { x: 1 }, node: 'Dear Bob, your order' }], negative: -1, undefined,
  }));
  assert.deepEqual([copy.entryType, copy.startTime, copy.id, copy.size], ['largest-contentful-paint', 300, 'hero', 90]);
  assert.equal(copy.url, 0);
  assert.ok(!/shop|secret|Bob/.test(JSON.stringify(copy)));
});
