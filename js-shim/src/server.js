// The package on a server: the same names, nothing to measure.

const nothing = () => {};
const handle = {
  setRoute: nothing,
  setContext: nothing,
  measure: nothing,
  time: (_name, operation) => operation(),
  flush: nothing,
  setConsent: nothing,
  stop: nothing,
};

export function start() {
  return handle;
}
