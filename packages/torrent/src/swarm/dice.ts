/**
 * Cheap numbers for choices that only have to differ between peers: xorshift128 (Marsaglia 2003), seeded from the
 * caller's randomness. Never for anything an attacker must not guess.
 */
export class Dice {
  #x: number;
  #y: number;
  #z: number;
  #w: number;

  /** @param random gives that many fresh bytes */
  constructor(random: (length: number) => Uint8Array) {
    const seed = random(16);
    const word = (at: number): number =>
      ((seed[at] ?? 0) << 24) | ((seed[at + 1] ?? 0) << 16) | ((seed[at + 2] ?? 0) << 8) | (seed[at + 3] ?? 0);
    this.#x = word(0);
    this.#y = word(4);
    this.#z = word(8);
    // All zero would stay so.
    this.#w = word(12) | 1;
  }

  /** 0..bound-1; `bound` 1..2^32. */
  below(bound: number): number {
    const t = this.#x ^ (this.#x << 11);
    this.#x = this.#y;
    this.#y = this.#z;
    this.#z = this.#w;
    this.#w = this.#w ^ (this.#w >>> 19) ^ t ^ (t >>> 8);
    return (this.#w >>> 0) % bound;
  }
}
