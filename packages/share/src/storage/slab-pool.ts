/** Memory of pieces in flight, shared with the workers and by all torrents. */
export interface Slab {
  /** Byte offset in the pool, -1 where the slab is memory of its own. */
  readonly place: number;
  readonly bytes: Uint8Array;
}

const UNIT = 16_384;

/**
 * One SharedArrayBuffer, given out in runs of 16 KiB: short runs from its beginning, long ones from its end, so that they
 * do not cut each other's room to pieces. The system gives real memory only to what was touched once.
 */
export class SlabPool {
  readonly memory: SharedArrayBuffer;
  readonly #used: Uint8Array;
  /** Bytes that wait to be written, and how many may before nothing more is given out. */
  #committed = 0;
  readonly #backlog: number;
  /** No free run of one unit begins below. */
  #lowest = 0;
  #free: number;
  #alone = false;
  /** The slab that began at a unit last: most come back with the same size, sixty thousand times per GiB. */
  readonly #slabs: (Slab | undefined)[] = [];
  readonly #waiting: Set<() => void> = new Set();

  /** `budget` in bytes. A piece larger than a quarter of it gets memory of its own, one such at a time. */
  constructor(budget: number) {
    const units = Math.max(4, Math.ceil(budget / UNIT));
    this.memory = new SharedArrayBuffer(units * UNIT);
    this.#used = new Uint8Array(units);
    this.#backlog = (units * UNIT) / 4;
    this.#free = units;
  }

  /** Undefined when there is no room: `onRoom` is then called once, after something came back. */
  acquire(size: number, onRoom: () => void): Slab | undefined {
    const units = Math.max(1, Math.ceil(size / UNIT));
    if (this.#committed >= this.#backlog) {
      // What is fetched faster than it is written only costs memory.
    } else if (units > this.#used.length / 4) {
      if (!this.#alone) {
        this.#alone = true;
        return { place: -1, bytes: new Uint8Array(new SharedArrayBuffer(size)) };
      }
    } else if (units <= this.#free) {
      const first = units <= 4 ? this.#fromStart(units) : this.#fromEnd(units);
      if (first >= 0) {
        this.#used.fill(1, first, first + units);
        this.#free -= units;
        const before = this.#slabs[first];
        if (before?.bytes.length === size) return before;
        const slab = { place: first * UNIT, bytes: new Uint8Array(this.memory, first * UNIT, size) };
        this.#slabs[first] = slab;
        return slab;
      }
    }
    this.#waiting.add(onRoom);
    return undefined;
  }

  /** The slab is full, and given back once it is written. */
  committed(slab: Slab): void {
    this.#committed += slab.bytes.length;
  }

  /** @param committed `committed` was called with it */
  release(slab: Slab, committed: boolean = false): void {
    if (committed) this.#committed -= slab.bytes.length;
    if (slab.place < 0) {
      this.#alone = false;
    } else {
      const first = slab.place / UNIT;
      const units = Math.max(1, Math.ceil(slab.bytes.length / UNIT));
      this.#used.fill(0, first, first + units);
      this.#free += units;
      if (first < this.#lowest) this.#lowest = first;
    }
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const onRoom of waiting) onRoom();
  }

  #fromStart(units: number): number {
    const used = this.#used;
    let first = used.indexOf(0, this.#lowest);
    this.#lowest = first < 0 ? used.length : first;
    while (first >= 0 && first + units <= used.length) {
      const taken = used.subarray(first, first + units).lastIndexOf(1);
      if (taken < 0) return first;
      first = used.indexOf(0, first + taken + 1);
    }
    return -1;
  }

  #fromEnd(units: number): number {
    const used = this.#used;
    let end = used.lastIndexOf(0) + 1;
    while (end >= units) {
      const taken = used.subarray(end - units, end).lastIndexOf(1);
      if (taken < 0) return end - units;
      end = end - units + taken;
      while (end > 0 && used[end - 1] === 1) end--;
    }
    return -1;
  }
}
