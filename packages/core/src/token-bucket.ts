/** Token bucket: `rate` tokens a second, at most `burst` saved up. Bounds what one party can make another do. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number | null = null;

  constructor(rate: number, burst: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes `cost` tokens if they are there; false, and nothing taken, if not. */
  take(now: number, cost = 1): boolean {
    const at = Math.max(now, this.#at ?? now);
    this.#tokens = Math.min(this.#burst, this.#tokens + ((at - (this.#at ?? at)) / 1000) * this.#rate);
    this.#at = at;
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }
}
