/**
 * An index from hashes to small numbers (slots of some table) without an object per entry: open addressing with linear
 * probing, and removal that moves followers back instead of leaving marks, so that it never has to be cleaned.
 * The table keeps the keys; whoever looks something up compares them:
 *
 *     for (let at = index.first(hash); (id = index.at(at)) !== NONE; at = index.next(at)) if (same(id)) …
 *
 * Cost: 4 bytes per id for its hash and 4 per place, with 1.33 to 2.67 places per entry.
 */
export const NONE = -1;

const SMALLEST = 16;

export class HashIndex {
  /** Id + 1; 0 is a free place. */
  #places = new Uint32Array(SMALLEST);
  #hashes = new Uint32Array(SMALLEST);
  #count = 0;

  get bytes(): number {
    return this.#places.byteLength + this.#hashes.byteLength;
  }

  first(hash: number): number {
    return hash & (this.#places.length - 1);
  }

  next(place: number): number {
    return (place + 1) & (this.#places.length - 1);
  }

  /** The id at a place, or {@link NONE}, which ends a search. */
  at(place: number): number {
    return (this.#places[place] as number) - 1;
  }

  /** The id must not be in the index. */
  add(id: number, hash: number): void {
    if (id >= this.#hashes.length) {
      const hashes = new Uint32Array(Math.max(id + 1, Math.ceil(this.#hashes.length * 1.5)));
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    if ((this.#count + 1) * 4 > this.#places.length * 3) this.#resize(this.#places.length * 2);
    this.#hashes[id] = hash;
    this.#count++;
    this.#put(id, hash);
  }

  /** The id must be in the index. */
  remove(id: number): void {
    const mask = this.#places.length - 1;
    let hole = this.first(this.#hashes[id] as number);
    while (this.#places[hole] !== id + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; this.#places[at] !== 0; at = (at + 1) & mask) {
      const home = (this.#hashes[(this.#places[at] as number) - 1] as number) & mask;
      // An entry may move back only as far as its home: not where the home lies between the hole and the entry.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#places[hole] = this.#places[at] as number;
      hole = at;
    }
    this.#places[hole] = 0;
    this.#count--;
    if (this.#places.length > SMALLEST && this.#count * 6 < this.#places.length) this.#resize(this.#places.length / 2);
  }

  #put(id: number, hash: number): void {
    const mask = this.#places.length - 1;
    let at = hash & mask;
    while (this.#places[at] !== 0) at = (at + 1) & mask;
    this.#places[at] = id + 1;
  }

  #resize(size: number): void {
    const old = this.#places;
    this.#places = new Uint32Array(size);
    for (const place of old) if (place !== 0) this.#put(place - 1, this.#hashes[place - 1] as number);
  }
}

/** Mixes a word into a hash (MurmurHash3, Appleby): keyed by its start value, so that nobody can choose collisions. */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

export function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
