/** Addresses that are refused for a time, for having sent what was wrong. Bounded: the oldest entry makes room. */
export class BanList {
  readonly #until = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#until.size;
  }

  ban(ip: string, until: number): void {
    this.#until.delete(ip);
    this.#until.set(ip, until);
    if (this.#until.size <= this.#most) return;
    const [oldest] = this.#until.keys();
    if (oldest !== undefined) this.#until.delete(oldest);
  }

  has(ip: string, now: number): boolean {
    const until = this.#until.get(ip);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#until.delete(ip);
    return false;
  }
}
