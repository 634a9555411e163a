/** A data channel of werift, in the form that node-datachannel's have. */
import type { RTCDataChannel } from 'werift';
import type { LibraryChannel } from './library.ts';

/** What is taken where the other side says nothing that makes sense (RFC 8841, section 6.1). */
const MESSAGE_UNSAID = 65_536;

/** The connection that it belongs to. */
export interface WeriftHost {
  /** The largest message that is taken, bytes. */
  readonly maxMessageSize: number;
  /** Runs what may have errors of this connection. */
  inside<T>(work: () => T): T;
  /** It has something to send. */
  wantsTurn(channel: WeriftChannel): void;
}

/** Payload protocol of bytes (RFC 8831, section 8). */
const BINARY = 53;

export class WeriftChannel implements LibraryChannel {
  readonly #channel: RTCDataChannel;
  readonly #host: WeriftHost;
  readonly #queue: Buffer[] = [];
  #buffered = 0;
  #threshold = 0;
  #low: () => void = () => undefined;
  #error: (reason: string) => void = () => undefined;

  constructor(channel: RTCDataChannel, host: WeriftHost) {
    this.#channel = channel;
    this.#host = host;
  }

  getLabel(): string {
    return this.#channel.label;
  }

  isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  maxMessageSize(): number {
    const said = this.#channel.sctp.remoteMaxMessageSize;
    if (said === 0) return this.#host.maxMessageSize;
    return Number.isInteger(said) && said > 0 ? said : MESSAGE_UNSAID;
  }

  sendMessageBinary(bytes: Uint8Array): boolean {
    if (!this.isOpen()) throw new Error('the channel is not open');
    this.#queue.push(Buffer.from(bytes));
    this.#buffered += bytes.length;
    this.#host.wantsTurn(this);
    return false;
  }

  /** Its next message goes out. @returns whether there are more */
  async takeTurn(): Promise<boolean> {
    const message = this.#queue.shift();
    if (message === undefined || !this.isOpen()) return false;
    // Werift's own queue looks at all that waits in it for every packet.
    await this.#channel.sctp.sctp.send(this.#channel.id, BINARY, message);
    const before = this.#buffered;
    this.#buffered -= message.length;
    if (before > this.#threshold && this.#buffered <= this.#threshold) this.#low();
    return this.#queue.length > 0;
  }

  bufferedAmount(): number {
    return this.#buffered;
  }

  setBufferedAmountLowThreshold(bytes: number): void {
    this.#threshold = bytes;
  }

  close(): void {
    const close = (): void => this.#host.inside(() => this.#channel.close());
    // Werift tells of a channel before it answers for it, and an answer behind the end of the stream counts for the next one.
    if (this.#channel.readyState === 'connecting') setImmediate(close);
    else close();
  }

  onOpen(listener: () => void): void {
    this.#channel.stateChanged.subscribe((state) => {
      if (state === 'open') listener();
    });
  }

  onMessage(listener: (message: string | Buffer) => void): void {
    this.#channel.onMessage.subscribe((message) => {
      if (message.length > this.#host.maxMessageSize) this.#error(`sent a message of ${message.length} bytes`);
      else listener(message);
    });
  }

  onBufferedAmountLow(listener: () => void): void {
    this.#low = listener;
  }

  onError(listener: (reason: string) => void): void {
    this.#error = listener;
  }

  onClosed(listener: () => void): void {
    this.#channel.stateChanged.subscribe((state) => {
      if (state === 'closing' || state === 'closed') listener();
    });
  }
}
