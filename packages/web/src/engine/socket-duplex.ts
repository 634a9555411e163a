/** The node at the other end of a WebSocket, as the engine's `Duplex`. */
import type { Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import { Inbox } from './inbox.ts';
import { packed } from './pack.ts';

const MOST_MESSAGE = 262_144;
const MOST_WAITING = 32 * 1_048_576;
/** Nobody tells when a socket has sent everything, so one has to look, ms. */
const LOOK = 4;

export class SocketDuplex implements Duplex {
  readonly kind = 'websocket';
  readonly incoming = false;
  readonly remote: PeerAddress;
  readonly #socket: WebSocket;
  readonly #inbox: Inbox;
  readonly #whenEnded: (reason: string) => void;
  #handler: DuplexHandler | undefined;
  #reason: string | undefined;
  #ended = false;
  #looking = false;

  /** @param socket open @param ended told once, with the reason */
  constructor(socket: WebSocket, remote: PeerAddress, ended: (reason: string) => void) {
    this.#whenEnded = ended;
    this.#socket = socket;
    this.remote = remote;
    this.#inbox = new Inbox((bytes) => {
      if (this.#reason === undefined) this.#handler?.data(bytes, performance.now());
    }, MOST_WAITING);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (!(data instanceof ArrayBuffer)) this.close('it sent text');
      else if (!this.#inbox.put(data)) this.close('it sent more than was asked for');
    });
    socket.addEventListener('close', () => this.#end('the node closed the connection'));
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    if (this.#socket.readyState === WebSocket.CLOSED) setTimeout(() => this.#end('closed'), 0);
    this.#inbox.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#reason !== undefined || this.#socket.readyState !== WebSocket.OPEN) return;
    for (const message of packed(chunks, MOST_MESSAGE)) this.#socket.send(message);
    if (this.#looking) return;
    this.#looking = true;
    setTimeout(() => this.#look(), 0);
  }

  get pending(): number {
    return this.#socket.bufferedAmount;
  }

  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    if (this.#handler !== undefined) this.#inbox.resume();
  }

  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#socket.close();
    // The closing handshake of a node that is gone takes a minute: nobody waits for it.
    setTimeout(() => this.#end(reason), 0);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason ??= reason;
    this.#whenEnded(this.#reason);
    this.#handler?.closed(this.#reason, performance.now());
  }

  #look(): void {
    if (this.#reason !== undefined || this.#ended) return;
    if (this.#socket.bufferedAmount > 0) {
      setTimeout(() => this.#look(), LOOK);
      return;
    }
    this.#looking = false;
    this.#handler?.drain(performance.now());
  }
}
