// Records: the shape that the shim and the agent share. Entries and nodes are plain objects with the browser's property names.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TYPES, copies } from '../../agent-wasm/src/records.js';

const element = (tag, { id, classes, parent } = {}) => ({
  nodeType: 1,
  localName: tag,
  parentElement: parent || null,
  getAttribute: (name) => ({ id, class: classes })[name] ?? null,
});
const of = (entryType, ...entries) => copies(entries.map((entry) => ({ entryType, ...entry })));

test('each record carries what its vital needs, in eight fields', () => {
  const buy = element('button', { id: 'buy' });
  const cases = [
    ['paint', { name: 'first-contentful-paint', startTime: 120 }, [0, 120, 0, 0, 0, 0, '', '']],
    ['largest-contentful-paint', { startTime: 300, url: 'u', element: buy }, [1, 300, 0, 0, 0, 0, 'u', '#buy']],
    ['largest-contentful-paint', { startTime: 300, url: '', element: null, id: 'gone' }, [1, 300, 0, 0, 0, 0, '', '#gone']],
    [
      'layout-shift',
      { startTime: 5, value: 0.1, hadRecentInput: true, sources: [{ node: { nodeType: 3, parentElement: null } }, { node: buy }] },
      [2, 5, 0.1, 1, 0, 0, '', '#buy'],
    ],
    [
      'event',
      { startTime: 5, duration: 24, processingStart: 6, processingEnd: 7, interactionId: 14, name: 'click', target: buy },
      [3, 5, 24, 6, 7, 14, 'click', '#buy'],
    ],
    [
      'first-input',
      { startTime: 5, duration: 8, processingStart: 6, processingEnd: 7, name: 'keydown', target: null },
      [4, 5, 8, 6, 7, 0, 'keydown', ''],
    ],
  ];
  for (const [type, entry, record] of cases) assert.deepEqual(of(type, entry), [record], type);
});

test('what no vital needs is left out', () => {
  assert.deepEqual(of('paint', { name: 'first-paint', startTime: 1 }), []);
  assert.deepEqual(of('event', { startTime: 1, interactionId: 0 }, { startTime: 1 }), []);
});

test('selectors are short, sorted and free of generated names', () => {
  const page = element('main', { id: 'page', parent: element('body') });
  const selector = (node) => of(TYPES[1], { startTime: 0, url: '', element: node })[0][7];
  assert.equal(selector(element('img', { classes: ' wide  big ', parent: page })), '#page>img.big.wide');
  assert.equal(selector(element('li', { id: 'order-123456', classes: 'row item-98765', parent: element('ul', { id: ':r1:' }) })), 'ul>li.row');
  let deep = element('body');
  for (let depth = 0; depth < 40; depth++) deep = element('section', { classes: 'content', parent: deep });
  assert.ok(selector(deep).length <= 100);
});
