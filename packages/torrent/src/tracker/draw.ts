/** Fast pseudorandom numbers for choices that no secret hangs on: which peers an answer names (sfc32, Doty-Humphrey). */
export class Draw {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` has at least 12 bytes. */
  constructor(seed: Uint8Array) {
    const word = (at: number) =>
      (seed[at] as number) |
      ((seed[at + 1] as number) << 8) |
      ((seed[at + 2] as number) << 16) |
      ((seed[at + 3] as number) << 24);
    this.#a = word(0);
    this.#b = word(4);
    this.#c = word(8);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** 0 … 2^32 - 1 */
  next(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** 0 … n - 1, for n up to 2^32 */
  below(n: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * n);
  }
}
