/** Another browser at the end of a WebRTC channel. The channel lives in the page; its bytes go through a port, moved and not copied. */
import type { Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import { Inbox } from './inbox.ts';
import type { ChannelAsk, ChannelTell } from './messages.ts';
import { packed } from './pack.ts';

/** What every browser takes in one message. */
const MOST_MESSAGE = 65_536;
const MOST_WAITING = 32 * 1_048_576;

export class ChannelDuplex implements Duplex {
  readonly kind = 'webrtc';
  readonly incoming: boolean;
  readonly remote: PeerAddress;
  readonly #port: MessagePort;
  readonly #inbox: Inbox;
  readonly #whenEnded: () => void;
  #handler: DuplexHandler | undefined;
  #pending = 0;
  #reason: string | undefined;
  #ended = false;

  /** @param ended told once, whoever ended it */
  constructor(port: MessagePort, remote: PeerAddress, incoming: boolean, ended: () => void) {
    this.#whenEnded = ended;
    this.#port = port;
    this.remote = remote;
    this.incoming = incoming;
    this.#inbox = new Inbox((bytes) => {
      if (this.#reason === undefined) this.#handler?.data(bytes, performance.now());
    }, MOST_WAITING);
    port.addEventListener('message', ({ data }: MessageEvent<ChannelTell>) => this.#hear(data));
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    this.#inbox.resume();
    this.#port.start();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#reason !== undefined) return;
    for (const { buffer } of packed(chunks, MOST_MESSAGE)) {
      this.#pending += buffer.byteLength;
      this.#port.postMessage(buffer satisfies ChannelAsk, [buffer]);
    }
  }

  get pending(): number {
    return this.#pending;
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
    this.#port.postMessage('close' satisfies ChannelAsk);
    setTimeout(() => this.#end(reason), 0);
  }

  #hear(told: ChannelTell): void {
    if (told instanceof ArrayBuffer) {
      if (!this.#inbox.put(told)) this.close('it sent more than was asked for');
    } else if ('closed' in told) {
      this.#end(told.closed);
    } else {
      this.#pending -= told.taken;
      if (this.#pending === 0 && this.#reason === undefined) this.#handler?.drain(performance.now());
    }
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason ??= reason;
    this.#port.close();
    this.#whenEnded();
    this.#handler?.closed(this.#reason, performance.now());
  }
}
