/** Token buckets: one for the whole device decides when it is under load, one per source keeps a single sender down. */
import { toHex } from '@kith/core';

/** Fills with `rate` tokens a second up to `burst`; starts full. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #since: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#since = now;
  }

  /** Takes one token; false where there is none. */
  take(now: number): boolean {
    const elapsed = Math.max(0, now - this.#since);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed * this.#rate) / 1000);
    this.#since = Math.max(now, this.#since);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

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
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, this.#burst, now);
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
