// Makes WebAssembly's memory visible: before any script of the page runs, what is compiled there gets one more export, its memory.
// An agent that only passes numbers exports none, and memory can grow only where it cannot be seen. Only pages whose memory is
// measured have this, none whose time is.

(() => {
  const NAME = 'bench_memory';
  const EXPORTS = 7;
  const MEMORY = 2;
  const memories = [];

  const leb = (number) => (number < 128 ? [number] : [(number & 127) | 128, ...leb(number >>> 7)]);
  const readLeb = (bytes, at) => {
    let number = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      number |= (byte & 127) << shift;
      if (byte < 128) return { number, at };
    }
  };

  /** The module with its first memory exported under our name. */
  const opened = (source) => {
    const bytes = new Uint8Array(source.buffer || source, source.byteOffset || 0, source.byteLength);
    for (let at = 8; at < bytes.length; ) {
      const size = readLeb(bytes, at + 1);
      const end = size.at + size.number;
      if (bytes[at] === EXPORTS) {
        const count = readLeb(bytes, size.at);
        const added = [NAME.length, ...new TextEncoder().encode(NAME), MEMORY, 0];
        const body = [...leb(count.number + 1), ...bytes.subarray(count.at, end), ...added];
        return new Uint8Array([...bytes.subarray(0, at), EXPORTS, ...leb(body.length), ...body, ...bytes.subarray(end)]);
      }
      at = end;
    }
    return bytes;
  };
  const keep = (instance) => {
    const memory = instance.exports[NAME];
    if (memory) memories.push(memory);
    return instance;
  };

  const { Module, Instance, compile, instantiate } = WebAssembly;
  const isModule = (source) => source instanceof Module;
  const kept = (made) => made.then((result) => (keep(result.instance || result), result));
  WebAssembly.Module = new Proxy(Module, { construct: (target, [source]) => new target(opened(source)) });
  WebAssembly.Instance = new Proxy(Instance, { construct: (target, args) => keep(new target(...args)) });
  WebAssembly.compile = (source) => compile(opened(source));
  WebAssembly.instantiate = (source, imports) => kept(instantiate(isModule(source) ? source : opened(source), imports));
  WebAssembly.compileStreaming = async (source) => WebAssembly.compile(await (await source).arrayBuffer());
  WebAssembly.instantiateStreaming = async (source, imports) => WebAssembly.instantiate(await (await source).arrayBuffer(), imports);
  window.wasmBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
})();
