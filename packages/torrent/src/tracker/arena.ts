/**
 * Short lists of numbers in one array: each is a segment of 2^n words, and segments that were given back wait in a chain
 * per size, linked through their own first word. A million swarms of two peers cost 8 bytes each instead of a million arrays.
 */
const SMALLEST = 64;
const SIZES = 32;

export class Arena {
  words: Uint32Array = new Uint32Array(SMALLEST);
  #end = 0;
  /** Offset + 1 of the first free segment per size. */
  readonly #free = new Uint32Array(SIZES);

  get bytes(): number {
    return this.words.byteLength;
  }

  /** Offset of a segment of 2^size words, whose contents are whatever was there. */
  take(size: number): number {
    const free = this.#free[size] as number;
    if (free !== 0) {
      this.#free[size] = this.words[free - 1] as number;
      return free - 1;
    }
    const offset = this.#end;
    this.#end += 2 ** size;
    if (this.#end > this.words.length) {
      const words = new Uint32Array(Math.max(this.#end, Math.ceil(this.words.length * 1.5)));
      words.set(this.words);
      this.words = words;
    }
    return offset;
  }

  give(offset: number, size: number): void {
    this.words[offset] = this.#free[size] as number;
    this.#free[size] = offset + 1;
  }

  /** A segment of another size with the first `used` words of the old one, which is given back. */
  move(offset: number, size: number, newSize: number, used: number): number {
    const place = this.take(newSize);
    this.words.copyWithin(place, offset, offset + used);
    this.give(offset, size);
    return place;
  }
}
