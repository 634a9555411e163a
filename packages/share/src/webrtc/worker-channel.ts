/** One data channel of a peer connection, in the process that has WebRTC. */
import type { Socket } from 'node:net';
import { FRAME, FRAME_LIMITS, frame, frameHead, takenPayload } from './frames.ts';
import type { LibraryChannel } from './library.ts';

/** The connection that it belongs to. */
export interface ChannelHost {
  /** To the engine. */
  readonly socket: Socket;
  /** The other side, as the engine is told of it; undefined as long as it is not known. */
  remote(): string | undefined;
  /** That many more bytes, or fewer, came and were not taken by the engine. */
  waits(bytes: number): void;
  /** It said so to the engine. */
  ended(channel: WorkerChannel): void;
}

/** Bytes that wait in SCTP: at `HIGH` the engine hears no `taken` until they are down to `LOW`. */
const HIGH = 4_194_304;
const LOW = 2_097_152;
/** The largest message that is taken (bytes), and the largest that is sent to who names no size (RFC 8841, section 6.1). */
export const MESSAGE = 262_144;

/** The message that is being gathered, and for whom: one for all, so that those that say little hold no memory for it. */
const gathering = Buffer.alloc(MESSAGE);
let flushGathered: (() => void) | undefined;

export class WorkerChannel {
  readonly id: number;
  readonly #host: ChannelHost;
  // Closed when it is collected as garbage.
  readonly #channel: LibraryChannel;
  #over = false;
  #mostMessage = 65_536;
  /** Bytes of it in the message that is being gathered. */
  #gathered = 0;
  #flushing = false;
  /** Bytes that were sent and not reported as taken. */
  #untaken = 0;
  #full = false;
  #reporting = false;
  #paused = false;
  #held: Buffer[] = [];

  /** The library copies what it is given. */
  readonly #flush = (): void => {
    const length = this.#gathered;
    if (length === 0 || this.#over) return;
    this.#gathered = 0;
    try {
      this.#channel.sendMessageBinary(gathering.subarray(0, length));
      this.#full = this.#channel.bufferedAmount() >= HIGH;
    } catch (error) {
      // What is thrown out of a callback would end the process.
      this.end(String(error));
    }
    this.#untaken += length;
    if (!this.#full) this.#report();
  };

  constructor(id: number, channel: LibraryChannel, host: ChannelHost) {
    this.id = id;
    this.#host = host;
    this.#channel = channel;
    channel.setBufferedAmountLowThreshold(LOW);
    channel.onBufferedAmountLow(() => {
      this.#full = false;
      this.#report();
    });
    channel.onMessage((message) => {
      if (typeof message === 'string') this.end('sent text');
      else this.#came(message instanceof ArrayBuffer ? Buffer.from(message) : message);
    });
    channel.onError((reason) => this.end(reason));
    channel.onClosed(() => this.end('closed by the peer'));
    let told = false;
    const opened = (): void => {
      if (told || this.#over) return;
      const remote = host.remote();
      if (remote === undefined) return;
      told = true;
      this.#mostMessage = Math.max(1, Math.min(MESSAGE, channel.maxMessageSize()));
      host.socket.write(frame(FRAME.opened, id, remote));
    };
    channel.onOpen(opened);
    if (channel.isOpen()) opened();
  }

  /** Bytes that are valid during the call only. All of one turn leave in as few messages as may be. */
  send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#over;) {
      const end = Math.min(bytes.length, at + this.#mostMessage - this.#gathered);
      if (flushGathered !== this.#flush) flushGathered?.();
      flushGathered = this.#flush;
      gathering.set(bytes.subarray(at, end), this.#gathered);
      this.#gathered += end - at;
      at = end;
      if (this.#gathered === this.#mostMessage) this.#flush();
    }
    if (this.#flushing || this.#gathered === 0) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.#pass(message);
  }

  /** Idempotent. @param reason for people */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    for (const { length } of this.#held) this.#host.waits(-length);
    this.#held = [];
    this.#host.socket.write(frame(FRAME.ended, this.id, reason));
    try {
      this.#channel.close();
    } catch {
      // It is closed then.
    }
    this.#host.ended(this);
  }

  #came(message: Buffer): void {
    if (this.#over) return;
    this.#host.waits(message.length);
    if (this.#over) return;
    if (this.#paused) this.#held.push(message);
    else this.#pass(message);
  }

  #pass(message: Buffer): void {
    const { socket } = this.#host;
    const { length } = message;
    for (let at = 0; at < length; at += FRAME_LIMITS.data) {
      const part = message.subarray(at, at + FRAME_LIMITS.data);
      socket.cork();
      socket.write(frameHead(FRAME.data, this.id, part.length));
      socket.write(part, () => this.#host.waits(-part.length));
      socket.uncork();
    }
  }

  /** Once for all that was sent in one turn. */
  #report(): void {
    if (this.#reporting || this.#untaken === 0) return;
    this.#reporting = true;
    setImmediate(() => {
      this.#reporting = false;
      if (this.#over || this.#full || this.#untaken === 0) return;
      this.#host.socket.write(frame(FRAME.taken, this.id, takenPayload(this.#untaken)));
      this.#untaken = 0;
    });
  }
}
