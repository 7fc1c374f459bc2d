/** Starts measuring. A second call gives the same handle; on a server it does nothing. */
export function start(options: Options): Vitalscope;

export interface Options {
  /** The app's name at the collector. */
  app: string;
  /** The collector's origin. Default: the page's own. */
  endpoint?: string;
  release?: string;
  environment?: string;
  /** 0..1, decided once per session. Default 1. */
  sampleRate?: number;
  /** Templates such as `/product/:id`; the first that fits names the route. */
  routes?: string[];
  /** Names the route of a page view; wins over `routes`. */
  route?: (location: Location) => string;
  /** Default 30000. */
  flushIntervalMs?: number;
  /** Operations kept before a flush. Default 100. */
  bufferSize?: number;
  /** Default 10000. */
  memoryIntervalMs?: number;
  /** Limits by vital or operation, in the vital's unit. */
  budgets?: Record<string, number>;
  consent?: 'granted' | 'pending' | 'denied';
  /** Do Not Track and Global Privacy Control mean denied. */
  respectPrivacySignals?: boolean;
  /** Called on each change of a vital. */
  onMeasurement?: (measurement: Measurement) => void;
  onBudgetViolation?: (violation: BudgetViolation) => void;
  /** Gives back the measurement, with another value if need be, or null to keep it back. */
  beforeSend?: (measurement: Measurement) => Measurement | null;
  /** At most 10 facts: tenant, experiment, page type. */
  context?: Record<string, string | number | boolean>;
  /** Send the path as it is, identifiers included. */
  sendRawPath?: boolean;
  debug?: boolean;
}

export interface Vitalscope {
  /** Names the open page view while its path is unchanged; else closes it and begins a soft one. */
  setRoute(route: string): void;
  setContext(context: Options['context']): void;
  /** Records a custom operation that ends now. */
  measure(name: string, valueMs: number, detail?: object): void;
  /** Runs the operation and records its duration and, if it fails, the type of its error. */
  time<T>(name: string, operation: () => T): T;
  flush(): void;
  setConsent(consent: 'granted' | 'denied'): void;
  stop(): void;
}

export type VitalName = 'FCP' | 'LCP' | 'CLS' | 'FID' | 'INP' | 'TTFB' | 'MEMORY';

export interface Measurement {
  name: VitalName;
  /** Ms; CLS without unit; MEMORY in bytes. */
  value: number;
  /** Change since the last call for this vital. */
  delta: number;
  rating?: 'good' | 'needs-improvement' | 'poor';
  navigationType:
    | 'navigate'
    | 'reload'
    | 'back-forward'
    | 'back-forward-cache'
    | 'prerender'
    | 'restore'
    | 'soft-navigation';
  route: string;
  /** The page view's id. */
  view: string;
  attribution: Record<string, string | number | boolean>;
}

export interface BudgetViolation {
  name: string;
  value: number;
  budget: number;
  route: string;
}
