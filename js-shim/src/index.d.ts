import type { OfflineQueue } from './offline.js';

/** Starts measuring. A second call gives the same handle; on a server it does nothing. */
export function start(options: Options): Vitalscope;

export interface Options {
  /** The app's name at the collector. */
  app: string;
  /** The collector's origin. Default: the page's own. */
  endpoint?: string;
  /** The deployed version, at most 200 characters: findings name it. */
  release?: string;
  /** `production`, `staging` and so on, at most 200 characters. */
  environment?: string;
  /** 0..1, decided once per session. Default 1. */
  sampleRate?: number;
  /** Templates such as `/product/:id`; the first that fits names the route. A last `*` stands for any rest. At most 200. */
  routes?: string[];
  /** Names the route of a page view; wins over `routes`. */
  route?: (location: Location) => string;
  /** At least 1000. Default 30000. */
  flushIntervalMs?: number;
  /** Operations kept before a flush, 1 to 1000. Default 100. */
  bufferSize?: number;
  /** At least 1000. Default 10000. */
  memoryIntervalMs?: number;
  /** Limits by vital or operation; see also `vitalscope/budgets`. */
  budgets?: Budgets;
  /** Default `granted`. While `pending` everything stays in memory. */
  consent?: 'granted' | 'pending' | 'denied';
  /** Do Not Track and Global Privacy Control mean denied. Default false. */
  respectPrivacySignals?: boolean;
  /** Called on each change of a vital, after the agent has finished. */
  onMeasurement?: (measurement: Measurement) => void;
  onBudgetViolation?: (violation: BudgetViolation) => void;
  /** Gives back the measurement, with another value if need be, or null to keep it back. */
  beforeSend?: (measurement: Measurement) => Measurement | null;
  /** At most 10 facts: tenant, experiment, page type. */
  context?: Context;
  /** Keeps beacons that could not be delivered across page loads: `offline()` of `vitalscope/offline`. Default: none is stored. */
  offline?: OfflineQueue;
  /** Send the path as it is, identifiers included. Default false. */
  sendRawPath?: boolean;
  /** The page's own `performance.measure()` become operations too. Default false. */
  userTiming?: boolean;
  /** Requests by `fetch` and `XMLHttpRequest` become operations too, as `fetch /path`. Default true. */
  apiTimings?: boolean;
  /** Say in the console what is kept, sent and refused, and why. Default false. */
  debug?: boolean;
}

export type Context = Record<string, string | number | boolean>;

export interface Vitalscope {
  /** Names the open page view while its path is unchanged; else closes it and begins a soft one. */
  setRoute(route: string): void;
  /** Replaces the page's own dimensions of the open page view. */
  setContext(context: Context | undefined): void;
  /** Records a custom operation that ends now. */
  measure(name: string, valueMs: number, detail?: Detail): void;
  /** Runs the operation and records its duration and, if it fails, the type of its error. */
  time<T>(name: string, operation: () => T): T;
  /** Sends what is known now. */
  flush(): void;
  setConsent(consent: 'granted' | 'denied'): void;
  /** Sends what is known, then ends everything. */
  stop(): void;
}

/** Of an operation: two figures with columns of their own, and at most 8 flat facts. Nothing nested gets through. */
export interface Detail {
  memory_bytes?: number;
  input_size?: number;
  [fact: string]: unknown;
}

/** Ms; CLS without unit; MEMORY in bytes. */
export type Budget =
  | number
  | {
      limit: number;
      /** Default: whether the page is hidden when the value is known. */
      impact?: Impact;
    };

/** By the name of a vital or an operation. */
export type Budgets = Record<string, Budget>;

export type Impact = 'user-visible' | 'background';

export interface BudgetViolation {
  /** Of the vital or the operation. */
  name: string;
  value: number;
  /** The limit. */
  budget: number;
  /** Critical from twice the limit on. */
  severity: 'warning' | 'critical';
  impact: Impact;
  route: string;
}

export type VitalName = keyof Attributions;

/** What is to blame for a vital's value. What is not known is absent. */
export interface Attributions {
  FCP: { ttfb_ms?: number; render_ms?: number };
  LCP: {
    /** Selector of the largest element. */
    element?: string;
    /** Its image's address, without query and fragment. */
    url?: string;
    /** These four add up to the value. */
    ttfb_ms?: number;
    load_delay_ms?: number;
    load_ms?: number;
    render_delay_ms?: number;
  };
  CLS: {
    /** The largest shift of the worst window. */
    shift?: number;
    shift_at_ms?: number;
    element?: string;
    load_state?: LoadState;
  };
  FID: { type?: string; element?: string };
  INP: {
    /** Name of the event. */
    type?: string;
    at_ms?: number;
    /** These three add up to the value. */
    input_delay_ms?: number;
    processing_ms?: number;
    presentation_ms?: number;
    element?: string;
    /** The longest script of the long animation frame, where the browser tells. */
    script?: string;
    script_ms?: number;
    load_state?: LoadState;
  };
  TTFB: { waiting_ms?: number; cache_ms?: number; dns_ms?: number; connection_ms?: number; request_ms?: number };
  MEMORY: {
    source?: 'used-js-heap' | 'user-agent-specific';
    first_bytes?: number;
    peak_bytes?: number;
    samples?: number;
    /** Of the page view when it was last sampled. */
    age_ms?: number;
    total_bytes?: number;
    limit_bytes?: number;
    /** The newest sample after a garbage collection. */
    floor_bytes?: number;
    /** How fast that floor rises: what a leak is judged by. From three collections on. */
    growth_bytes_per_min?: number;
    /** The whole page by `measureUserAgentSpecificMemory()`, where the value is the heap. */
    page_bytes?: number;
  };
}

export type LoadState = 'loading' | 'dom-interactive' | 'dom-content-loaded' | 'complete';

export interface MeasurementOf<Name extends VitalName> {
  name: Name;
  /** Ms; CLS without unit; MEMORY in bytes. */
  value: number;
  /** Change since the last call for this vital; in `beforeSend` the value. */
  delta: number;
  /** Absent for MEMORY: no standard says what much is. */
  rating?: 'good' | 'needs-improvement' | 'poor';
  navigationType: 'navigate' | 'reload' | 'back-forward' | 'back-forward-cache' | 'prerender' | 'restore' | 'soft-navigation';
  route: string;
  /** The page view's id. */
  view: string;
  attribution: Attributions[Name];
}

export type Measurement = { [Name in VitalName]: MeasurementOf<Name> }[VitalName];
