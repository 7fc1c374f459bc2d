// Who a page view belongs to: ids of views and visits, and the sampling decision that follows from a visit's id alone. Shared with
// the shim, which names the first view of a document before the agent is there.

/** A visit ends after this much time without a page view, ms. */
export const IDLE = 30 * 60e3;
/** A visit never lasts longer, ms. */
export const LONGEST = 4 * 60 * 60e3;
export const KEY = 'vitalscope';

/** A UUID of version 4, unguessable; `crypto.randomUUID` is missing on plain http. */
export const uuid = () =>
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );

/** The visit `[id, begun, seen]` as stored, if it still runs at `clock`; else the one that the view's id begins. */
export function visit(stored, view, clock) {
  const [id, begun, seen] = (stored || '').split(' ');
  return /^[\da-f]{16}$/.test(id) && clock - begun < LONGEST && clock - seen < IDLE && clock >= begun
    ? [id, +begun]
    : [view.replace(/-/g, '').slice(0, 16), clock];
}

/** The id is random, so its first 32 bits as a fraction of their range are the visit's lot: the same on every page, for anyone. */
export const isSampled = (id, rate) => parseInt(id.slice(0, 8), 16) < rate * 2 ** 32;
