// What the page loaded and how busy it was, summed up per page view from its timeline: no request is touched. Bounded: names of types
// come from browsers, hosts and slow addresses are few.

import { address } from './entries.js';
import { life } from './gate.js';
import { operation } from './operations.js';
import { round } from './page.js';
import { scrub } from './route.js';

const MAX_HOSTS = 5;
const MAX_SLOWEST = 5;
/** The part of a task beyond this blocks the page (Total Blocking Time), ms. */
const LONG_TASK = 50;

const add = (sums, name, bytes) => {
  const sum = (sums[name] ||= [0, 0]);
  sum[0]++;
  sum[1] += bytes;
};

/** A resource of a view: into its summary and, if the page's own code asked for it, as an operation. */
export function onResource(view, entry, start) {
  const { name, initiatorType } = entry;
  const bytes = entry.transferSize || 0;
  // Our own beacons are no part of the page.
  if (name.startsWith(life.address)) return;
  const { host, origin, pathname } = new URL(name, location.href);
  const sums = (view.resources = { count: 0, bytes: 0, cached: 0, types: {}, hosts: {}, slowest: [], ...view.resources });
  sums.count++;
  sums.bytes += bytes;
  sums.cached += !bytes && entry.decodedBodySize > 0;
  add(sums.types, initiatorType, bytes);
  if (host != location.host && (sums.hosts[host] || Object.keys(sums.hosts).length < MAX_HOSTS)) add(sums.hosts, host, bytes);
  sums.slowest = [...sums.slowest, [address(name), round(entry.duration)]].sort((a, b) => b[1] - a[1]).slice(0, MAX_SLOWEST);
  if (life.apiTimings !== false && /^(fetch|xml)/.test(initiatorType)) {
    const where = origin == location.origin ? '' : host;
    operation('fetch ' + where + scrub(pathname), entry.duration, entry.responseStatus >= 400 ? 'HTTP ' + entry.responseStatus : undefined, start, { bytes });
  }
}

/** A long task of a view. */
export function onLongTask(view, entry) {
  view.busy.long_tasks++;
  view.busy.blocking_ms = round(view.busy.blocking_ms + entry.duration - LONG_TASK);
}
