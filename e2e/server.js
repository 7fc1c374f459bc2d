// The page server: fixture pages on an origin of their own, images that take their time, an ear for the oracle, and, on another
// origin, the road to the collector. It is a plain node:http server; every test file starts its own.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { head, oracleFor } from './head.js';
import { createSink } from './sink.js';

const MAX_DELAY_MS = 5_000;

/** A photograph, as far as browsers can tell: 300 x 200 pixels of noise. A flat image has too little in it to count for LCP. */
const PHOTO = photograph(300, 200);

/** One 600 x 400 image, drawn here so that no binary file is needed. */
const IMAGE = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><rect width="600" height="400" fill="teal"/></svg>`;

export async function startPages({ collector }) {
  const heard = [];
  const served = [];
  const sink = createSink({ collector });
  const snippetText = await (await fetch(`${collector.publicOrigin}/snippet.js`)).text();

  async function answer(request, response) {
    const url = new URL(request.url, 'http://pages');
    const query = url.searchParams;
    if (url.pathname.startsWith('/road/')) return sink.answer(request, response, url);
    const delay_ms = Math.min(Number(query.get('delay_ms') ?? 0), MAX_DELAY_MS);
    if (delay_ms > 0) await new Promise((wake) => setTimeout(wake, delay_ms));
    const redirects = Number(query.get('redirects') ?? 0);
    if (redirects > 0) {
      query.set('redirects', redirects - 1);
      return response.writeHead(302, { Location: `${url.pathname}?${query}` }).end();
    }
    if (url.pathname === '/oracle') {
      heard.push(JSON.parse(await text(request)));
      return response.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end();
    }
    if (url.pathname === '/oracle.js') return script(response, await oracleFor(query, `${pages.origin}/oracle`));
    if (url.pathname === '/image.svg') {
      return response.writeHead(200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'no-store' }).end(IMAGE);
    }
    if (url.pathname === '/photo.bmp') {
      return response.writeHead(200, { 'Content-Type': 'image/bmp', 'Cache-Control': 'no-store' }).end(PHOTO);
    }
    if (url.pathname.startsWith('/pkg/')) return packed(response, url.pathname);
    const [, fixture] = url.pathname.match(/\/([a-z-]+\.html)$/) ?? [];
    if (fixture) {
      served.push(request.url);
      return page(response, fixture, query);
    }
    return response.writeHead(404).end();
  }

  /** A file of wasm-pack's output, as it leaves it. */
  async function packed(response, pathname) {
    const type = pathname.endsWith('.wasm') ? 'application/wasm' : 'text/javascript; charset=utf-8';
    const file = await readFile(new URL(`../agent-wasm${new URL(pathname, 'http://pages').pathname}`, import.meta.url));
    response.writeHead(200, { 'Content-Type': type }).end(file);
  }

  const script = (response, body) => response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' }).end(body);

  /** A fixture, under whatever path it was asked for. */
  async function page(response, fixture, query) {
    const agent = `${collector.publicOrigin}/agent.js`;
    const markup = head(query, { agent, snippet: `${collector.publicOrigin}/snippet.js`, offline: `${collector.publicOrigin}/offline.js`, snippetText, endpoint: endpoint(query.get('endpoint') ?? 'road') });
    const filled = (await readFile(new URL(`./fixtures/${fixture}`, import.meta.url), 'utf8'))
      .replaceAll('{{HEAD}}', () => markup)
      .replaceAll('{{AGENT}}', agent)
      .replaceAll('{{SNIPPET}}', () => snippetText)
      .replaceAll('{{RELEASE}}', (query.get('release') ?? 'e2e').replace(/[^\w.-]/g, ''))
      .replaceAll('{{ENDPOINT}}', endpoint(query.get('endpoint')))
      .replaceAll('{{ORIGIN}}', pages.origin)
      .replaceAll('{{FOREIGN}}', pages.origin.replace('127.0.0.1', 'localhost'));
    const headers = { 'Content-Type': 'text/html; charset=utf-8' };
    // A policy under which WebAssembly does not compile.
    if (query.has('strict')) headers['Content-Security-Policy'] = `script-src 'unsafe-inline' ${pages.origin} ${collector.publicOrigin}`;
    return response.writeHead(200, headers).end(filled);
  }

  /** Where a page's beacons go: straight, over the road, or nowhere. */
  function endpoint(name) {
    if (name === 'road') return `${pages.roadOrigin}/road`;
    if (name === 'dead') return 'http://127.0.0.1:9';
    return collector.publicOrigin;
  }

  async function listen() {
    const server = createServer((request, response) => {
      answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
    });
    await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
    return { server, origin: `http://127.0.0.1:${server.address().port}` };
  }

  const [main, road] = [await listen(), await listen()];
  const pages = {
    origin: main.origin,
    /** Another origin, as a collector mostly is, so that preflights would show. */
    roadOrigin: road.origin,
    /** The oracle's messages in order of arrival: see `oracle.js`. */
    heard,
    /** Addresses of pages in the order in which they were asked for. */
    served,
    sink,
    async stop() {
      for (const { server } of [main, road]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
  sink.origin = pages.origin;
  return pages;
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** A Windows bitmap of 24 bits a pixel, which needs no compressor. */
function photograph(width, height) {
  const header_bytes = 54;
  const bitmap = Buffer.alloc(header_bytes + width * height * 3);
  bitmap.write('BM');
  bitmap.writeUInt32LE(bitmap.length, 2);
  bitmap.writeUInt32LE(header_bytes, 10);
  bitmap.writeUInt32LE(40, 14);
  bitmap.writeInt32LE(width, 18);
  bitmap.writeInt32LE(height, 22);
  bitmap.writeUInt16LE(1, 26);
  bitmap.writeUInt16LE(24, 28);
  for (let at = header_bytes, noise = 1; at < bitmap.length; at++) {
    noise = (Math.imul(noise, 1103515245) + 12345) >>> 0;
    bitmap[at] = noise >>> 24;
  }
  return bitmap;
}
