// time(): runs the page's function at once, whether or not the agent is there, and records how long it took and the type of the
// error it ended in. Never an error's message.

/**
 * @param {(duration: number, error: string | undefined, begun: number) => void} record
 * @param {() => any} operation may return a promise; then the time runs until that settles
 */
export function time(record, operation) {
  const begun = performance.now();
  const end = (failed, error) =>
    record(performance.now() - begun, failed ? (error && error.name) || typeof error : undefined, begun);
  let result;
  try {
    result = operation();
  } catch (error) {
    end(true, error);
    throw error;
  }
  if (!result || typeof result.then !== 'function') {
    end(false);
    return result;
  }
  // The promise that follows, so that a rejection nobody handles is still reported as such.
  return result.then(
    (value) => (end(false), value),
    (error) => {
      end(true, error);
      throw error;
    },
  );
}
