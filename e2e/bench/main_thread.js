// Main-thread time of the agent and its peers: the same visit for each, one after the other in every round, so that whatever else
// the machine does hits all alike. What is compared is each round's ratio, then the median over the rounds.

import { AGENT, NOTHING } from './candidates.js';
import { EVENTS, SHIFTS, traced } from './visit.js';
import { spread } from './spread.js';

const BARS = { vitals: 1.0, suite: 0.25, startup_ms: 10, slice_ms: 5 };
const VITALS = 'web-vitals';

/** @returns {Promise<{rows: Array, bars: Array, raw: object}>} */
export async function mainThread({ browser, site, candidates, runs, say }) {
  const nothing = candidates.find(({ name }) => name === NOTHING);
  const measured = candidates.filter((candidate) => candidate !== nothing);
  // Warms the browser up, and shows that the page does what it promises and that nothing is attributed to nobody.
  const control = await traced(browser, site, nothing);
  checkControl(control);
  const visits = Object.fromEntries(measured.map(({ name }) => [name, []]));
  for (let round = 1; round <= runs; round += 1) {
    for (const candidate of measured) visits[candidate.name].push(await traced(browser, site, candidate));
    say(`main thread: round ${round} of ${runs}`);
  }
  return { rows: measured.map(({ name }) => row(name, visits[name])), bars: bars(visits), raw: { control, visits } };
}

function checkControl({ counts, startup, after }) {
  if (counts.shifts < SHIFTS || counts.events < EVENTS) {
    throw new Error(`the page made ${counts.shifts} layout shifts and ${counts.events} events; ${SHIFTS} and ${EVENTS} are wanted`);
  }
  if (startup.cpu_ms + after.cpu_ms > 1) throw new Error('the trace attributes time to a candidate that is not there');
}

const all = ({ startup, after }) => startup.cpu_ms + after.cpu_ms;
const wall = ({ startup, after }) => startup.wall_ms + after.wall_ms;
const after = (visit) => visit.after.cpu_ms;

function row(name, visits) {
  return {
    name,
    startup_ms: spread(visits.map((visit) => visit.startup.cpu_ms)),
    longest_ms: spread(visits.map((visit) => visit.startup.longest_ms)),
    after_ms: spread(visits.map(after)),
    all_ms: spread(visits.map(all)),
    wall_ms: spread(visits.map(wall)),
    calls: spread(visits.map((visit) => visit.startup.calls + visit.after.calls)),
    sent_bytes: spread(visits.map((visit) => visit.sent_bytes)),
  };
}

function bars(visits) {
  const ours = visits[AGENT];
  const ratio = (to, of) => spread(ours.map((visit, round) => of(visit) / of(visits[to][round])));
  const suites = Object.keys(visits).filter((name) => name !== AGENT && name !== VITALS);
  return [
    { what: `main thread after start-up, of ${VITALS} with attribution`, unit: 'x', most: BARS.vitals, measured: ratio(VITALS, after) },
    ...suites.map((name) => ({ what: `main thread in all, of ${name}`, unit: 'x', most: BARS.suite, measured: ratio(name, all) })),
    { what: 'start-up', unit: 'ms', most: BARS.startup_ms, measured: spread(ours.map((visit) => visit.startup.cpu_ms)) },
    { what: 'longest slice of start-up', unit: 'ms', most: BARS.slice_ms, measured: spread(ours.map((visit) => visit.startup.longest_ms)) },
  ];
}
