// How the agent's bench reads a trace: which slices count for a candidate, each once, before or after the page's work begins.

import assert from 'node:assert/strict';
import test from 'node:test';

import { WORK_MARK, attribute } from '../bench/trace.js';

const OURS = 'http://site/ours/script.js';
const thread = { pid: 1, tid: 1 };
const slice = (name, ts, dur, url, more = {}) => ({ ...thread, ph: 'X', cat: 'devtools.timeline', name, ts, dur, tdur: dur, args: { data: { url } }, ...more });
const mark = (ts) => ({ ...thread, ph: 'I', cat: 'blink.user_timing', name: WORK_MARK, ts });
const named = { ...thread, ph: 'M', cat: '__metadata', name: 'thread_name', args: { name: 'CrRendererMain' } };

function check(name, events, expected) {
  test(name, () => {
    const { startup, after } = attribute([named, mark(1_000_000), ...events], (url) => url === OURS);
    assert.deepEqual([startup.cpu_ms, after.cpu_ms, startup.calls + after.calls], expected);
  });
}

check('a call of the script counts, before and after the mark', [slice('FunctionCall', 0, 2_000, OURS), slice('FunctionCall', 2_000_000, 3_000, OURS)], [2, 3, 2]);
check('other scripts and other threads do not', [slice('FunctionCall', 0, 2_000, 'http://site/work.js'), slice('FunctionCall', 0, 2_000, OURS, { tid: 2 })], [0, 0, 0]);
check('nested slices count once', [slice('EvaluateScript', 0, 5_000, OURS), slice('v8.compile', 100, 1_000, OURS), slice('FunctionCall', 2_000, 500, OURS)], [5, 0, 1]);
check('a call within the page\'s own call counts', [slice('FunctionCall', 0, 9_000, 'http://site/work.js'), slice('FunctionCall', 1_000, 2_000, OURS)], [2, 0, 1]);
check('time is the thread\'s, not the clock\'s', [slice('FunctionCall', 0, 9_000, OURS, { tdur: 4_000 })], [4, 0, 1]);
check('WebAssembly outside of a call counts', [slice('wasm.SyncCompile', 0, 1_000, undefined)], [1, 0, 1]);
check('microtasks count, as a begin and its end', [
  { ...thread, ph: 'B', cat: 'v8.execute', name: 'RunMicrotasks', ts: 0, tts: 0 },
  { ...thread, ph: 'B', cat: 'other', name: 'Inner', ts: 100, tts: 100 },
  { ...thread, ph: 'E', cat: 'other', name: 'Inner', ts: 200, tts: 200 },
  { ...thread, ph: 'E', cat: 'v8.execute', name: 'RunMicrotasks', ts: 4_000, tts: 3_000 },
], [3, 0, 1]);
check('frames of the profiler and timers are only what they contain', [slice('TimerFire', 0, 9_000, undefined), slice('FunctionCall', 100, 1_000, OURS)], [1, 0, 1]);

test('a trace without the mark is refused', () => {
  assert.throws(() => attribute([named], () => true), /no mark/);
});
