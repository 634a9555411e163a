/** Does a thing again and again, never twice at a time. */
export class Rounds {
  readonly #every: number;
  readonly #work: () => Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param every ms between the end of one round and the next @param work does not fail */
  constructor(every: number, work: () => Promise<void>) {
    this.#every = every;
    this.#work = work;
  }

  /** Resolves when the first round is over. */
  async start(): Promise<void> {
    this.#round = this.#work();
    await this.#round;
    this.#again();
  }

  /** Resolves when the last round is over. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#round;
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#work().then(() => this.#again());
    }, this.#every);
  }
}
