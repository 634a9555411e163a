/**
 * Seeded randomness: sfc32 (Chris Doty-Humphrey, PractRand), its four words of state filled from the seed's text.
 * For simulations only: it is fast and repeatable, and no source of secrets.
 */
import { utf8 } from '@kith/core';

/** FNV-1a with a final mix, one word per salt. */
function hashText(text: string, salt: number): number {
  let h = 0x811c9dc5 ^ salt;
  for (const byte of utf8(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Random {
  /** The text that makes this generator again. */
  readonly seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.seed = seed;
    this.#a = hashText(seed, 0x9e3779b9);
    this.#b = hashText(seed, 0x243f6a88);
    this.#c = hashText(seed, 0xb7e15162);
    // The words start out related to the seed's text; a few rounds spread them.
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** 0 .. 2^32 - 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** Draws nothing for a probability of 0 or 1, so that a feature that is off does not shift the others. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    return probability >= 1 || this.next() < probability;
  }

  /**
   * An integer in 0 .. n-1.
   * @throws RangeError unless `n` is an integer of 1 .. 2^32
   */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x1_0000_0000) throw new RangeError(`int(${n}): n must be 1..2^32`);
    return Math.floor(this.next() * n);
  }

  /** @throws RangeError for an empty list */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T;
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }

  /** `n` bytes: serves as `Crypto.random` of a simulated node. */
  bytes(n: number): Uint8Array {
    const out = new Uint8Array(n);
    for (let i = 0; i < n; i += 4) {
      const word = this.uint32();
      out[i] = word;
      out[i + 1] = word >>> 8;
      out[i + 2] = word >>> 16;
      out[i + 3] = word >>> 24;
    }
    return out;
  }

  /** A generator of its own for a part of the simulation. Depends on seed and label, not on what was drawn before. */
  fork(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }
}

/**
 * The seed of a test run: KITH_SEED where it is set, else the test's own.
 * @param environment the process's environment; a pure package cannot look for itself
 */
export function seedFrom(environment: Readonly<Record<string, string | undefined>>, fallback: string): string {
  const seed = environment['KITH_SEED'];
  return seed === undefined || seed === '' ? fallback : seed;
}
