/** A data channel as the engine's {@link Duplex}: ordered, reliable, messages of any size. */
import type { Copy, Duplex, DuplexHandler, PeerAddress } from '@kith/torrent';
import { nodeCopy } from '../net/node-copy.ts';
import type { Clock } from '../net/tcp-duplex.ts';
import { FRAME, FRAME_LIMITS } from './frames.ts';
import type { WebRtcProcess } from './webrtc-process.ts';

export interface WebRtcDuplexOptions {
  /** Of the candidate that was selected. */
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly clock: Clock;
  /** Number of the connection in the process. */
  readonly number: number;
  readonly process: WebRtcProcess;
}

export class WebRtcDuplex implements Duplex {
  readonly kind = 'webrtc';
  readonly copy: Copy = nodeCopy;
  readonly remote: PeerAddress;
  readonly incoming: boolean;
  readonly #clock: Clock;
  readonly #number: number;
  readonly #process: WebRtcProcess;
  #handler: DuplexHandler | undefined;
  #paused = false;
  /** What came while nobody wanted it, until the process knows of that. */
  #held: Uint8Array[] = [];
  #pending = 0;
  #draining = false;
  #reason: string | undefined;
  #told = false;
  #whenEnded: () => void = () => undefined;

  /** @internal Connections are made by `WebRtc`. */
  constructor({ remote, incoming, clock, number, process }: WebRtcDuplexOptions) {
    this.remote = remote;
    this.incoming = incoming;
    this.#clock = clock;
    this.#number = number;
    this.#process = process;
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
    setImmediate(() => {
      this.#release();
      this.#tell();
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#reason !== undefined) return;
    let batch: Uint8Array[] = [];
    let length = 0;
    const flush = (): void => {
      if (length > 0) this.#process.send(this.#number, batch, length);
      this.#pending += length;
      batch = [];
      length = 0;
    };
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += FRAME_LIMITS.data) {
        const part = chunk.subarray(at, at + FRAME_LIMITS.data);
        if (length + part.length > FRAME_LIMITS.data) flush();
        batch.push(part);
        length += part.length;
      }
    }
    flush();
  }

  get pending(): number {
    return this.#pending;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#process.say(FRAME.pause, this.#number);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#process.say(FRAME.resume, this.#number);
    // What is held came before what the process sends from now on, and nothing is delivered from within this call.
    setImmediate(() => this.#release());
  }

  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#process.say(FRAME.close, this.#number);
    this.ended(reason);
  }

  /** Called once, also where nobody ever started to read. */
  whenEnded(listener: () => void): void {
    this.#whenEnded = listener;
    if (this.#reason !== undefined) listener();
  }

  // What the process says.

  /** Bytes that came; valid during the call only. */
  came(bytes: Uint8Array): void {
    if (this.#reason !== undefined) return;
    if (this.#handler === undefined || this.#paused || this.#held.length > 0) this.#held.push(bytes.slice());
    else this.#handler.data(bytes, this.#clock());
  }

  taken(bytes: number): void {
    this.#pending = Math.max(0, this.#pending - bytes);
    if (this.#pending > 0 || this.#draining) return;
    this.#draining = true;
    setImmediate(() => {
      this.#draining = false;
      if (this.#reason === undefined && this.#pending === 0) this.#handler?.drain(this.#clock());
    });
  }

  ended(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    setImmediate(() => this.#tell());
    this.#whenEnded();
  }

  #release(): void {
    while (!this.#paused && this.#reason === undefined) {
      const bytes = this.#held.shift();
      if (bytes === undefined) return;
      this.#handler?.data(bytes, this.#clock());
    }
  }

  #tell(): void {
    if (this.#told || this.#reason === undefined || this.#handler === undefined) return;
    this.#told = true;
    this.#held = [];
    this.#handler.closed(this.#reason, this.#clock());
  }
}
