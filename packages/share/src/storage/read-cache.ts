import { type Slab, SlabPool } from './slab-pool.ts';

/** Bytes of runs that are being read, beside those that are kept. */
const READING = 4 * 1_048_576;

/** Neighbouring lines that were read at once, and lie in one slab. */
export class Run {
  readonly slab: Slab;
  /** Key of the first line, and bytes of each but the last. */
  readonly first: number;
  readonly line: number;
  readonly lines: number;
  /** Lines of it that are in the cache. */
  kept = 0;
  /** Until it was read, and its lines were taken. */
  held = true;
  /** Bytes that came. */
  length = 0;

  constructor(slab: Slab, first: number, line: number, lines: number) {
    this.slab = slab;
    this.first = first;
    this.line = line;
    this.lines = lines;
  }
}

/**
 * What was read from disk, of all torrents together, the longest unused forgotten first. Everything lies in memory that is
 * shared with the disk threads and used again and again. What is forgotten stays as it is until the turn of the event
 * loop ends: who was just given bytes may still copy them.
 */
export class ReadCache {
  readonly #pool: SlabPool;
  readonly #budget: number;
  /** A key is `store * 2 ** 32 + line`. */
  readonly #lines: Map<number, Run> = new Map();
  /** In order of use. */
  readonly #runs: Set<Run> = new Set();
  #newest: Run | undefined;
  #size = 0;
  #resting: Run[] = [];
  /** Those who wait for memory. */
  #waiting: (() => void)[] = [];

  /** `budget`: bytes that are kept. */
  constructor(budget: number) {
    this.#budget = budget;
    this.#pool = new SlabPool(budget + READING);
  }

  get memory(): SharedArrayBuffer {
    return this.#pool.memory;
  }

  has(key: number): boolean {
    return this.#lines.has(key);
  }

  get(key: number, at: number, length: number): Uint8Array | undefined {
    const run = this.#lines.get(key);
    if (run === undefined) return undefined;
    // A burst of requests asks for the same run sixty times.
    if (run !== this.#newest) {
      this.#runs.delete(run);
      this.#runs.add(run);
      this.#newest = run;
    }
    const begin = (key - run.first) * run.line + at;
    return run.slab.bytes.subarray(begin, begin + length);
  }

  /**
   * Memory for a run of `size` bytes, at most a megabyte, as soon as there is some. When the run was read, `keep` says which
   * of its lines are good, and then `release` lets go of it.
   */
  async acquire(size: number, first: number, line: number, lines: number): Promise<Run> {
    for (;;) {
      const slab = this.#pool.acquire(size, nothing);
      if (slab !== undefined) return new Run(slab, first, line, lines);
      const [oldest] = this.#runs;
      if (oldest !== undefined) this.#forget(oldest);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** A line of the run is found under its key. */
  keep(key: number, run: Run): void {
    this.delete(key);
    this.#lines.set(key, run);
    if (run.kept++ > 0) return;
    this.#runs.add(run);
    this.#newest = run;
    this.#size += run.slab.bytes.length;
    for (const oldest of this.#runs) {
      if (this.#size <= this.#budget) break;
      this.#forget(oldest);
    }
  }

  release(run: Run): void {
    run.held = false;
    if (run.kept === 0) this.#rest(run);
  }

  delete(key: number): void {
    const run = this.#lines.get(key);
    if (run === undefined) return;
    this.#lines.delete(key);
    if (--run.kept > 0) return;
    this.#runs.delete(run);
    if (this.#newest === run) this.#newest = undefined;
    this.#size -= run.slab.bytes.length;
    if (!run.held) this.#rest(run);
  }

  /** Forgets all lines of one store. */
  drop(store: number): void {
    for (const key of this.#lines.keys()) {
      if (Math.floor(key / 2 ** 32) === store) this.delete(key);
    }
  }

  #forget(run: Run): void {
    for (let i = 0; i < run.lines; i++) {
      if (this.#lines.get(run.first + i) === run) this.delete(run.first + i);
    }
  }

  #rest(run: Run): void {
    this.#resting.push(run);
    if (this.#resting.length > 1) return;
    setImmediate(() => {
      const rested = this.#resting;
      this.#resting = [];
      for (const { slab } of rested) this.#pool.release(slab);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const goOn of waiting) goOn();
    });
  }
}

function nothing(): void {
  // Whoever waits is told when what rests is given back.
}
