/**
 * How many entries an address has: what limits per address are held with. Keys are two words: an IPv4 address and 0, or the
 * upper half of an IPv6 address, because a home or a rented machine has all of a /64.
 */
import { finish, HashIndex, mix, NONE } from './hash-index.ts';

const FIRST = 16;

export class AddressCounts {
  readonly #seed: number;
  #index = new HashIndex();
  #high = new Uint32Array(FIRST);
  #low = new Uint32Array(FIRST);
  #counts = new Uint32Array(FIRST);
  /** Slots that were used and are free; the stack of them is linked through `#high`. */
  #free = NONE;
  #used = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get bytes(): number {
    return this.#index.bytes + 3 * this.#high.byteLength;
  }

  get(high: number, low: number): number {
    const id = this.#find(high, low);
    return id === NONE ? 0 : (this.#counts[id] as number);
  }

  add(high: number, low: number): void {
    const known = this.#find(high, low);
    if (known !== NONE) {
      this.#counts[known] = (this.#counts[known] as number) + 1;
      return;
    }
    const id = this.#slot();
    this.#high[id] = high;
    this.#low[id] = low;
    this.#counts[id] = 1;
    this.#index.add(id, this.#hash(high, low));
  }

  remove(high: number, low: number): void {
    const id = this.#find(high, low);
    if (id === NONE) return;
    const left = (this.#counts[id] as number) - 1;
    this.#counts[id] = left;
    if (left > 0) return;
    this.#index.remove(id);
    this.#high[id] = this.#free + 1;
    this.#free = id;
  }

  #hash(high: number, low: number): number {
    return finish(mix(mix(this.#seed, high), low));
  }

  #find(high: number, low: number): number {
    const index = this.#index;
    for (let at = index.first(this.#hash(high, low)); ; at = index.next(at)) {
      const id = index.at(at);
      if (id === NONE || (this.#high[id] === high && this.#low[id] === low)) return id;
    }
  }

  #slot(): number {
    if (this.#free !== NONE) {
      const id = this.#free;
      this.#free = (this.#high[id] as number) - 1;
      return id;
    }
    const id = this.#used++;
    if (id === this.#high.length) {
      this.#high = grown(this.#high, id + 1);
      this.#low = grown(this.#low, id + 1);
      this.#counts = grown(this.#counts, id + 1);
    }
    return id;
  }
}

/** A copy with room for `least` words and half as much again as before. */
export function grown(old: Uint32Array, least: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(Math.max(least, Math.ceil(old.length * 1.5)));
  out.set(old);
  return out;
}
