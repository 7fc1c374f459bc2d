// Sentry with errors and browser tracing, every page view traced, as its documentation sets it up.

import * as Sentry from '@sentry/browser';

const sink = new URL(`${location.origin}/sink`);

Sentry.init({
  dsn: `http://0123456789abcdef0123456789abcdef@${sink.host}${sink.pathname}/sentry/1`,
  release: '1.0.0',
  environment: 'production',
  integrations: [Sentry.browserTracingIntegration()],
  tracesSampleRate: 1.0,
});
