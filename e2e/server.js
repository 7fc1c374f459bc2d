// The page server: fixture pages on an origin of their own, images that take their time, a sink for the oracle, and a road to the
// collector that can be made bad. It is a plain node:http server; every test file starts its own.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const MAX_DELAY_MS = 5_000;

/** One 600 x 400 image, drawn here so that no binary file is needed. */
const IMAGE = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><rect width="600" height="400" fill="teal"/></svg>`;

/** Answers of the bad road, by name: what happens to a beacon before, and whether it arrives. */
const ROADS = {
  /** Refuses as a busy server does. */
  'busy': { status: 503, headers: { 'Retry-After': '1' }, forward: false },
  /** Stores it, but the answer never reaches the page: the sender cannot know. */
  'lost-answer': { status: null, headers: {}, forward: true },
};

export async function startPages({ collector }) {
  const told = [];
  const delivered = [];
  const faults = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });

  async function answer(request, response) {
    const url = new URL(request.url, 'http://pages');
    const delay_ms = Math.min(Number(url.searchParams.get('delay_ms') ?? 0), MAX_DELAY_MS);
    if (delay_ms > 0) await new Promise((wake) => setTimeout(wake, delay_ms));
    if (url.pathname === '/oracle') {
      told.push(JSON.parse(await body(request)));
      return response.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end();
    }
    if (url.pathname.startsWith('/road/')) return road(request, response, url);
    if (url.pathname === '/image.svg') {
      return response.writeHead(200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'no-store' }).end(IMAGE);
    }
    if (/^\/[a-z-]+\.html$/.test(url.pathname)) {
      const page = await readFile(new URL(`./fixtures${url.pathname}`, import.meta.url), 'utf8');
      const filled = page
        .replaceAll('{{AGENT}}', `${collector.publicOrigin}/agent.js`)
        .replaceAll('{{SNIPPET}}', await snippet())
        .replaceAll('{{RELEASE}}', (url.searchParams.get('release') ?? 'e2e').replace(/[^\w.-]/g, ''))
        .replaceAll('{{ENDPOINT}}', endpoint(url.searchParams.get('endpoint')));
      return response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(filled);
    }
    return response.writeHead(404).end();
  }

  async function snippet() {
    const response = await fetch(`${collector.publicOrigin}/snippet.js`);
    return response.text();
  }

  /** Where a page's beacons go: straight, over the bad road, or nowhere. */
  function endpoint(name) {
    if (name === 'road') return `${pages.origin}/road`;
    if (name === 'dead') return 'http://127.0.0.1:9';
    return collector.publicOrigin;
  }

  async function road(request, response, url) {
    const cors = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' };
    const sent = await body(request);
    const fault = faults.shift();
    const { status, headers, forward } = ROADS[fault] ?? { status: 204, headers: {}, forward: true };
    if (forward) {
      const arrived = await fetch(`${collector.publicOrigin}${url.pathname.replace('/road', '')}`, {
        method: 'POST', body: sent, headers: { Origin: pages.origin, 'User-Agent': request.headers['user-agent'] },
      });
      if (arrived.status !== 204) throw new Error(`the collector answered ${arrived.status}: ${await arrived.text()}`);
    }
    delivered.push({ fault: fault ?? 'none', beacon: JSON.parse(sent) });
    if (status === null) return request.socket.destroy();
    return response.writeHead(status, { ...cors, ...headers }).end();
  }

  const pages = {
    /** What the oracle said: `{path, name, value, rating, navigationType}`, in order of arrival. */
    told,
    /** Every beacon that took the bad road, with the fault it met. */
    delivered,
    /** Faults that the next beacons on the bad road meet, one each. */
    faults,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  pages.origin = `http://127.0.0.1:${server.address().port}`;
  return pages;
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
