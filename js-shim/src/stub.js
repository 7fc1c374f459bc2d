// The callable that a page uses before the agent is there: it keeps calls in `.q`, bounded, and runs timed functions at once. The agent
// puts itself in the place of `.q`.

/** Calls kept until the agent takes them over. */
const MAX_CALLS = 500;

/** `stub(method, ...args)`: each call waits in its `q`, which whoever uses it provides, as `[time, method, ...args]`, ms of the document's
 * clock. A page has one. */
export const stub = (method, ...facts) => {
  const begun = performance.now();
  const keep = (...facts) => stub.q[MAX_CALLS - 1] || stub.q.push([begun, method, ...facts]);
  if (method == 'time') {
    // The operation runs now and its result, error or promise goes to the caller; kept are its time and the type of its error, never
    // an error's message.
    const [name, operation] = facts;
    const end = (error) => keep(name, performance.now() - begun, error);
    const fail = (error) => {
      end(error?.name || typeof error);
      throw error;
    };
    const done = (value) => (end(), value);
    try {
      facts = operation();
    } catch (error) {
      fail(error);
    }
    // The promise that follows, so that a rejection nobody handles is still reported as such.
    return facts?.then ? facts.then(done, fail) : done(facts);
  }
  keep(...facts);
};
