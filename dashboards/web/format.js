// How values are written for people. One place, so that a number looks the same in a tile, a table and a chart.

export const VITALS = {
  LCP: 'Largest Contentful Paint',
  INP: 'Interaction to Next Paint',
  CLS: 'Cumulative Layout Shift',
  FCP: 'First Contentful Paint',
  TTFB: 'Time To First Byte',
  FID: 'First Input Delay',
  MEMORY: 'JavaScript heap',
};
/** The order in which people read them: the three that are judged come first. */
export const VITAL_ORDER = Object.keys(VITALS);
/** What is judged besides. */
export const JUDGED = [...VITAL_ORDER, 'MEMORY_GROWTH'];
export const CORE = ['LCP', 'INP', 'CLS'];
export const RANGES = { '1h': '1 hour', '24h': '24 h', '7d': '7 days', '14d': '14 days', '28d': '28 days', '90d': '90 days', '365d': '1 year', '730d': '2 years' };
export const RATINGS = { good: 'Good', 'needs-improvement': 'Needs improvement', poor: 'Poor' };

export function value(vital, number) {
  if (number === null || number === undefined || !Number.isFinite(number)) return '–';
  if (vital === 'CLS') return number.toFixed(number < 0.0995 ? 3 : 2);
  if (vital === 'MEMORY') return `${(number / 1e6).toFixed(number < 9.95e6 ? 1 : 0)} MB`;
  // Bytes a minute; an hour of it is what people can picture.
  if (vital === 'MEMORY_GROWTH') return `${number < 0 ? '−' : '+'}${Math.abs((number * 60) / 1e6).toFixed(1)} MB/h`;
  return number < 999.5 ? `${Math.round(number)} ms` : `${(number / 1000).toFixed(number < 9995 ? 2 : 1)} s`;
}

/** A round number on an axis: without digits that say nothing. */
export function tick(vital, number) {
  return number === 0 ? '0' : value(vital, number).replace(/(\.\d*?)0+(?=\s|$)/, '$1').replace(/\.(?=\s|$)/, '');
}

export const count = (number) => new Intl.NumberFormat('en').format(number);
export const compact = (number) => new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(number);
export function percent(ratio) {
  if (ratio > 0 && ratio < 0.01) return '<1 %';
  return ratio < 1 && ratio > 0.99 ? '>99 %' : `${Math.round(ratio * 100)} %`;
}

/** 1.32 -> "+32 %", 0.8 -> "−20 %". */
export function change(ratio) {
  const delta = Math.round((ratio - 1) * 100);
  return `${delta < 0 ? '−' : '+'}${Math.abs(delta)} %`;
}

const utc = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const DAY = utc({ day: 'numeric', month: 'short' });
const TIME = utc({ hour: '2-digit', minute: '2-digit' });
const MINUTE = utc({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
/** The year is said where it is not this one. */
const year = (ms) => (new Date(ms).getUTCFullYear() === new Date().getUTCFullYear() ? '' : ` ${new Date(ms).getUTCFullYear()}`);
export const day = (ms) => DAY.format(new Date(ms)) + year(ms);
export const minute = (ms) => (year(ms) ? `${day(ms)}, ${TIME.format(new Date(ms))} UTC` : `${MINUTE.format(new Date(ms))} UTC`);

export function ago(ms, nowMs) {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function bytes(number) {
  if (number < 1000) return `${number} B`;
  if (number < 1e6) return `${(number / 1e3).toFixed(1)} kB`;
  return number < 1e9 ? `${(number / 1e6).toFixed(1)} MB` : `${(number / 1e9).toFixed(1)} GB`;
}

const RAISED = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' };

export function probability(p) {
  if (p >= 0.001) return p.toFixed(3);
  if (!(p > 0)) return '< 10⁻³⁰⁰';
  const [digits, exponent] = p.toExponential(0).split('e');
  return `${digits} × 10${[...String(Number(exponent))].map((sign) => RAISED[sign]).join('')}`;
}
