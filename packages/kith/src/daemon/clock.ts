/** The daemon's clocks: monotonic for everything that waits, and a wall clock that never runs backwards. */

/** Monotonic ms. Stands still while the machine sleeps, which is how sleep is noticed. */
export function monotonic(): number {
  return performance.now();
}

/** How far wall and monotonic clock must drift apart between two looks to count as sleep, in ms. */
const SLEEP_DRIFT = 2_000;

/**
 * Wall-clock time that does not fall behind what was seen before, not even across restarts: a clock set back must not
 * make this node's newer words look older than its earlier ones.
 */
export class WallClock {
  #offset: number;
  #previous: number;

  /** @param mark highest wall time of earlier runs, ms since 1970; `wall` and `now` are the two clocks' readings */
  constructor(mark: number, wall: number, now: number) {
    this.#offset = Math.max(mark, wall) - now;
    this.#previous = wall - now;
  }

  at(now: number): number {
    return Math.floor(now + this.#offset);
  }

  /** To be called about once a second. True if the machine slept, or its clock was set forward, since the last call. */
  observe(wall: number, now: number): boolean {
    const drift = wall - now - this.#previous;
    this.#previous = wall - now;
    this.#offset = Math.max(this.#offset, wall - now);
    return drift > SLEEP_DRIFT;
  }
}
