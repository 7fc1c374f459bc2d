// The sink: takes beacons as the collector's door does, keeps what they say, and passes every one on unchanged, so that the real
// decoder judges it. A fault can be ordered for the next beacons. Not here: comparing what they say with anything.

import { gunzipSync } from 'node:zlib';

const GZIP_MAGIC = [0x1f, 0x8b];

/** What happens to a beacon, by name of the fault: the answer, and whether it arrives. */
const FAULTS = {
  none: { status: 204, forward: true },
  /** Refuses as a busy server does. */
  busy: { status: 503, headers: { 'Retry-After': '1' }, forward: false },
  /** Stores it, but the answer never reaches the page: the sender cannot know. */
  'lost-answer': { status: null, forward: true },
  'too-large': { status: 413, forward: false },
  malformed: { status: 400, forward: false },
  'unknown-app': { status: 401, forward: false },
  'foreign-origin': { status: 403, forward: false },
};

export function createSink({ collector }) {
  const sink = {
    /** Every beacon in order of arrival: `{fault, beacon, text, url, type, packed, at}`. */
    delivered: [],
    /** Faults that the next beacons of a release meet, one each, by release. */
    faults: {},
    /** Preflights: there must be none. */
    preflights: [],
    /** What the collector did not take. */
    complaints: [],
    origin: '',

    /** Answers one request below `/road`, or under a prefix of its own. */
    async answer(request, response, url) {
      const cors = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' };
      if (request.method === 'OPTIONS') {
        sink.preflights.push(url.pathname);
        return response.writeHead(204, { ...cors, 'Access-Control-Allow-Methods': 'POST', 'Access-Control-Allow-Headers': 'content-type' }).end();
      }
      const body = await bytes(request);
      const { text, packed } = decode(body, url);
      const beacon = JSON.parse(text);
      const fault = sink.faults[beacon.release]?.shift() ?? 'none';
      const { status, headers, forward } = FAULTS[fault];
      // At once: the collector's answer takes its time.
      sink.delivered.push({ fault, beacon, text, url: url.pathname + url.search, type: request.headers['content-type'] ?? '', packed, at: Date.now() });
      if (forward) await pass(body, request, url);
      if (status === null) return request.socket.destroy();
      return response.writeHead(status, { ...cors, ...headers }).end();
    },

    deliveredOf: (release) => sink.delivered.filter(({ beacon }) => beacon.release === release),
    beaconsOf: (release) => sink.deliveredOf(release).map(({ beacon }) => beacon),

    /** What is known of each page view of a release, oldest first, merged as the store merges: the newest `seq` of each vital wins. */
    viewsOf(release) {
      const views = new Map();
      const arrived = sink.deliveredOf(release).filter((one) => FAULTS[one.fault].forward);
      for (const { beacon } of arrived) {
        const view = views.get(beacon.view) ?? { id: beacon.view, start: beacon.start, seq: -1, vitals: {}, hasRaw: false, beacon_count: 0 };
        views.set(beacon.view, view);
        view.beacon_count++;
        if (beacon.raw) view.hasRaw = true;
        if (beacon.seq >= view.seq) Object.assign(view, { seq: beacon.seq, nav: beacon.nav ?? 'navigate', path: beacon.path, route: beacon.route ?? beacon.path, context: beacon.context });
        for (const { n, v, a } of beacon.m ?? []) {
          if (!view.vitals[n] || view.vitals[n].seq < beacon.seq) view.vitals[n] = { value: v, attribution: a, seq: beacon.seq };
        }
      }
      return [...views.values()].sort((a, b) => a.start - b.start);
    },
  };

  async function pass(body, request, url) {
    const headers = { Origin: sink.origin, 'User-Agent': request.headers['user-agent'] };
    if (request.headers['content-type']) headers['Content-Type'] = request.headers['content-type'];
    const address = `${collector.publicOrigin}${url.pathname.replace('/road', '')}${url.search}`;
    const arrived = await fetch(address, { method: 'POST', body, headers });
    if (![200, 204].includes(arrived.status)) sink.complaints.push(`${arrived.status} ${await arrived.text()} for ${body.subarray(0, 300)}`);
  }

  return sink;
}

async function bytes(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A beacon is JSON, gzipped if its address or its first bytes say so. */
function decode(body, url) {
  const packed = url.searchParams.get('enc') === 'gzip' || GZIP_MAGIC.every((byte, at) => body[at] === byte);
  return { text: (packed ? gunzipSync(body) : body).toString('utf8'), packed };
}
