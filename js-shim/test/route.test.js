// One route rule in two languages: the agent's answers equal those of `wire::route`, on golden cases and, by their digests, on many
// random paths (`crates/wire/tests/route.rs`).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { capped, scrub, templateOf } from '../../agent-wasm/src/route.js';

const { templates, cases, random } = JSON.parse(readFileSync(new URL('../../crates/wire/testdata/routes.json', import.meta.url), 'utf8'));

/** What the agent calls a page at a path; a location's path has neither query nor fragment. */
function answers(whole, own) {
  const path = whole.replace(/[?#].*/, '');
  const template = templateOf(path, [own, ...templates].filter(Boolean));
  const scrubbed = scrub(path, template);
  return [template || capped(scrubbed), scrubbed];
}

test('the golden cases have one answer', () => {
  assert.ok(cases.length > 300);
  for (const [path, own, ...expected] of cases) assert.deepEqual(answers(path, own), expected, `${path} by ${own}`);
});

test('random paths have the digests that the collector computes', () => {
  const nextCase = paths(random.pieces);
  for (const [block, expected] of random.digests.entries()) {
    let digest = 0x811c9dc5;
    for (let left = random.count; left > 0; left--) {
      for (const text of answers(...nextCase())) for (const byte of Buffer.from(`${text}\n`)) digest = Math.imul(digest ^ byte, 0x01000193) >>> 0;
    }
    assert.equal(digest.toString(16).padStart(8, '0'), expected, `the ${block}th ${random.count} paths`);
  }
});

/** Random paths and templates, the same in both languages. */
function paths(pieces) {
  let state = 1;
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
  const list = (count, make) => Array.from({ length: count }, make);
  const segment = () => list(1 + below(4), () => pieces[below(pieces.length)]).join('');
  return () => {
    const segments = list(1 + below(11), segment);
    const path = segments.map((each) => `/${each}`).join('');
    const kind = below(3);
    let template = '';
    if (kind > 0 && path.length <= 400) {
      for (const each of segments) {
        if (kind > 1 && below(6) === 0) {
          template += '/*';
          break;
        }
        template += below(3) === 0 ? '/:part' : `/${each}`;
      }
    }
    return [path, template];
  };
}
