// The package on a server: the same names, nothing to measure. Also in the place of wasm-pack's module, whose functions stand alone and
// whose default export brings the WebAssembly.

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

export const start = () => handle;
export const { setRoute, setContext, measure, flush, setConsent, stop } = handle;
export default async function init() {}
