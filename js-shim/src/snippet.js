// The inline snippet: the callable stub plus the shim, before anything else in the page. Never clobbers an existing global.

import { shim } from './shim.js';
import { stub } from './stub.js';

if (!window.vitalscope) {
  window.vitalscope = stub();
  window.vitalscope.early = shim();
}
