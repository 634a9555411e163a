/**
 * What a connection says, gathered until it is flushed: small messages one behind the other in an arena, payloads as
 * chunks of their own. A burst of requests leaves as one chunk, a block as its head and its payload, all in one write.
 */
import type { Duplex } from './duplex.ts';
import type { Rc4 } from './rc4.ts';

/** First and largest size of an arena (bytes): 963 requests fit in the largest. */
const SMALL = 256;
const LARGE = 16_384;
/** Bytes of a buffer for encrypted bytes that a connection keeps. */
const SEALED_KEPT = 256 * 1024;
const EMPTY = new Uint8Array(0);

export class Outbox {
  /** Where {@link reserve} says to write. */
  arena: Uint8Array = EMPTY;
  /** Bytes that wait for a flush. */
  waiting = 0;
  readonly #duplex: Duplex;
  readonly #chunks: Uint8Array[] = [];
  /** The open chunk in the arena. */
  #start = 0;
  #end = 0;
  #sealed: Uint8Array = EMPTY;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /** Place in the arena for `length` bytes, at most 16 KiB, that the caller fills at once. */
  reserve(length: number): number {
    if (this.#end + length > this.arena.length) this.#renew(length);
    const at = this.#end;
    this.#end += length;
    this.waiting += length;
    return at;
  }

  /** The chunk must not change until it is gone. */
  append(chunk: Uint8Array): void {
    this.#endChunk();
    this.#chunks.push(chunk);
    this.waiting += chunk.length;
  }

  /** Hands everything to the connection, encrypted if there is a cipher. */
  flush(cipher: Rc4 | undefined): void {
    if (this.waiting === 0) return;
    this.#endChunk();
    if (cipher === undefined) this.#duplex.write(this.#chunks);
    else this.#duplex.write([this.#seal(cipher)]);
    this.#chunks.length = 0;
    this.waiting = 0;
    // With nothing pending the arena is nobody's any more.
    if (this.#duplex.pending === 0) this.#start = this.#end = 0;
  }

  /** Into a buffer of its own: payloads are others' memory, which stays as it is. */
  #seal(cipher: Rc4): Uint8Array {
    let out = this.#sealed;
    if (out.length < this.waiting || this.#duplex.pending > 0) {
      out = new Uint8Array(this.waiting);
      if (out.length <= SEALED_KEPT) this.#sealed = out;
    }
    let at = 0;
    for (const chunk of this.#chunks) {
      cipher.apply(chunk, out, at);
      at += chunk.length;
    }
    return out.length === at ? out : out.subarray(0, at);
  }

  #endChunk(): void {
    if (this.#end > this.#start) this.#chunks.push(this.arena.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  /** Another arena; the open chunk moves with it so that it stays one, unless it fills a large one. */
  #renew(length: number): void {
    let open = this.#end - this.#start;
    if (open + length > LARGE) {
      this.#endChunk();
      open = 0;
    }
    const size = Math.min(LARGE, Math.max(SMALL, 2 * this.arena.length, open + length));
    const arena = new Uint8Array(size);
    arena.set(this.arena.subarray(this.#end - open, this.#end));
    this.arena = arena;
    this.#start = 0;
    this.#end = open;
  }
}
