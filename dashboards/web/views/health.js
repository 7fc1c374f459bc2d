// Can the data be trusted right now: what arrives, what was refused and why, what waits, how old the newest answer is.

import { h } from '../dom.js';
import * as format from '../format.js';
import { facts } from './parts.js';

export async function health(context) {
  const [found, counters] = await Promise.all([context.api.health(context.signal), context.api.metrics(context.signal)]);
  const value = (name) => counters.find((counter) => counter.name === `vitalscope_${name}`)?.value;
  const shown = (name) => (value(name) === undefined ? '–' : format.count(value(name)));
  const { stored, spool } = found;
  const age = (ms) => (ms ? format.ago(ms, found.now_ms) : 'none yet');
  const rejected = counters.filter((counter) => counter.name === 'vitalscope_beacons_rejected_total' && counter.value > 0);
  const refused = counters.filter((counter) => counter.name === 'vitalscope_measurements_rejected_total' && counter.value > 0);
  const alarms = value('alarm_episodes_per_1000_series_days');
  const good = stored && spool.accepting;
  return [
    h('div', { class: 'page-head' }, h('h1', {}, 'Health'), h('p', { class: 'soft' }, `Vitalscope ${found.version}`)),
    h('section', { class: `assessment ${good ? 'good' : 'poor'}` }, h('span', { class: 'badge', 'aria-hidden': 'true' }, good ? '✓' : '!'),
      h('div', {}, h('h2', {}, good ? 'Beacons are taken and stored' : spool.accepting ? 'ClickHouse does not answer' : 'Beacons are refused'),
        h('p', {}, good ? 'Nothing needs attention.' : spool.accepting ? 'Beacons are safe in the spool and will be stored when it is back.' : 'The spool is full or its disk fails; the log has the reason.'))),
    h('div', { class: 'columns' },
      h('section', { class: 'panel' }, h('h2', {}, 'Beacons since the start'), facts([
        ['Received', shown('beacons_received_total')], ['Stored', shown('beacons_stored_total')], ['Waiting in the spool', shown('beacons_spooled')], ['In flight', shown('beacons_in_flight')],
        ['Rejected', rejected.length ? rejected.map((counter) => h('div', {}, `${reason(counter)}: ${format.count(counter.value)}`)) : 'none'],
        ['Measurements refused', refused.length ? refused.map((counter) => h('div', {}, `${reason(counter)}: ${format.count(counter.value)}`)) : 'none'],
      ])),
      h('section', { class: 'panel' }, h('h2', {}, 'Delay'), facts([
        ['Spool', `${format.bytes(spool.bytes)} on disk, ${value('beacons_spooled') > 0 ? `oldest ${spool.oldest_age_s.toFixed(1)} s` : 'nothing waits'}`],
        ['Newest minute with page views', stored ? age(stored.last_minute_at_ms) : '–'],
        ['Newest hour with page views', stored ? age(stored.last_hour_at_ms) : '–'],
        ['Last evaluation', stored ? age(stored.last_evaluation_at_ms) : '–'],
        ['Alarms, true ones included', alarms === undefined || Number.isNaN(alarms) ? 'none judged yet' : `${alarms.toFixed(2)} per 1,000 series-days`],
        ['False alarms on normal days', falseAlarms(found.false_alarms)],
        ['ClickHouse', stored ? stored.clickhouse_version : 'does not answer'],
      ]))),
  ];
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

const reason = (counter) => /"(.*)"/.exec(counter.labels)?.[1] || counter.labels;
