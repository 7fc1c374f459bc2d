// The synthetic history with known truth, imported and judged as a user would; and page views with what it has not: operations,
// milestones, hostile names. Not here: what a test expects of them.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, until } from './harness.js';

const run = promisify(execFile);
/** Page views of `addVisits`, one every five minutes. */
export const VISITS = 90;
/** What strangers write into routes, releases and elements. */
export const HOSTILE = {
  script: `"><script>window.ran = true</script>`,
  image: `/<img src=x onerror="window.ran = true">`,
  link: 'javascript:window.ran=true',
  /** Without a place to break it. */
  long: `/${'W'.repeat(180)}`,
};

/** Loads 45 days of the shop and lets the detector judge them. Answers what is known to be in them. */
export async function seedHistory(collector) {
  const folder = await mkdtemp(join(tmpdir(), 'vitalscope-seed-'));
  const file = join(folder, 'seed.ndjson');
  const { stdout } = await run('cargo', ['xtask', 'seed', file], { cwd: root });
  const seed = JSON.parse(stdout);
  await collector.command('import', file);
  await collector.command('detect', '--since', seed.judge_since);
  await rm(folder, { recursive: true });
  return seed;
}

/** Sends beacons to the public listener, as anybody can: one NDJSON request. */
async function send(collector, app, beacons) {
  const response = await fetch(`${collector.publicOrigin}/v1/views/${app}`, {
    method: 'POST', headers: { 'content-type': 'application/x-ndjson', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36' },
    body: beacons.map((beacon) => JSON.stringify(beacon)).join('\n'),
  });
  if (response.status !== 204) throw new Error(`${response.status}: ${await response.text()}`);
}

const identity = (at_ms) => ({ v: 1, view: crypto.randomUUID(), seq: 0, session: crypto.randomUUID().slice(0, 16), sent: at_ms + 5_000, start: at_ms });

/** Imports page views of the shop within the last hours, with all that a page can tell; done when the rollups have them. */
export async function addVisits(collector) {
  const now_ms = Date.now();
  const lines = Array.from({ length: VISITS }, (_, i) => {
    const lcp = 1_400 + (i % 30) * 90;
    const [size, isHit] = [1 + (i % 9), i % 3 === 0];
    return {
      app: 'shop', browser: i % 4 ? 'Chrome 156' : 'Firefox 153', os: 'Android', country: i % 3 ? 'DE' : 'US',
      ...identity(now_ms - (i + 1) * 300_000), nav: 'navigate', path: '/account', route: '/account', release: '1.4.2', env: 'production',
      context: {
        device: i % 3 ? 'mobile' : 'desktop', connection: '4g', delivery: 'network', interactions: 2, interactions_seen: 2, sample_rate: 1, long_tasks: 2, blocking_ms: 90,
        timing: { dns_start_ms: 3, dns_end_ms: 15, connect_start_ms: 15, tls_start_ms: 24, connect_end_ms: 52, request_ms: 53, response_end_ms: 330, dom_interactive_ms: 640, dom_content_loaded_ms: 810, load_ms: lcp + 250, first_paint_ms: 900 },
        resources: { count: 24, bytes: 612_000 },
      },
      m: [
        { n: 'TTFB', v: 210, a: { waiting_ms: 3, dns_ms: 12, connection_ms: 37, request_ms: 158 } },
        { n: 'FCP', v: 905, a: { ttfb_ms: 210, render_ms: 695 } },
        { n: 'LCP', v: lcp, a: { element: 'main > img.hero', url: 'https://shop.example/images/hero.webp', ttfb_ms: 210, load_delay_ms: 240, load_ms: lcp - 900, render_delay_ms: 450 } },
        { n: 'INP', v: 80 + (i % 20) * 16, a: { type: 'click', at_ms: 4_200, input_delay_ms: 16, processing_ms: 48 + (i % 20) * 16, presentation_ms: 16, element: 'button.details', script: 'https://shop.example/account.js', script_ms: 40, load_state: 'complete' } },
        { n: 'CLS', v: (i % 12) / 100, a: { shift: (i % 12) / 150, shift_at_ms: 1_300, element: 'div.banner', load_state: 'complete' } },
        { n: 'MEMORY', v: 24e6 + i * 1e5, a: { source: 'used-js-heap', age_ms: 60_000 } },
      ],
      ops: [
        { n: 'fetch /api/orders', v: (isHit ? 30 : 150) + size * 22 + (i % 5) * 7, ok: i % 15 !== 0, ...(i % 15 === 0 && { error: 'HTTP 503' }), at: 700, input_size: size, memory_bytes: 2e5 + size * 4e4, detail: { cache: isHit ? 'hit' : 'miss' } },
        { n: 'render orders', v: 8 + size * 3, ok: true, at: 1_000, input_size: size },
      ],
      self: { main_ms: 2.4, bytes: 900, entries_dropped: 0 },
    };
  });
  const folder = await mkdtemp(join(tmpdir(), 'vitalscope-visits-'));
  const file = join(folder, 'visits.ndjson');
  await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  await collector.command('import', file);
  await rm(folder, { recursive: true });
  await rolledUp(collector, `app = 'shop' AND kind = 'operation' AND vital = 'fetch /api/orders'`, VISITS);
}

/** Page views of an app of its own whose names are an attack, or merely far too long. */
export async function addHostile(collector, app = 'hostile', count = 60) {
  const { script, image, link, long } = HOSTILE;
  await send(collector, app, Array.from({ length: count }, (_, i) => ({
    ...identity(Date.now() - 60_000 - i * 1_000), session: script, path: image, route: i % 2 ? image : long, release: i % 3 ? script : long.slice(1, 100), env: link,
    m: [{ n: 'LCP', v: 2_000, a: { element: i % 2 ? image : long, url: link } }, { n: 'INP', v: 300, a: { element: script } }, { n: 'CLS', v: 0.2, a: { element: image } }],
    ops: [{ n: script, v: 10, ok: false, error: image, detail: { [link]: script } }, { n: long, v: 20 }],
  })));
  await rolledUp(collector, `app = '${app}' AND kind = 'vital' AND vital = 'LCP' AND route != '*'`, count);
}

async function rolledUp(collector, where, count) {
  await until(`rollups of ${where}`, async () => {
    const [row] = await collector.query(`SELECT sum(n) AS n FROM vitalscope.rollups WHERE ${where}`);
    return Number(row.n) >= count;
  }, 60_000);
}
