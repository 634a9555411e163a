/** A WebSocket as the engine's {@link Duplex}: the bytes of the peer protocol in binary messages of any size. */
import type { Clock } from '../net/tcp-duplex.ts';
import { nodeCopy } from '../net/node-copy.ts';
import type { Copy, Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import type { WebSocket } from 'ws';

export interface WsDuplexOptions {
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly clock: Clock;
}

/** No more bytes stand in one message: a browser gets each as one piece of memory. */
const MOST = 262_144;
const CLOSED = 'closed';
/** The other side has that long to say goodbye too, ms. */
const GOODBYE = 1000;
/** Normal closure (RFC 6455, section 7.4.1). */
const NORMAL = 1000;

export class WsDuplex implements Duplex {
  readonly kind = 'websocket';
  readonly copy: Copy = nodeCopy;
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  #handler: DuplexHandler | undefined;
  #reason: string | undefined;
  #closed = false;

  /** @param socket open, and not read by anybody yet */
  constructor(socket: WebSocket, { remote, incoming, clock }: WsDuplexOptions) {
    this.remote = remote;
    this.incoming = incoming;
    this.#socket = socket;
    this.#clock = clock;
    socket.binaryType = 'nodebuffer';
    socket.pause();
    socket.on('message', (data: Buffer, isBinary) => {
      if (this.#reason !== undefined) return;
      if (isBinary) this.#handler?.data(data, this.#clock());
      else this.close('sent text');
    });
    socket.on('error', (error) => (this.#reason ??= error.message));
    socket.on('close', () => this.#end());
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    if (this.#closed) setImmediate(() => handler.closed(this.#reason ?? CLOSED, this.#clock()));
    else this.#socket.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#reason !== undefined) return;
    for (const message of messagesOf(chunks)) this.#socket.send(message, SEND, this.#taken);
  }

  get pending(): number {
    return this.#socket.bufferedAmount;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#handler !== undefined) this.#socket.resume();
  }

  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    // What ends without a goodbye is a fault to browsers, and some say so to people.
    this.#socket.resume();
    this.#socket.close(NORMAL);
    setTimeout(() => this.#socket.terminate(), GOODBYE).unref();
    setImmediate(() => this.#end());
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler?.closed(this.#reason ?? 'closed by the peer', this.#clock());
  }

  readonly #taken = (): void => {
    if (this.#reason === undefined && this.#socket.bufferedAmount === 0) this.#handler?.drain(this.#clock());
  };
}

const SEND = { binary: true, compress: false } as const;

/** Small chunks together, so that a header does not travel alone; large ones as they are. */
function messagesOf(chunks: readonly Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let waiting: Uint8Array[] = [];
  let length = 0;
  const flush = (): void => {
    const [only] = waiting;
    if (waiting.length === 1 && only !== undefined) messages.push(only);
    else if (waiting.length > 1) messages.push(Buffer.concat(waiting, length));
    waiting = [];
    length = 0;
  };
  for (const chunk of chunks) {
    if (length + chunk.length > MOST) flush();
    waiting.push(chunk);
    length += chunk.length;
  }
  flush();
  return messages;
}
