/**
 * A set of pieces. Bit i stands where the wire has it (BEP 3, "bitfield"): the first piece is the highest bit of the
 * first byte, so that a word is four bytes of the wire in big-endian order and `clz32` finds the first piece in it.
 */
export class Bits {
  /** Number of pieces. */
  readonly length: number;
  readonly words: Uint32Array;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.words = new Uint32Array((length + 31) >>> 5);
  }

  /** Undefined unless `bytes` has exactly the length for `length` pieces and its spare bits are zero (BEP 3). */
  static fromWire(bytes: Uint8Array, length: number): Bits | undefined {
    if (bytes.length !== (length + 7) >>> 3) return undefined;
    const spare = bytes.length * 8 - length;
    if (spare > 0 && ((bytes[bytes.length - 1] ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
    const bits = new Bits(length);
    for (let i = 0; i < bytes.length; i++) {
      bits.words[i >>> 2] = (bits.words[i >>> 2] as number) | ((bytes[i] as number) << (24 - 8 * (i & 3)));
    }
    bits.#recount();
    return bits;
  }

  static full(length: number): Bits {
    const bits = new Bits(length);
    bits.fill();
    return bits;
  }

  get count(): number {
    return this.#count;
  }

  /** True where every piece is in it; never for a torrent without pieces. */
  get complete(): boolean {
    return this.#count === this.length && this.length > 0;
  }

  has(piece: number): boolean {
    return (((this.words[piece >>> 5] as number) >>> (31 - (piece & 31))) & 1) === 1;
  }

  /** False where it was in already. */
  add(piece: number): boolean {
    if (this.has(piece)) return false;
    this.words[piece >>> 5] = (this.words[piece >>> 5] as number) | (1 << (31 - (piece & 31)));
    this.#count++;
    return true;
  }

  /** False where it was not in. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false;
    this.words[piece >>> 5] = (this.words[piece >>> 5] as number) & ~(1 << (31 - (piece & 31)));
    this.#count--;
    return true;
  }

  fill(): void {
    this.words.fill(0xffffffff);
    const spare = this.words.length * 32 - this.length;
    if (spare > 0) this.words[this.words.length - 1] = 0xffffffff << spare;
    this.#count = this.length;
  }

  /** Takes out what is in `other` too. */
  subtract(other: Bits): void {
    for (let w = 0; w < this.words.length; w++) this.words[w] = (this.words[w] as number) & ~(other.words[w] as number);
    this.#recount();
  }

  clone(): Bits {
    const copy = new Bits(this.length);
    copy.words.set(this.words);
    copy.#count = this.#count;
    return copy;
  }

  toWire(): Uint8Array {
    const bytes = new Uint8Array((this.length + 7) >>> 3);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (this.words[i >>> 2] as number) >>> (24 - 8 * (i & 3));
    return bytes;
  }

  /** How many are in both. */
  countCommon(other: Bits): number {
    let count = 0;
    for (let w = 0; w < this.words.length; w++)
      count += popcount((this.words[w] as number) & (other.words[w] as number));
    return count;
  }

  /** First piece at or after `from` that is in both, or -1. Looks at 32 pieces a step. */
  nextCommon(other: Bits, from: number): number {
    if (from >= this.length) return -1;
    let w = from >>> 5;
    let word = (this.words[w] as number) & (other.words[w] as number) & (0xffffffff >>> (from & 31));
    while (word === 0) {
      if (++w >= this.words.length) return -1;
      word = (this.words[w] as number) & (other.words[w] as number);
    }
    return 32 * w + Math.clz32(word);
  }

  /** First piece at or after `from` that is in it, or -1. */
  next(from: number): number {
    return this.nextCommon(this, from);
  }

  #recount(): void {
    this.#count = this.countCommon(this);
  }
}

export function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  v = (v + (v >>> 4)) & 0x0f0f0f0f;
  return Math.imul(v, 0x01010101) >>> 24;
}
