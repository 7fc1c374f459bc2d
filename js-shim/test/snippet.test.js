// The inline snippet as it is built: every page of a site carries it. Needs the built agent.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 1024;

test('the snippet takes no more than a kilobyte, compressed', () => {
  const bytes = gzipSync(readFileSync(new URL('../dist/snippet.js', import.meta.url)), { level: 9 }).length;
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
});
