/** Collects a part of known length from reads that cut it anywhere. */
import { WireError } from './error.ts';

export class Gather {
  readonly #bytes: Uint8Array;
  #length = 0;
  #want: number;

  constructor(capacity: number, want: number = capacity) {
    this.#bytes = new Uint8Array(capacity);
    this.#want = want;
  }

  /** Takes what is wanted from `from` and returns the place behind it. */
  fill(from: Uint8Array, at: number): number {
    const end = Math.min(from.length, at + this.#want - this.#length);
    this.#bytes.set(from.subarray(at, end), this.#length);
    this.#length += end - at;
    return end;
  }

  get whole(): boolean {
    return this.#length >= this.#want;
  }

  get length(): number {
    return this.#length;
  }

  /** What was taken so far: a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** True if what was taken ends with `pattern`. */
  endsWith(pattern: Uint8Array): boolean {
    const start = this.#length - pattern.length;
    if (start < 0) return false;
    for (let i = 0; i < pattern.length; i++) if (this.#bytes[start + i] !== pattern[i]) return false;
    return true;
  }

  /**
   * Takes byte by byte until what was taken ends with `pattern`, and returns the place behind it.
   * @throws WireError where the capacity is reached before
   */
  search(pattern: Uint8Array, from: Uint8Array, at: number): number {
    let next = at;
    while (next < from.length) {
      if (this.#length === this.#bytes.length) throw new WireError('neither BitTorrent nor encrypted');
      this.#bytes[this.#length++] = from[next++] as number;
      if (this.endsWith(pattern)) break;
    }
    return next;
  }

  /** Begins another part of `want` bytes, at most the capacity. */
  next(want: number): void {
    this.#length = 0;
    this.#want = want;
  }
}
