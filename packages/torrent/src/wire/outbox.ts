/**
 * What a connection says, gathered until it is flushed: all of it one behind the other, in a small arena of its own, or in
 * send buffers where there is more to say. A burst of requests leaves as one chunk, and so do four blocks.
 */
import { type Copy, portableCopy } from './copy.ts';
import type { Duplex } from './duplex.ts';
import type { Rc4 } from './rc4.ts';
import { SEND_BUFFER, sendBuffers } from './send-buffers.ts';

/** First and largest size of the connection's own arena (bytes): 963 requests fit in the largest. */
const SMALL = 256;
const LARGE = 16_384;
const EMPTY = new Uint8Array(0);

/** A send buffer that is full, and how much of all that was ever said has to be gone before it is free. */
interface Lent {
  readonly buffer: Uint8Array;
  readonly until: number;
}

export class Outbox {
  /** Where {@link reserve} says to write. */
  arena: Uint8Array = EMPTY;
  /** Bytes that wait for a flush. */
  waiting = 0;
  readonly #duplex: Duplex;
  readonly #copy: Copy;
  readonly #chunks: Uint8Array[] = [];
  /** The arena that is not a send buffer. */
  #own: Uint8Array = EMPTY;
  /** The oldest first. */
  readonly #lent: Lent[] = [];
  /** The open chunk in the arena. */
  #start = 0;
  #end = 0;
  /** Bytes ever handed to the connection. */
  #flushed = 0;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    this.#copy = duplex.copy ?? portableCopy;
  }

  /** Place in the arena for `length` bytes, at most 16 KiB, that the caller fills at once. */
  reserve(length: number): number {
    if (this.#end + length > this.arena.length) this.#renew(length);
    const at = this.#end;
    this.#end += length;
    this.waiting += length;
    return at;
  }

  /** The next `length` bytes belong together: they leave in one chunk, if they fit into any. */
  together(length: number): void {
    if (this.#end + length > this.arena.length && length <= SEND_BUFFER) this.#borrow();
  }

  /** Copies bytes that stay the caller's. */
  copy(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#end + length > this.arena.length) {
      if (length > SEND_BUFFER) {
        this.#endChunk();
        this.#chunks.push(bytes.slice());
        this.waiting += length;
        return;
      }
      this.#borrow();
    }
    this.#copy(this.arena, this.#end, bytes, 0, length);
    this.#end += length;
    this.waiting += length;
  }

  /** Hands everything to the connection, encrypted if there is a cipher. */
  flush(cipher: Rc4 | undefined): void {
    if (this.waiting === 0) return;
    this.#endChunk();
    if (cipher !== undefined) for (const chunk of this.#chunks) cipher.apply(chunk);
    this.#duplex.write(this.#chunks);
    this.#chunks.length = 0;
    this.#flushed += this.waiting;
    this.waiting = 0;
    this.taken();
  }

  /** The connection got rid of some of it: what is gone leaves its memory to others. */
  taken(): void {
    const gone = this.#flushed - this.#duplex.pending;
    for (let first = this.#lent[0]; first !== undefined && first.until <= gone; first = this.#lent[0]) {
      this.#lent.shift();
      sendBuffers.giveBack(first.buffer);
    }
    if (this.waiting > 0 || gone < this.#flushed) return;
    if (this.arena !== this.#own) sendBuffers.giveBack(this.arena);
    this.arena = this.#own;
    this.#start = this.#end = 0;
  }

  #endChunk(): void {
    if (this.#end > this.#start) this.#chunks.push(this.arena.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  /** Goes on in a send buffer. */
  #borrow(): void {
    this.#endChunk();
    this.#leave();
    this.arena = sendBuffers.take();
    this.#start = this.#end = 0;
  }

  #leave(): void {
    if (this.arena === this.#own) return;
    this.#lent.push({ buffer: this.arena, until: this.#flushed + this.waiting });
  }

  /** Another arena; the open chunk moves with it so that it stays one, unless it fills a large one. */
  #renew(length: number): void {
    const open = this.#end - this.#start;
    if (this.arena !== this.#own || open + length > LARGE) return this.#borrow();
    const size = Math.min(LARGE, Math.max(SMALL, 2 * this.arena.length, open + length));
    const arena = new Uint8Array(size);
    arena.set(this.arena.subarray(this.#end - open, this.#end));
    this.#own = this.arena = arena;
    this.#start = 0;
    this.#end = open;
  }
}
