// What a path is called, and what of it may leave the page. The collector has the same rules in Rust (`wire::route`) and judges
// again; `testdata/routes.json` of that crate holds both together. They are here too because a page without WebAssembly must not
// send an identifier either.

/** A route keeps this many segments; the rest becomes `*`. */
const MAX_SEGMENTS = 8;
const MAX_PATH = 512;

/** Whether a path segment names one thing rather than a kind of page: anything with a digit but a version, an e-mail address, a word
 * too long to be one, mixed case of a token's length. */
const isIdentifier = (segment) =>
  !/^v\d\d?$/i.test(segment) && /\d|@|^[^-_.]{33,}$|^(?=.{16})([A-Za-z]*?[a-z][A-Z]){3}[A-Za-z]*$/.test(segment);

const segments = (path) => path.split('/').filter(Boolean);

/** Whether `template` describes `path`: `:name` stands for one segment, a last `*` for any rest. */
const fits = (path, template) => {
  const wanted = segments(template);
  const given = segments(path);
  const rest = wanted.indexOf('*');
  if (rest >= 0) [wanted, given].forEach((each) => each.splice(rest));
  return wanted.length == given.length && wanted.every((name, at) => name[0] == ':' || name == given[at]);
};

/** A path without identifiers. A template that fits says which segments are parameters. */
export function scrub(path, template = '') {
  const names = segments(template);
  return ('/' + segments(path).map((segment, at) => (names[at]?.[0] == ':' ? names[at] : isIdentifier(segment) && names[at] != segment ? ':id' : segment)).join('/')).slice(0, MAX_PATH);
}

/** The first template that fits, if any. */
export const templateOf = (path, templates) => templates.find((template) => fits(path, template));

/** The route of a scrubbed path: its depth is capped. */
export const capped = (path) => {
  const all = segments(path);
  return all.length > MAX_SEGMENTS ? '/' + all.slice(0, MAX_SEGMENTS).join('/') + '/*' : path;
};
