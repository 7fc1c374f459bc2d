/** What the agent asks before a beacon may get lost; made by `offline()`, for the option `offline`. */
export type OfflineQueue = { readonly __offline?: never } & ((...facts: never[]) => boolean);

export interface OfflineLimits {
  /** Beacons kept at most, the newest; 50. */
  maxBeacons?: number;
  /** Bytes (characters) kept at most; 256,000. */
  maxBytes?: number;
  /** Hours after which a beacon that could not be sent is given up; 24. */
  maxAgeHours?: number;
}

/**
 * Keeps beacons that leave a page without a network, or while the collector does not answer, in `localStorage`, and sends them from a later
 * page. Only after consent; a refusal clears it. What is given up is counted in the next beacon (`offline-full`, `offline-old`).
 */
export function offline(limits?: OfflineLimits): OfflineQueue;
