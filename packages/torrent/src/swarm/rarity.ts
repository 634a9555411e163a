import type { Dice } from './dice.ts';

/**
 * Pieces ordered by how many peers have them: a bucket per availability, pieces in a bucket in random order. Putting
 * in, taking out and moving to another bucket cost the same however many pieces and peers there are.
 */
export class Rarity {
  readonly #buckets: number[][] = [];
  /** Which buckets have pieces, a bit each. */
  #occupied = new Uint32Array(8);
  /** Where a piece stands in its bucket; shared between orders of which a piece is in one at most. */
  readonly #position: Uint32Array;
  readonly #dice: Dice;
  #size = 0;

  constructor(position: Uint32Array, dice: Dice) {
    this.#position = position;
    this.#dice = dice;
  }

  get size(): number {
    return this.#size;
  }

  insert(piece: number, availability: number): void {
    const bucket = this.#bucket(availability);
    const at = this.#dice.below(bucket.length + 1);
    const moved = bucket[at];
    if (moved === undefined) {
      bucket.push(piece);
    } else {
      bucket[at] = piece;
      this.#position[moved] = bucket.length;
      bucket.push(moved);
    }
    this.#position[piece] = at;
    this.#size++;
  }

  remove(piece: number, availability: number): void {
    const bucket = this.#bucket(availability);
    const at = this.#position[piece] as number;
    const last = bucket.pop() as number;
    if (last !== piece) {
      bucket[at] = last;
      this.#position[last] = at;
    }
    this.#size--;
    if (bucket.length === 0) {
      const word = availability >>> 5;
      this.#occupied[word] = (this.#occupied[word] as number) & ~(1 << (31 - (availability & 31)));
    }
  }

  move(piece: number, from: number, to: number): void {
    this.remove(piece, from);
    this.insert(piece, to);
  }

  /** The lowest availability at or above `from` that has pieces, or -1. */
  nextBucket(from: number): number {
    let w = from >>> 5;
    if (w >= this.#occupied.length) return -1;
    let word = (this.#occupied[w] as number) & (0xffffffff >>> (from & 31));
    while (word === 0) {
      if (++w >= this.#occupied.length) return -1;
      word = this.#occupied[w] as number;
    }
    return 32 * w + Math.clz32(word);
  }

  /** The pieces of that availability, to be read only and only until the next change. */
  bucket(availability: number): readonly number[] {
    return this.#buckets[availability] ?? [];
  }

  #bucket(availability: number): number[] {
    while (this.#buckets.length <= availability) this.#buckets.push([]);
    const word = availability >>> 5;
    if (word >= this.#occupied.length) {
      const wider = new Uint32Array(2 * word);
      wider.set(this.#occupied);
      this.#occupied = wider;
    }
    this.#occupied[word] = (this.#occupied[word] as number) | (1 << (31 - (availability & 31)));
    return this.#buckets[availability] as number[];
  }
}
