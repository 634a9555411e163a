/**
 * Two ends of a connection in memory: what one writes waits until the other is told to `deliver` it. Nothing happens by
 * itself, so that a test decides on every read and can repeat it.
 */
import type { Duplex, DuplexHandler, PeerAddress } from './duplex.ts';

export interface MemoryDuplexOptions {
  /** Bytes of the next read, of `available` ones; at least 1. Without it a read takes all there is. */
  readonly cut?: (available: number) => number;
  /** How the dialing end sees the other one, and the other way round. */
  readonly addresses?: readonly [remoteOfDialed: PeerAddress, remoteOfAccepted: PeerAddress];
  /** What both ends pass for; `memory` by default. */
  readonly kind?: Duplex['kind'];
}

export class MemoryDuplex implements Duplex {
  readonly kind: Duplex['kind'];
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly #cut: (available: number) => number;
  #other: MemoryDuplex | undefined;
  #handler: DuplexHandler | undefined;
  /** What the other end wrote. */
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #paused = false;
  #drains = false;
  #closing: string | undefined;
  #closed = false;

  /** The end that dialed and the one that accepted. */
  static pair(options: MemoryDuplexOptions = {}): readonly [MemoryDuplex, MemoryDuplex] {
    const { cut = (available) => available, kind = 'memory' } = options;
    const addresses = options.addresses ?? [
      { ip: '127.0.0.1', port: 2 },
      { ip: '127.0.0.1', port: 1 },
    ];
    const dialed = new MemoryDuplex(kind, addresses[0], false, cut);
    const accepted = new MemoryDuplex(kind, addresses[1], true, cut);
    dialed.#other = accepted;
    accepted.#other = dialed;
    return [dialed, accepted];
  }

  /** Delivers both ways until both ends have nothing more to say; false if that took more than `rounds`. */
  static settle(pair: readonly [MemoryDuplex, MemoryDuplex], now: number, rounds: number = 100): boolean {
    for (let round = 0; round < rounds; round++) {
      if (pair[0].deliver(now) + pair[1].deliver(now) === 0) return true;
    }
    return false;
  }

  private constructor(
    kind: Duplex['kind'],
    remote: PeerAddress,
    incoming: boolean,
    cut: (available: number) => number,
  ) {
    this.kind = kind;
    this.remote = remote;
    this.incoming = incoming;
    this.#cut = cut;
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
  }

  /** Copies: what is encrypted or parsed in place at the other end must not change what was written. */
  write(chunks: readonly Uint8Array[]): void {
    const other = this.#other;
    if (other === undefined || this.#closing !== undefined || other.#closing !== undefined) return;
    for (const chunk of chunks) {
      other.#inbox.push(chunk.slice());
      other.#inboxBytes += chunk.length;
      this.#drains = true;
    }
  }

  get pending(): number {
    return this.#other === undefined ? 0 : this.#other.#inboxBytes;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  close(reason: string): void {
    this.#closing ??= reason;
  }

  /**
   * Hands this end what the other one had written when the call began, then tells the other that it drained, and this
   * one of the end. Returns the number of bytes, or of ends.
   */
  deliver(now: number): number {
    const handler = this.#handler;
    if (handler === undefined || this.#closed) return 0;
    let delivered = 0;
    if (!this.#paused && this.#closing === undefined && this.#inboxBytes > 0)
      delivered = this.#deliverInbox(handler, now);
    const ended = this.#closing ?? this.#endOfOther();
    if (ended === undefined) return delivered;
    this.#closing ??= ended;
    this.#closed = true;
    this.#inbox = [];
    this.#inboxBytes = 0;
    handler.closed(ended, now);
    return delivered + 1;
  }

  #endOfOther(): string | undefined {
    const other = this.#other;
    const ended = other !== undefined && other.#closing !== undefined && this.#inboxBytes === 0;
    return ended ? 'closed by the peer' : undefined;
  }

  #deliverInbox(handler: DuplexHandler, now: number): number {
    const length = this.#inboxBytes;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#inbox) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#inbox = [];
    this.#inboxBytes = 0;
    for (at = 0; at < length && this.#closing === undefined;) {
      if (this.#paused) {
        this.#inbox.unshift(bytes.slice(at));
        this.#inboxBytes += length - at;
        return at;
      }
      const end = Math.min(length, at + Math.max(1, this.#cut(length - at)));
      handler.data(bytes.slice(at, end), now);
      at = end;
    }
    const other = this.#other;
    if (other !== undefined && other.#drains && this.#inboxBytes === 0 && !other.#closed) {
      other.#drains = false;
      other.#handler?.drain(now);
    }
    return length;
  }
}
