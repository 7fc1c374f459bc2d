// Draws. Shapes come in ready; colours are read from the style sheet, so that a theme is one place.
/* global uPlot */

import { h, svg, sized } from './dom.js';
import * as format from './format.js';

const CHART_HEIGHT = 300;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Good / needs improvement / poor as one bar; the words are for those who do not see colours. */
export function shareBar(shares, { labels = false } = {}) {
  if (shares === undefined) return h('span', { class: 'soft' }, '–');
  if (!shares) return h('span', { class: 'soft' }, 'no published limits');
  const parts = [['good', shares.good], ['needs-improvement', shares.needs_improvement], ['poor', shares.poor]];
  const text = parts.map(([rating, share]) => `${format.RATINGS[rating]} ${format.percent(share)}`).join(', ');
  const bar = h('div', { class: 'shares', role: 'img', 'aria-label': text, title: text },
    parts.filter(([, share]) => share > 0).map(([rating, share]) => sized(h('span', { class: `fill ${rating}` }), share * 100)));
  if (!labels) return bar;
  return h('div', {}, bar, h('div', { class: 'share-labels', 'aria-hidden': 'true' },
    parts.map(([rating, share]) => h('span', { class: `dot ${rating}` }, format.percent(share)))));
}

/** A small line without axes; empty steps leave gaps in time, not in the line. */
export function sparkline(points, rating) {
  const [width, height] = [160, 36];
  if (points.length < 2) return svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  const values = points.map((point) => point.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [points[0].at_ms, points[points.length - 1].at_ms];
  const x = (ms) => ((ms - from) / (to - from)) * width;
  // A flat line stays in the middle: small noise should not look like drama.
  const spread = Math.max(high - low, high * 0.25, 1e-9);
  const y = (number) => height - 3 - ((number - (low + high) / 2) / spread + 0.5) * (height - 6);
  const line = points.map((point, index) => `${index ? 'L' : 'M'}${x(point.at_ms).toFixed(1)} ${y(point.value).toFixed(1)}`).join('');
  return svg('svg', { class: `spark ${rating || ''}`, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('path', { class: 'area', d: `${line}L${width} ${height}L0 ${height}Z` }), svg('path', { class: 'line', d: line }));
}

/**
 * p75 over time with the baseline's band, deploys, findings and the published limit.
 * Arrow keys move through the points; the table below holds the same numbers.
 */
export function trend({ vital, percentile = 75, points, band, limits, deploys, findings, stepSeconds, fromMs, toMs, counted = 'page views', rated = 'Good' }) {
  const readout = h('p', { class: 'readout', 'aria-live': 'polite' });
  const stage = h('div', { class: 'chart', role: 'application', tabindex: '0', 'aria-label': `${vital} p${percentile} over time, ${points.length} points. Use the arrow keys.` });
  const box = h('div', { class: 'trend' }, readout, stage, legend(percentile, band, limits, deploys, findings), table(vital, percentile, points, counted, rated));
  if (!points.length) {
    stage.append(h('p', { class: 'empty' }, 'Nothing was measured in this range.'));
    return box;
  }
  const say = (index) => {
    const point = points[index];
    readout.textContent = `${format.minute(point.at_ms)}  ·  p${percentile} ${format.value(vital, point.value)}  ·  ${format.count(point.n)} ${counted}`;
  };
  say(points.length - 1);
  let chart;
  const draw = () => {
    chart?.destroy();
    chart = new uPlot(options({ vital, points, band, limits, deploys, findings, fromMs, toMs, stepSeconds, width: stage.clientWidth, say }),
      data(points, band, stepSeconds), stage);
  };
  // The stage has a width only once it is in the page; later changes of it and of the theme draw again.
  const observer = new ResizeObserver(() => {
    if (!stage.isConnected) return observer.disconnect();
    if (chart?.width !== stage.clientWidth && stage.clientWidth > 0) draw();
  });
  observer.observe(stage);
  document.addEventListener('themechange', () => stage.isConnected && draw());
  stage.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !chart) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(chart.data[0].length - 1, (chart.cursor.idx ?? chart.data[0].length) + step));
    chart.setCursor({ left: chart.valToPos(chart.data[0][index], 'x'), top: CHART_HEIGHT / 2 });
  });
  return box;
}

/** Columns for uPlot: time, p75, band; a missing step breaks the line, because nothing was measured there. */
function data(points, band, stepSeconds) {
  const [times, values, lows, highs] = [[], [], [], []];
  points.forEach((point, index) => {
    const at = point.at_ms / 1000;
    const gap = index && at - times[times.length - 1] > stepSeconds * 1.5;
    for (const [time, number] of gap ? [[times[times.length - 1] + stepSeconds, null], [at, point.value]] : [[at, point.value]]) {
      times.push(time);
      values.push(number);
      lows.push(band ? band.low : null);
      highs.push(band ? band.high : null);
    }
  });
  return [times, values, lows, highs];
}

function options({ vital, points, band, limits, deploys, findings, fromMs, toMs, width, say }) {
  const ink = colour('--soft');
  const grid = { stroke: colour('--line'), width: 1 };
  const tick = { show: false };
  const values = points.map((point) => point.value).concat(band ? [band.high] : []);
  const peak = Math.max(...values);
  // The limit is drawn where it helps; a far one would press the line flat.
  const shown = limits ? limits.filter((limit) => limit < peak * 1.25) : [];
  const top = Math.max(peak, ...shown) * 1.12 || 1;
  const byTime = new Map(points.map((point, index) => [point.at_ms / 1000, index]));
  return {
    width,
    height: CHART_HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    scales: { x: { range: () => [fromMs / 1000, toMs / 1000] }, y: { range: () => [0, top] } },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: tick, size: 30, font: '12px system-ui', values: (chart, splits, _, space, step) => splits.map((at) => timeLabel(at, step)) },
      { stroke: ink, grid, ticks: tick, size: 66, font: '12px system-ui', values: (_, splits) => splits.map((split) => format.tick(vital, split)) },
    ],
    series: [
      {},
      { stroke: colour('--accent'), width: 2, points: { show: points.length < 40, size: 5, fill: colour('--accent') } },
      { stroke: null, points: { show: false } },
      { stroke: null, points: { show: false } },
    ],
    bands: band ? [{ series: [3, 2], fill: colour('--band') }] : [],
    cursor: { y: false, points: { size: 8 }, drag: { x: false, y: false } },
    hooks: {
      drawClear: [(chart) => drawFindings(chart, findings, toMs)],
      draw: [(chart) => { drawLimits(chart, shown, limits); drawDeploys(chart, deploys); }],
      setCursor: [(chart) => {
        const index = byTime.get(chart.data[0][chart.cursor.idx]);
        if (index !== undefined) say(index);
      }],
    },
  };
}

function timeLabel(seconds, stepSeconds) {
  const text = new Date(seconds * 1000).toISOString();
  return stepSeconds < 86400 && text.slice(11, 16) !== '00:00' ? text.slice(11, 16) : format.day(seconds * 1000);
}

function drawFindings(chart, findings, toMs) {
  const { ctx, bbox } = chart;
  for (const finding of findings) {
    const left = Math.max(bbox.left, chart.valToPos(finding.change_point_ms / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos((finding.resolved_at_ms || toMs) / 1000, 'x', true));
    if (right <= left) continue;
    ctx.fillStyle = colour(finding.direction === 'improvement' ? '--good-wash' : '--poor-wash');
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
}

function drawLimits(chart, shown, limits) {
  const { ctx, bbox } = chart;
  for (const limit of shown) {
    const y = chart.valToPos(limit, 'y', true);
    line(ctx, colour(limit === limits[0] ? '--good' : '--poor'), [4, 4], [bbox.left, y, bbox.left + bbox.width, y]);
  }
}

function drawDeploys(chart, deploys) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio || 1;
  ctx.font = `${11 * ratio}px system-ui`;
  ctx.fillStyle = colour('--soft');
  ctx.textAlign = 'left';
  let free = -Infinity;
  for (const deploy of deploys) {
    const x = chart.valToPos(deploy.at_ms / 1000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(ctx, colour('--soft'), [2, 3], [x, bbox.top, x, bbox.top + bbox.height]);
    const name = deploy.release.length > 14 ? `${deploy.release.slice(0, 13)}…` : deploy.release;
    const text = ctx.measureText(name).width;
    const left = Math.min(x + 4 * ratio, bbox.left + bbox.width - text);
    if (left > free) {
      ctx.fillText(name, left, bbox.top + 11 * ratio);
      free = left + text + 6 * ratio;
    }
  }
}

function line(ctx, stroke, dash, [fromX, fromY, toX, toY]) {
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio || 1;
  ctx.setLineDash(dash.map((length) => length * (devicePixelRatio || 1)));
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
  ctx.restore();
}

function legend(percentile, band, limits, deploys, findings) {
  const item = (kind, text) => h('span', { class: `key ${kind}` }, text);
  return h('div', { class: 'legend', 'aria-hidden': 'true' }, item('line', `p${percentile}`),
    band && item('band', 'normal range (80 % of baseline)'),
    limits && item('limit', 'good / poor limit'),
    deploys.length > 0 && item('deploy', 'deploy'),
    findings.some((finding) => finding.direction !== 'improvement') && item('regression', 'regression'),
    findings.some((finding) => finding.direction === 'improvement') && item('improvement', 'improvement'));
}

function table(vital, percentile, points, counted, rated) {
  const details = h('details', { class: 'data' }, h('summary', {}, 'Show as a table'));
  // Filled when opened: most people never do, and a page of 170 rows costs.
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    const rows = points.map((point) => h('tr', {}, h('td', {}, format.minute(point.at_ms)), h('td', { class: 'number' }, format.value(vital, point.value)),
      h('td', { class: 'number' }, format.count(point.n)), h('td', { class: 'number' }, point.good === null ? '–' : format.percent(point.good))));
    details.append(h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': `${vital} as a table` }, h('table', {}, h('thead', {}, h('tr', {}, h('th', {}, 'From'), h('th', { class: 'number' }, `p${percentile}`),
      h('th', { class: 'number' }, counted[0].toUpperCase() + counted.slice(1)), h('th', { class: 'number' }, rated))), h('tbody', {}, rows))));
  });
  return details;
}

/** How page views spread over values: the first list as bars in the colours of its ratings, the second as a line over them. */
export function distribution({ vital, bars, reference, limits, names }) {
  const [width, height] = [560, 170];
  if (!bars.length && !reference.length) return h('p', { class: 'empty' }, 'Nothing to show yet.');
  const [from, to] = extent([...bars, ...reference]);
  const scale = (number) => ((Math.log(Math.max(number, from)) - Math.log(from)) / (Math.log(to) - Math.log(from))) * width;
  const inside = (bar) => bar.high > from && bar.low < to;
  // Share per log unit, so that area is share: buckets of INP and FID are wider on the left of a log axis.
  const density = (bar) => bar.share / Math.log(bar.high / Math.max(bar.low, bar.high / 2));
  const peak = Math.max(...[...bars, ...reference].filter(inside).map(density)) * 1.08;
  const y = (bar) => height - (density(bar) / peak) * height;
  const rating = (bar) => {
    const middle = bar.low > 0 ? Math.sqrt(bar.low * bar.high) : bar.high / 2;
    if (!limits) return 'plain';
    return middle > limits[1] ? 'poor' : middle > limits[0] ? 'needs-improvement' : 'good';
  };
  const rects = bars.filter(inside).map((bar) => svg('rect', {
    class: `fill ${rating(bar)}`, x: scale(bar.low).toFixed(1), width: Math.max(0.5, scale(Math.min(bar.high, to)) - scale(bar.low) - 0.6).toFixed(1),
    y: y(bar).toFixed(1), height: (height - y(bar)).toFixed(1),
  }));
  const outline = steps(reference.filter(inside), scale, y, to);
  const ticks = axisTicks(from, to).map((tick) => svg('text', { x: Math.min(Math.max(scale(tick), 14), width - 18).toFixed(1), y: height + 20, 'text-anchor': 'middle' }, format.tick(vital, tick)));
  const marks = (limits || []).filter((limit) => limit > from && limit < to)
    .map((limit) => svg('line', { class: 'limit', x1: scale(limit).toFixed(1), x2: scale(limit).toFixed(1), y1: 0, y2: height }));
  return h('figure', { class: 'distribution' },
    svg('svg', { viewBox: `0 0 ${width} ${height + 26}`, role: 'img', 'aria-label': `Distribution of ${vital}: ${names.join(' against ')}` },
      ...rects, ...marks, svg('path', { class: 'reference', d: outline }), ...ticks),
    h('figcaption', { class: 'legend' }, h('span', { class: limits ? 'key now' : 'key line' }, names[0]), reference.length > 0 && h('span', { class: 'key reference' }, names[1])));
}

/** The middle 99.6 % of the values: far tails would press everything else together. */
function extent(bars) {
  const sorted = bars.filter((bar) => bar.high > 0).sort((left, right) => left.low - right.low);
  const total = sorted.reduce((sum, bar) => sum + bar.share, 0);
  let below = 0;
  let from = 0;
  let to = 0;
  for (const bar of sorted) {
    if (!from && below + bar.share > total * 0.002) from = bar.low > 0 ? bar.low : bar.high / 2;
    below += bar.share;
    to = bar.high;
    if (below >= total * 0.998) break;
  }
  return [from || 1e-4, Math.max(to, from * 1.5, 2e-4)];
}

function steps(bars, scale, y, to) {
  const sorted = [...bars].sort((left, right) => left.low - right.low);
  let path = '';
  sorted.forEach((bar, index) => {
    const joined = index && Math.abs(sorted[index - 1].high - bar.low) < bar.low * 1e-6;
    const [left, right] = [scale(bar.low).toFixed(1), scale(Math.min(bar.high, to)).toFixed(1)];
    path += `${joined ? 'L' : 'M'}${left} ${y(bar).toFixed(1)}L${right} ${y(bar).toFixed(1)}`;
  });
  return path;
}

/** Round values (1, 2, 5 times a power of ten), at most seven of them. */
function axisTicks(from, to) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power += 1) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick >= from && tick <= to) ticks.push(tick);
    }
  }
  const every = Math.ceil(ticks.length / 7);
  return ticks.filter((_, index) => index % every === 0);
}
