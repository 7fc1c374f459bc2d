// Can the data be trusted right now: what arrives, what was refused and why, what waits, how old the newest answer is.

import { h } from '../dom.js';
import * as format from '../format.js';
import { panel, table } from '../table.js';
import { facts, figures } from './parts.js';

const TOP_TABLES = 12;

export async function health(context) {
  const [found, counters] = await Promise.all([context.api.health(context.signal), context.api.metrics(context.signal)]);
  const raw = (name) => counters.find((counter) => counter.name === name)?.value;
  const value = (name) => raw(`vitalscope_${name}`);
  const shown = (name) => (value(name) === undefined ? '–' : format.count(value(name)));
  const { stored, spool } = found;
  const age = (ms) => (ms ? format.ago(ms, found.now_ms) : 'none yet');
  const refused = counters.filter((counter) => counter.name === 'vitalscope_measurements_rejected_total' && counter.value > 0);
  const rejected = reasons(counters);
  const alarms = value('alarm_episodes_per_1000_series_days');
  const state = standing(found);
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Health'), h('p', { class: 'soft' }, `Vitalscope ${found.version}`)),
    h('section', { class: `assessment ${state.good ? 'good' : 'poor'}` }, h('span', { class: 'badge', 'aria-hidden': 'true' }, state.good ? '✓' : '!'),
      h('div', {}, h('h2', {}, state.title), h('p', {}, state.text))),
    h('div', { class: 'columns' },
      panel('Beacons since the start', null, facts([
        ['Received', shown('beacons_received_total')], ['Stored', shown('beacons_stored_total')], ['Waiting in the spool', shown('beacons_spooled')], ['In flight', shown('beacons_in_flight')],
        ['Rejected', rejected.length ? rejected.map(([reason, count]) => h('div', {}, `${reason}: ${format.count(count)}`)) : 'none'],
        ['Measurements refused', refused.length ? refused.map((counter) => h('div', {}, `${label(counter)}: ${format.count(counter.value)}`)) : 'none'],
        ['Now', pace(found.traffic)],
      ])),
      panel('Delay', null, facts([
        ['Spool', `${format.bytes(spool.bytes)} on disk, ${value('beacons_spooled') > 0 ? `oldest ${spool.oldest_age_s.toFixed(1)} s` : 'nothing waits'}`],
        ['Newest minute with page views', stored ? age(stored.last_minute_at_ms) : '–'],
        ['Newest hour with page views', stored ? age(stored.last_hour_at_ms) : '–'],
        ['Last evaluation', stored ? age(stored.last_evaluation_at_ms) : '–'],
        ['Alarms, true ones included', alarms === undefined || Number.isNaN(alarms) ? 'none judged yet' : `${alarms.toFixed(2)} per 1,000 series-days`],
        ['False alarms on normal days', falseAlarms(found.false_alarms)],
        ['ClickHouse', stored ? stored.clickhouse_version : 'does not answer'],
      ])),
      panel('Resources of the collector', null, facts([
        ['Memory', raw('process_resident_memory_bytes') === undefined ? '–' : format.bytes(raw('process_resident_memory_bytes'))],
        ['Processor time', raw('process_cpu_seconds_total') === undefined ? '–' : cpu(raw('process_cpu_seconds_total'), raw('process_start_time_seconds'), found.now_ms)],
        ['Free on the spool\u2019s disk', value('disk_free_bytes') === undefined ? '–' : format.bytes(value('disk_free_bytes'))],
        ['Open files', raw('process_open_fds') === undefined ? '–' : format.count(raw('process_open_fds'))],
      ])),
      tables(counters)),
  ];
}

/** The same in one line of figures, for the overview. */
export function strip(context, found) {
  const { stored, spool, traffic } = found;
  const age = (ms) => (ms ? format.ago(ms, found.now_ms) : 'none yet');
  const { good, title } = standing(found);
  const measured = found.false_alarms;
  const rate = measured && measured.per_1000_series_days !== null;
  return panel('Can this be trusted', h('a', { href: context.address({ view: 'health' }) }, 'Health'), figures([
    ['State', good ? '✓ taking and storing' : `! ${title}`, good ? 'beacons are taken and stored' : 'see Health', good ? 'improvement' : 'regression'],
    ['Beacons', `${perSecond(traffic.received_per_s)}/s`, traffic.rejected_per_s > 0 ? `${perSecond(traffic.rejected_per_s)}/s refused` : 'none refused'],
    ['Spool', format.bytes(spool.bytes), spool.oldest_age_s > 0.05 ? `oldest waits ${spool.oldest_age_s.toFixed(1)} s` : 'nothing waits'],
    ['Newest page view', stored ? age(stored.last_minute_at_ms || stored.last_hour_at_ms) : '–', 'in ClickHouse'],
    ['Last evaluation', stored ? age(stored.last_evaluation_at_ms) : '–', 'of all series'],
    ['False alarms', rate ? measured.per_1000_series_days.toFixed(2) : 'not measured yet', rate ? `per 1,000 series-days; ${measured.target_per_1000} is promised` : 'takes four weeks of history'],
  ], 'verdict flat six'));
}

function standing({ stored, spool }) {
  if (stored && spool.accepting) return { good: true, title: 'Beacons are taken and stored', text: 'Nothing needs attention.' };
  return spool.accepting
    ? { good: false, title: 'ClickHouse does not answer', text: 'Beacons are safe in the spool and will be stored when it is back.' }
    : { good: false, title: 'Beacons are refused', text: 'The spool is full or its disk fails; the log has the reason.' };
}

const perSecond = (rate) => (rate >= 10 ? format.count(Math.round(rate)) : rate.toFixed(1));
const pace = (traffic) => `${perSecond(traffic.received_per_s)} a second, ${perSecond(traffic.rejected_per_s)} of them refused`;
const label = (counter) => /"(.*)"/.exec(counter.labels)?.[1] || counter.labels;

function reasons(counters) {
  return counters.filter((counter) => counter.name === 'vitalscope_beacons_rejected_total' && counter.value > 0).map((counter) => [label(counter), counter.value]);
}

function cpu(seconds, startSeconds, nowMs) {
  const share = startSeconds ? seconds / Math.max(1, nowMs / 1000 - startSeconds) : 0;
  return `${seconds.toFixed(0)} s, ${format.percent(share)} of one core since the start`;
}

/** What takes the space on ClickHouse's disk. */
function tables(counters) {
  const sizes = counters.filter((counter) => counter.name === 'vitalscope_clickhouse_table_bytes').sort((left, right) => right.value - left.value);
  const rows = (name) => counters.find((counter) => counter.name === 'vitalscope_clickhouse_table_rows' && label(counter) === name)?.value;
  if (!sizes.length) return null;
  return panel('Stored in ClickHouse', null, table({ label: 'Tables', rows: sizes.slice(0, TOP_TABLES), columns: [
    { name: 'Table', kind: 'wide', cell: (size) => label(size) },
    { name: 'Rows', kind: 'number', cell: (size) => (rows(label(size)) === undefined ? '–' : format.count(rows(label(size)))) },
    { name: 'On disk', kind: 'number', cell: (size) => format.bytes(size.value) },
  ] }));
}

/** The promise, as measured on this installation's own past. */
function falseAlarms(measured) {
  if (!measured || measured.per_1000_series_days === null) return 'not measured yet: that takes four weeks of history';
  const [rate, low, high] = [measured.per_1000_series_days, measured.low_per_1000, measured.high_per_1000].map((value) => value.toFixed(2));
  const said = `${rate} per 1,000 series-days (${low} to ${high}), ${measured.alarms} in ${format.count(Math.round(measured.series_days))}; at most ${measured.target_per_1000} is promised`;
  return measured.looks > measured.usual_looks
    ? [said, h('div', {}, `Too many at times: each look costs ${(measured.looks / measured.usual_looks).toFixed(1)} times as much, so smaller changes are found later.`)]
    : said;
}
