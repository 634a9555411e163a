/** The times that this part takes; tests bring their own. */
export interface Clock {
  /** Monotonic, ms. */
  readonly now: () => number;
  /** ms since 1970. */
  readonly wall: () => number;
}

export const SYSTEM_CLOCK: Clock = { now: () => performance.now(), wall: () => Date.now() };
