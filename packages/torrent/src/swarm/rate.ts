/** Time over which a rate is averaged, ms. */
const WINDOW = 4000;
/** Samples closer together than this are one. */
const LEAST = 50;

/** Bytes per second, averaged with less weight for the past. Counting is an addition; the average is made in `sample`. */
export class Rate {
  /** Bytes in all. */
  total = 0;
  /** Bytes per second. */
  value = 0;
  #counted = 0;
  #since: number;
  #at: number;

  constructor(now: number) {
    this.#since = now;
    this.#at = now;
  }

  add(bytes: number): void {
    this.total += bytes;
  }

  sample(now: number): number {
    const elapsed = now - this.#at;
    if (elapsed < LEAST) return this.value;
    const current = ((this.total - this.#counted) * 1000) / elapsed;
    // At the beginning the average is over what there is, instead of growing slowly from nothing.
    const weight = Math.max(1 - Math.exp(-elapsed / WINDOW), elapsed / Math.max(elapsed, now - this.#since));
    this.value += (current - this.value) * Math.min(1, weight);
    if (this.value < 1) this.value = 0;
    this.#counted = this.total;
    this.#at = now;
    return this.value;
  }

  /** Begins anew, for example after a pause; the total stays. */
  restart(now: number): void {
    this.value = 0;
    this.#counted = this.total;
    this.#since = now;
    this.#at = now;
  }
}
