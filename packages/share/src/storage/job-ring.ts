/**
 * How the main thread hands work to a disk worker and hears of its end: two rings in one SharedArrayBuffer. One writer
 * and one reader each, so an index on each side is all the locking there is.
 *
 *     word 0        jobs ever written (the worker sleeps on it)
 *     word 1        jobs ever ended
 *     word 2        1 while a message that wakes the main thread is on its way
 *     words 16..    CAPACITY jobs of 24 words
 *     then          CAPACITY ends of 3 words: job id, Status, bytes that were read (READ)
 *
 *     job: 0 kind · 1 id · 2 torrent · 3 flags · 4 offset, low half · 5 offset, high half · 6 length
 *          7 place of the slab (READ: in the read cache), -1 where the job's message brings it · 8 length that must be read (READ)
 *          8–12 SHA-1 · 13–20 root · 21 leaves · 22 bytes under the root (COMMIT, CHECK)
 */
export const Kind = { COMMIT: 1, READ: 2, CHECK: 3, ASK: 4 } as const;
export const Flag = { SHA1: 1, MERKLE: 2, BLOCKS: 4 } as const;
/** MESSAGE: what came of it is in the worker's next message. */
export const Status = { OK: 0, WRONG: 1, MESSAGE: 2 } as const;

export const CAPACITY = 1024;
const JOB_WORDS = 24;
const END_WORDS = 3;
const WRITTEN = 0;
const ENDED = 1;
const WAKING = 2;
const JOBS = 16;
const ENDS: number = JOBS + CAPACITY * JOB_WORDS;

export function ringMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((ENDS + CAPACITY * END_WORDS) * 4);
}

/** The main thread's end. It never has more than CAPACITY jobs under way, so neither ring runs over. */
export class JobWriter {
  readonly words: Int32Array;
  #written = 0;
  #taken = 0;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  /** Jobs whose end was not yet taken. */
  get underWay(): number {
    return (this.#written - this.#taken) | 0;
  }

  /** Index of the next job's first word. Nothing is seen of it before `publish`. */
  next(): number {
    const at = JOBS + (this.#written & (CAPACITY - 1)) * JOB_WORDS;
    this.#written = (this.#written + 1) | 0;
    return at;
  }

  publish(): void {
    Atomics.store(this.words, WRITTEN, this.#written);
    Atomics.notify(this.words, WRITTEN, 1);
  }

  /** Calls back for every job that ended since. */
  take(each: (id: number, status: number, length: number) => void): void {
    const { words } = this;
    const ended = Atomics.load(words, ENDED);
    while (this.#taken !== ended) {
      const at = ENDS + (this.#taken & (CAPACITY - 1)) * END_WORDS;
      this.#taken = (this.#taken + 1) | 0;
      each(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0);
    }
  }

  /** The worker's message arrived: from now on it has to send another one. */
  awake(): void {
    Atomics.store(this.words, WAKING, 0);
  }
}

/** The worker's end. */
export class JobReader {
  readonly words: Int32Array;
  #read = 0;
  #ended = 0;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  /** Sleeps until there is a job, then says how many there are. */
  wait(): number {
    let written = Atomics.load(this.words, WRITTEN);
    while (written === this.#read) {
      Atomics.wait(this.words, WRITTEN, written);
      written = Atomics.load(this.words, WRITTEN);
    }
    return (written - this.#read) | 0;
  }

  /** Index of the next job's first word. It may be read until the job is ended. */
  next(): number {
    const at = JOBS + (this.#read & (CAPACITY - 1)) * JOB_WORDS;
    this.#read = (this.#read + 1) | 0;
    return at;
  }

  end(id: number, status: number, length: number = 0): void {
    const at = ENDS + (this.#ended & (CAPACITY - 1)) * END_WORDS;
    this.words[at] = id;
    this.words[at + 1] = status;
    this.words[at + 2] = length;
    this.#ended = (this.#ended + 1) | 0;
  }

  /** Shows the main thread what ended. True where it must be woken by a message. */
  publish(): boolean {
    Atomics.store(this.words, ENDED, this.#ended);
    return Atomics.exchange(this.words, WAKING, 1) === 0;
  }
}
