// One WebSocket that speaks numbered commands and events, as both the DevTools protocol and WebDriver BiDi do. Nothing of either
// protocol is known here.

import { once } from 'node:events';
import { WebSocket } from 'ws';

const ANSWER_TIMEOUT_MS = 30_000;

export async function connect(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false, maxPayload: 256 << 20 });
  await once(socket, 'open');
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    const settle = waiting.get(message.id);
    waiting.delete(message.id);
    if (settle) settle(message);
    else for (const listener of listeners) listener(message);
  });
  return {
    /** Sends a command and gives its result; what the other side refuses is an error with the command's name. */
    send(method, params = {}, extra = {}) {
      const id = ++last;
      socket.send(JSON.stringify({ id, method, params, ...extra }));
      return new Promise((done, fail) => {
        const late = setTimeout(() => {
          waiting.delete(id);
          fail(new Error(`${method}: no answer`));
        }, ANSWER_TIMEOUT_MS);
        waiting.set(id, ({ result, error, message }) => {
          clearTimeout(late);
          if (error) fail(new Error(`${method}: ${error.message ?? `${error} ${message}`}`));
          else done(result);
        });
      });
    },
    /** Hears events as they come: `{method, params, sessionId?}`. Returns how to stop. */
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => socket.close(),
  };
}
