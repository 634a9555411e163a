/**
 * A TCP connection as the engine's {@link Duplex}. All connections read into one buffer: a read is handed on before the
 * next one begins, so that ten thousand idle connections hold no memory for reading, and busy ones find it in the cache.
 */
import { Socket } from 'node:net';
import { codeOf } from '@kith/core';
import type { Copy, Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import { nodeCopy } from './node-copy.ts';
import { intoBuffer, type Read, withReadBuffer } from './read-buffer.ts';

/** Bytes of one read at most. */
const READ = 256 * 1024;
const readBuffer = new Uint8Array(READ);

/** Monotonic milliseconds. */
export type Clock = () => number;

export interface TcpDuplexOptions {
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly clock: Clock;
  /** Told once when the first bytes have come. */
  readonly onHeard?: () => void;
  readonly onClosed?: () => void;
}

export class TcpDuplex implements Duplex {
  readonly kind = 'tcp';
  readonly copy: Copy = nodeCopy;
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #onClosed: (() => void) | undefined;
  #onHeard: (() => void) | undefined;
  #handler: DuplexHandler | undefined;
  #paused = false;
  #reason: string | undefined;
  #closed = false;

  /**
   * A socket that is not connected yet, nor reading.
   * @internal Connections are made by `TcpDialer` and `TcpListener`.
   */
  static unconnected(options: TcpDuplexOptions): { duplex: TcpDuplex; socket: Socket } {
    const duplex = new TcpDuplex(options, (read) => {
      return new Socket({ onread: intoBuffer(readBuffer, read), readable: true, writable: true });
    });
    return { duplex, socket: duplex.#socket };
  }

  /**
   * Takes over a socket that came paused from a server.
   * @internal
   */
  static adopt(accepted: Socket, options: TcpDuplexOptions): TcpDuplex {
    return new TcpDuplex(options, (read) => withReadBuffer(accepted, readBuffer, read));
  }

  private constructor(options: TcpDuplexOptions, open: (read: Read) => Socket) {
    this.remote = options.remote;
    this.incoming = options.incoming;
    this.#clock = options.clock;
    this.#onHeard = options.onHeard;
    this.#onClosed = options.onClosed;
    const socket = open((bytes) => this.#read(bytes));
    this.#socket = socket;
    socket.pause();
    socket.on('error', (error) => (this.#reason ??= reasonOf(error)));
    socket.on('end', () => this.close('closed by the peer'));
    socket.on('close', () => this.#ended());
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    if (this.#closed) setImmediate(() => handler.closed(this.#reason ?? CLOSED, this.#clock()));
    else if (!this.#paused) this.#socket.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (this.#reason !== undefined) return;
    const last = chunks.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i] ?? NOTHING);
    socket.write(chunks[last] ?? NOTHING, this.#taken);
    if (last > 0) socket.uncork();
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler !== undefined) this.#socket.resume();
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  #read(bytes: Uint8Array): void {
    if (this.#reason !== undefined) return;
    this.#onHeard?.();
    this.#onHeard = undefined;
    this.#handler?.data(bytes, this.#clock());
  }

  /** Node's own `drain` does not come where the system took a write at once. */
  readonly #taken = (): void => {
    if (this.#reason === undefined && this.#socket.writableLength === 0) this.#handler?.drain(this.#clock());
  };

  #ended(): void {
    this.#closed = true;
    this.#onClosed?.();
    this.#handler?.closed(this.#reason ?? CLOSED, this.#clock());
  }
}

const CLOSED = 'closed';

const NOTHING = new Uint8Array(0);

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['ECONNABORTED', 'connection aborted'],
  ['ETIMEDOUT', 'no answer'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'no route to the network'],
  ['EADDRNOTAVAIL', 'the local address is not there'],
  ['EACCES', 'not permitted'],
  ['EPERM', 'not permitted'],
  ['EMFILE', 'too many open files'],
  ['ENFILE', 'too many open files on this machine'],
]);

/** For people. */
export function reasonOf(error: Error): string {
  return REASONS.get(codeOf(error)) ?? error.message;
}
