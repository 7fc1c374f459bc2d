// Grafana Faro with its web instrumentations and no tracing, as its quick start shows it.

import { getWebInstrumentations, initializeFaro } from '@grafana/faro-web-sdk';

initializeFaro({
  url: `${location.origin}/sink/faro`,
  app: { name: 'bench', version: '1.0.0', environment: 'production' },
  instrumentations: [...getWebInstrumentations()],
});
