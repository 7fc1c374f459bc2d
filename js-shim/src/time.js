// time(): runs the page's function at once, whether or not the agent is there, and records how long it took and the type of the
// error it ended in. Never an error's message.

/**
 * @param {(duration: number, error: string | undefined, begun: number) => void} record
 * @param {() => any} operation may return a promise; then the time runs until that settles
 */
export function time(record, operation) {
  const begun = performance.now();
  const end = (error) => record(performance.now() - begun, error, begun);
  const fail = (error) => {
    end(error?.name || typeof error);
    throw error;
  };
  let result;
  try {
    result = operation();
  } catch (error) {
    fail(error);
  }
  if (typeof result?.then == 'function') {
    // The promise that follows, so that a rejection nobody handles is still reported as such.
    return result.then((value) => (end(), value), fail);
  }
  end();
  return result;
}
