import type { Copy, Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import { nodeCopy } from '../net/node-copy.ts';

/** Bytes below which the writer hears `drain`. */
const HIGH = 1_048_576;

/** One end of a connection within this process: what it writes the other end reads in a later turn, in order. */
export class LinkedDuplex implements Duplex {
  readonly kind = 'memory';
  readonly copy: Copy = nodeCopy;
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly #now: () => number;
  #other: LinkedDuplex | undefined;
  #handler: DuplexHandler | undefined;
  #inbox: Uint8Array[] = [];
  #waiting = 0;
  #paused = false;
  #scheduled = false;
  #closed: string | undefined;

  /** The end that dialed, and the one that was dialed, which sees `remote` as the other's address. */
  static pair(remote: PeerAddress, now: () => number): readonly [LinkedDuplex, LinkedDuplex] {
    const dialed = new LinkedDuplex({ ip: '127.0.0.1', port: 0 }, false, now);
    const accepted = new LinkedDuplex(remote, true, now);
    dialed.#other = accepted;
    accepted.#other = dialed;
    return [dialed, accepted];
  }

  private constructor(remote: PeerAddress, incoming: boolean, now: () => number) {
    this.remote = remote;
    this.incoming = incoming;
    this.#now = now;
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(chunks: readonly Uint8Array[]): void {
    const other = this.#other;
    if (other === undefined || this.#closed !== undefined) return;
    for (const chunk of chunks) {
      other.#inbox.push(chunk);
      other.#waiting += chunk.length;
    }
    other.#schedule();
  }

  get pending(): number {
    const other = this.#other;
    return other === undefined ? 0 : other.#waiting;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  close(reason: string): void {
    this.#end(reason);
    const other = this.#other;
    if (other !== undefined) other.#end(reason);
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    const high = this.#waiting > HIGH;
    while (!this.#paused && this.#closed === undefined) {
      const chunk = this.#inbox.shift();
      if (chunk === undefined) break;
      handler.data(chunk, this.#now());
      // Not before: what is not pending any more may be overwritten.
      this.#waiting -= chunk.length;
    }
    const other = this.#other;
    const writer = other === undefined ? undefined : other.#handler;
    if (high && this.#waiting <= HIGH) writer?.drain(this.#now());
    if (this.#closed === undefined) return;
    this.#inbox = [];
    this.#waiting = 0;
    this.#handler = undefined;
    handler.closed(this.#closed, this.#now());
  }
}
