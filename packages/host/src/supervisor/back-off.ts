/** How long to wait before a daemon that ended is started again: twice as long each time, until it has been well for a while. */
export interface BackOffSettings {
  /** Milliseconds, all three. */
  readonly first: number;
  readonly most: number;
  /** Whoever served that long begins with `first` again. */
  readonly healthy: number;
}

export class BackOff {
  readonly #settings: BackOffSettings;
  #next: number;

  constructor(settings: BackOffSettings) {
    this.#settings = settings;
    this.#next = settings.first;
  }

  /** @param served milliseconds for which it was ready before it failed @returns milliseconds to wait */
  failed(served: number): number {
    const { first, most, healthy } = this.#settings;
    const delay = served >= healthy ? first : this.#next;
    this.#next = Math.min(most, delay * 2);
    return delay;
  }
}
