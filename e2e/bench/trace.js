// What a trace says about one candidate: the slices of the page's main thread that run its code, and how long they took.
// Pure: events in, milliseconds out. Not here: recording (chromium.js).
//
// A slice is the candidate's when it names the candidate's script, when it compiles or instantiates WebAssembly, which no other
// script here does, or when it runs microtasks, since the page itself makes none. Of nested slices only the outermost counts.
// `cpu_ms` is the time that the thread really ran, and what bars are held against: on a shared machine `wall_ms` also contains
// whatever else ran meanwhile.

const BY_URL = new Set(['FunctionCall', 'EvaluateScript', 'v8.compile', 'v8.compileModule', 'v8.evaluateModule', 'v8.produceCache']);
const MICROTASKS = 'RunMicrotasks';
/** The page marks where its work begins; what comes before is start-up. */
export const WORK_MARK = 'bench:work';

/**
 * @param {Array} events of a trace, as the browser writes them
 * @param {(url: string) => boolean} isOurs whether a script of that address belongs to the candidate
 * @returns {{startup: Cost, after: Cost, slices: Array}} Cost: `{cpu_ms, wall_ms, longest_ms, calls}`
 */
export function attribute(events, isOurs) {
  const mark = events.find(({ name, cat }) => name === WORK_MARK && cat.includes('blink.user_timing'));
  if (!mark) throw new Error(`the trace has no mark ${WORK_MARK}`);
  const main = events.find(({ name, pid, args }) => name === 'thread_name' && pid === mark.pid && args.name === 'CrRendererMain');
  const thread = events.filter(({ pid, tid }) => pid === main.pid && tid === main.tid);
  const slices = outermost(whole(thread).filter((slice) => belongs(slice, isOurs)));
  return {
    startup: cost(slices.filter(({ ts }) => ts < mark.ts)),
    after: cost(slices.filter(({ ts }) => ts >= mark.ts)),
    slices,
  };
}

function belongs({ name, args }, isOurs) {
  if (name === MICROTASKS || name.startsWith('wasm.')) return true;
  const url = args?.data?.url ?? args?.fileName;
  return BY_URL.has(name) && Boolean(url) && isOurs(url);
}

/** Complete slices in order of their start; a begin and its end become one. */
function whole(events) {
  const open = [];
  const slices = [];
  for (const event of events) {
    if (event.ph === 'X') slices.push(event);
    if (event.ph === 'B') open.push(event);
    if (event.ph === 'E' && open.length > 0) {
      const begun = open.pop();
      slices.push({ ...begun, dur: event.ts - begun.ts, tdur: event.tts - begun.tts });
    }
  }
  return slices.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
}

function outermost(slices) {
  let covered_until = -Infinity;
  return slices.filter(({ ts, dur }) => {
    if (ts < covered_until) return false;
    covered_until = ts + dur;
    return true;
  });
}

function cost(slices) {
  const cpu_us = ({ dur, tdur }) => tdur ?? dur;
  const sum = (of) => slices.reduce((total, slice) => total + of(slice), 0) / 1000;
  return {
    cpu_ms: sum(cpu_us),
    wall_ms: sum(({ dur }) => dur),
    longest_ms: slices.reduce((longest, slice) => Math.max(longest, cpu_us(slice)), 0) / 1000,
    calls: slices.length,
  };
}
