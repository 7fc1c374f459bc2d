// The table at the end, and the verdict on each bar. A bar is `{what, unit, most, measured}`, `measured` a spread; its median counts.

const DEAREST = 12;
const PLACES = { x: 2, ms: 3, '%': 2 };

export const isKept = ({ most, measured }) => measured.median <= most;

export function table({ rows, bars }) {
  return [...peers(rows), '', ...verdicts(bars)].join('\n');
}

/** Where the agent's own time goes. */
export function dearest({ total_ms, functions }) {
  const lines = functions.slice(0, DEAREST).map(({ name, self_ms }) => `${self_ms.toFixed(1).padStart(8)}  ${name}`);
  return [`the agent under the CPU profiler, ms of ${total_ms.toFixed(0)} by function:`, ...lines].join('\n');
}

function peers(rows) {
  const head = ['main thread, ms of CPU', 'start-up', 'longest', 'after it', 'in all', '(middle half)', 'wall', 'calls', 'bytes sent'];
  const ms = ({ median }) => median.toFixed(1);
  const lines = rows.map(({ name, startup_ms, longest_ms, after_ms, all_ms, wall_ms, calls, sent_bytes }) => [
    name, ms(startup_ms), ms(longest_ms), ms(after_ms), ms(all_ms), `${all_ms.low.toFixed(1)} to ${all_ms.high.toFixed(1)}`,
    ms(wall_ms), calls.median.toFixed(0), sent_bytes.median.toFixed(0),
  ]);
  return aligned([head, ...lines]);
}

function verdicts(bars) {
  const number = (value, unit) => value.toFixed(PLACES[unit] ?? 0);
  const lines = bars.map((bar) => {
    const { what, unit, most, measured } = bar;
    const middle = measured.n > 1 ? `${number(measured.low, unit)} to ${number(measured.high, unit)}` : '';
    return [what, `${number(measured.median, unit)} ${unit}`, middle, `${most} ${unit}`, isKept(bar) ? 'pass' : 'FAIL'];
  });
  return aligned([['bar', 'measured', '(middle half)', 'at most', ''], ...lines]);
}

/** The first column to the left, all others to the right. */
function aligned(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((cell, column) => (column ? cell.padStart(widths[column] + 2) : cell.padEnd(widths[column]))).join('').trimEnd());
}
