// The offline part for pages that take the agent by a script tag: `<script async src="https://HOST/offline.js">`, before the agent or
// after it. Its tag's `data-max-beacons`, `data-max-bytes` and `data-max-age-hours` are the limits.

import { offline } from './offline.js';

const data = document.currentScript?.dataset || {};
const limits = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value === '' ? NaN : +value]));
// The page's own way to call an agent that is not there yet.
const page = (window.vitalscope ||= Object.assign((...call) => page.q.push(call), { q: [] }));
page('offline', offline(limits));
