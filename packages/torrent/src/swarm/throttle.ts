/** Tokens saved up while nothing flows, as time at the rate, ms. */
const BURST = 250;
const LEAST_BURST = 16_384;

/**
 * A rate limit, bytes per second. What was taken beyond it is a debt that time pays back, so that the average is right
 * whatever the size of the pieces in which bytes come.
 */
export class Throttle {
  #rate: number = Number.POSITIVE_INFINITY;
  #tokens = 0;
  #at: number;

  constructor(rate: number, now: number) {
    this.#at = now;
    this.setRate(rate, now);
  }

  /** Infinity where there is no limit. */
  get rate(): number {
    return this.#rate;
  }

  get limited(): boolean {
    return this.#rate !== Number.POSITIVE_INFINITY;
  }

  /** @param rate bytes per second; infinity for no limit */
  setRate(rate: number, now: number): void {
    this.#refill(now);
    this.#rate = Math.max(rate, 1);
    this.#tokens = Math.min(this.#tokens, this.#burst());
  }

  take(bytes: number): void {
    if (this.limited) this.#tokens -= bytes;
  }

  /** True where bytes may flow. */
  open(now: number): boolean {
    if (!this.limited) return true;
    this.#refill(now);
    return this.#tokens > 0;
  }

  /** When bytes may flow again. */
  opensAt(now: number): number {
    if (this.open(now)) return now;
    // A little later than the debt is paid: a trickle of single blocks would cost a wake each.
    return now + ((1 - this.#tokens + this.#burst() / 16) * 1000) / this.#rate;
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#at);
    this.#at = now;
    if (this.limited) this.#tokens = Math.min(this.#burst(), this.#tokens + (elapsed * this.#rate) / 1000);
  }

  #burst(): number {
    return Math.max(LEAST_BURST, (this.#rate * BURST) / 1000);
  }
}
