/** How often each source may make the gateway work. The memory for it is bounded too. */
import { TokenBucket } from '@kith/core';

export interface Rate {
  /** A second, in the long run. */
  readonly rate: number;
  /** At once. */
  readonly burst: number;
}

export class SourceLimits {
  readonly #each: Rate;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param most sources that are remembered; the one that was silent longest is forgotten for a new one */
  constructor(each: Rate, most: number) {
    this.#each = each;
    this.#most = most;
  }

  /** @param now monotonic, ms */
  admits(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source) ?? new TokenBucket(this.#each.rate, this.#each.burst);
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#most) break;
      this.#buckets.delete(oldest);
    }
    return bucket.take(now);
  }
}
