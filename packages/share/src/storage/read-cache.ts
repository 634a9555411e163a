/** What was read from disk, of all torrents together, the longest unused forgotten first. */
export class ReadCache {
  readonly #budget: number;
  /** In order of use. A key is `store * 2 ** 32 + line`. */
  readonly #lines: Map<number, Uint8Array> = new Map();
  #size = 0;
  #newest = -1;

  /** `budget` in bytes. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  get(key: number): Uint8Array | undefined {
    const bytes = this.#lines.get(key);
    // A burst of requests asks for the same line sixty times.
    if (bytes === undefined || key === this.#newest) return bytes;
    this.#lines.delete(key);
    this.#lines.set(key, bytes);
    this.#newest = key;
    return bytes;
  }

  set(key: number, bytes: Uint8Array): void {
    this.delete(key);
    this.#lines.set(key, bytes);
    this.#newest = key;
    this.#size += bytes.length;
    for (const oldest of this.#lines.keys()) {
      if (this.#size <= this.#budget) break;
      this.delete(oldest);
    }
  }

  delete(key: number): void {
    const bytes = this.#lines.get(key);
    if (bytes === undefined) return;
    this.#lines.delete(key);
    this.#size -= bytes.length;
  }

  /** Forgets all lines of one store. */
  drop(store: number): void {
    for (const key of this.#lines.keys()) {
      if (Math.floor(key / 2 ** 32) === store) this.delete(key);
    }
  }
}
