// The site that is measured: one page per candidate, its script, and a sink that takes whatever a candidate sends and remembers
// how many bytes it was. One origin on loopback. Not here: what the page does (page/work.js), or what is measured.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** One image, drawn here so that no binary file is needed. */
const IMAGE = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300"><rect width="600" height="300" fill="teal"/></svg>`;

/**
 * @param {Array} candidates each with `name`, `script` (text) and `tags(base)`, the HTML that brings it into the page
 */
export async function openSite(candidates) {
  const received = [];
  const html = await readFile(join(import.meta.dirname, 'page/index.html'), 'utf8');
  const work = await readFile(join(import.meta.dirname, 'page/work.js'), 'utf8');
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });

  async function answer(request, response) {
    const url = new URL(request.url, 'http://site');
    const [, first, second] = url.pathname.split('/');
    const give = (type, text) => response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
    if (first === 'sink') {
      const bytes = await bodyBytes(request);
      received.push({ candidate: second, path: url.pathname, bytes, at_ms: Date.now() });
      return second === 'vitalscope' ? response.writeHead(204).end() : give('application/json', '{}');
    }
    if (first === 'work.js') return give('text/javascript', work);
    if (first === 'image.svg') return give('image/svg+xml', IMAGE);
    if (first === 'away') return give('text/html', '<!doctype html><title>Away</title>');
    const candidate = candidates.find(({ name }) => name === first);
    if (!candidate) return response.writeHead(404).end();
    if (second === 'script.js') return give('text/javascript; charset=utf-8', candidate.script);
    return give('text/html; charset=utf-8', html.replace('{{CANDIDATE}}', () => candidate.tags(`/${first}`, url.searchParams)));
  }

  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Every body that arrived: `{candidate, path, bytes, at_ms}`, bytes as they were on the wire. */
    received,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function bodyBytes(request) {
  let bytes = 0;
  for await (const chunk of request) bytes += chunk.length;
  return bytes;
}
