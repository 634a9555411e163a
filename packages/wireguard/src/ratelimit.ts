/** A token bucket per source keeps a single sender down. */
import { toHex, TokenBucket } from '@kith/core';

/** Buckets by source, of which at most `remembered` are kept: the one unused for longest is forgotten first. */
export class SourceLimiter {
  readonly #rate: number;
  readonly #burst: number;
  readonly #remembered: number;
  readonly #buckets: Map<string, TokenBucket> = new Map();

  constructor(rate: number, burst: number, remembered: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#remembered = remembered;
  }

  allow(source: Uint8Array, now: number): boolean {
    const key = toHex(source);
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, this.#burst);
    // Deleting first moves the key to the end of the map's order, which is the order of last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#remembered) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return bucket.take(now);
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#buckets.size;
  }
}
