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
  const { name, initiatorType, transferSize: bytes = 0, duration, responseStatus } = entry;
  // Our own beacons are no part of the page.
  if (name.startsWith(life.address)) return;
  const { count = 0, bytes: total = 0, cached = 0, types = {}, hosts = {}, slowest = [] } = view.resources || {};
  const { host, origin, pathname } = new URL(name, location.href);
  add(types, initiatorType, bytes);
  if (host != location.host && (hosts[host] || Object.keys(hosts).length < MAX_HOSTS)) add(hosts, host, bytes);
  view.resources = {
    count: count + 1,
    bytes: total + bytes,
    cached: cached + (!bytes && entry.decodedBodySize > 0),
    types,
    hosts,
    slowest: [...slowest, [address(name), round(duration)]].sort((a, b) => b[1] - a[1]).slice(0, MAX_SLOWEST),
  };
  if (life.apiTimings !== false && /^(fetch|xml)/.test(initiatorType)) {
    const where = origin == location.origin ? '' : host;
    operation('fetch ' + where + scrub(pathname), duration, responseStatus >= 400 ? 'HTTP ' + responseStatus : undefined, start, { bytes });
  }
}

/** A long task of a view. */
export function onLongTask({ busy }, { duration }) {
  busy.long_tasks++;
  busy.blocking_ms = round(busy.blocking_ms + duration - LONG_TASK);
}
