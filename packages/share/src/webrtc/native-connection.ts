/** One peer connection with its data channel, in the process that has WebRTC. */
import type { Socket } from 'node:net';
import type * as datachannel from 'node-datachannel';
import { FRAME, FRAME_LIMITS, frame, frameHead, takenPayload } from './frames.ts';
import type { WebRtcSetup } from './webrtc-process.ts';

type Native = typeof datachannel;

export interface NativeOptions {
  readonly id: number;
  /** To the engine. */
  readonly socket: Socket;
  readonly ended: () => void;
}

/** Bytes that wait in SCTP: at `HIGH` the engine hears no `taken` until they are down to `LOW`. */
const HIGH = 4_194_304;
const LOW = 2_097_152;
/**
 * Bytes that came and that the engine did not take yet. A peer sends what it was asked for, which is less; the library
 * cannot stop one that sends more.
 */
const MOST_WAITING = 67_108_864;
/** The largest message that is taken (bytes), and the largest that is sent to who names no size (RFC 8841, section 6.1). */
const MESSAGE = 262_144;
/** Waiting for candidates that a STUN server has to tell, ms. */
const GATHERING = 3_000;

/** The message that is being gathered, and for whom: one for all, so that those that say little hold no memory for it. */
const gathering = Buffer.alloc(MESSAGE);
let flushGathered: (() => void) | undefined;

export class NativeConnection {
  readonly #id: number;
  readonly #socket: Socket;
  readonly #ended: () => void;
  // Both are closed when they are collected as garbage.
  readonly #connection: datachannel.PeerConnection;
  #channel: datachannel.DataChannel | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #described = false;
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
  #waiting = 0;

  /** The library copies what it is given. */
  readonly #flush = (): void => {
    const [channel, length] = [this.#channel, this.#gathered];
    if (channel === undefined || length === 0 || this.#over) return;
    this.#gathered = 0;
    this.#try(() => {
      channel.sendMessageBinary(gathering.subarray(0, length));
      this.#full = channel.bufferedAmount() >= HIGH;
    });
    this.#untaken += length;
    if (!this.#full) this.#report();
  };

  constructor(native: Native, setup: WebRtcSetup, { id, socket, ended }: NativeOptions) {
    this.#id = id;
    this.#socket = socket;
    this.#ended = ended;
    const { iceServers, bindAddress } = setup;
    this.#connection = new native.PeerConnection(String(id), {
      ...{ iceServers: [...iceServers], maxMessageSize: MESSAGE },
      ...(bindAddress === undefined ? {} : { bindAddress }),
    });
    const connection = this.#connection;
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#describe();
      else if (state === 'gathering') this.#gathering = setTimeout(() => this.#describe(), GATHERING);
    });
    connection.onStateChange((state) => {
      if (state === 'failed') this.end('no way to the peer was found');
      else if (state === 'disconnected') this.end('the peer is not heard of any more');
      else if (state === 'closed') this.end('closed by the peer');
    });
  }

  offer(): void {
    this.#try(() => this.#take(this.#connection.createDataChannel('kith')));
  }

  accept(sdp: string): void {
    this.#connection.onDataChannel((channel) => {
      if (this.#channel === undefined) this.#take(channel);
      else channel.close();
    });
    this.#try(() => this.#connection.setRemoteDescription(sdp, 'offer'));
  }

  answered(sdp: string): void {
    this.#try(() => this.#connection.setRemoteDescription(sdp, 'answer'));
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
    clearTimeout(this.#gathering);
    this.#held = [];
    this.#socket.write(frame(FRAME.ended, this.#id, reason));
    this.#ended();
    try {
      this.#channel?.close();
      this.#connection.close();
    } catch {
      // It is closed then.
    }
  }

  #describe(): void {
    clearTimeout(this.#gathering);
    const description = this.#connection.localDescription();
    if (this.#described || this.#over || description === null) return;
    this.#described = true;
    this.#socket.write(frame(FRAME.described, this.#id, description.sdp));
  }

  #take(channel: datachannel.DataChannel): void {
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
      const remote = this.#connection.getSelectedCandidatePair()?.remote;
      if (told || this.#over || remote === undefined) return;
      told = true;
      this.#mostMessage = Math.max(1, Math.min(MESSAGE, channel.maxMessageSize()));
      this.#socket.write(frame(FRAME.opened, this.#id, `${remote.address} ${remote.port}`));
    };
    channel.onOpen(opened);
    if (channel.isOpen()) opened();
  }

  #came(message: Buffer): void {
    if (this.#over) return;
    this.#waiting += message.length;
    if (this.#waiting > MOST_WAITING) return this.end('sent more than it was asked for');
    if (this.#paused) this.#held.push(message);
    else this.#pass(message);
  }

  #pass(message: Buffer): void {
    const { length } = message;
    for (let at = 0; at < length; at += FRAME_LIMITS.data) {
      const part = message.subarray(at, at + FRAME_LIMITS.data);
      this.#socket.cork();
      this.#socket.write(frameHead(FRAME.data, this.#id, part.length));
      this.#socket.write(part, () => (this.#waiting -= part.length));
      this.#socket.uncork();
    }
  }

  /** Once for all that was sent in one turn. */
  #report(): void {
    if (this.#reporting || this.#untaken === 0) return;
    this.#reporting = true;
    setImmediate(() => {
      this.#reporting = false;
      if (this.#over || this.#full || this.#untaken === 0) return;
      this.#socket.write(frame(FRAME.taken, this.#id, takenPayload(this.#untaken)));
      this.#untaken = 0;
    });
  }

  /** The library throws at what it does not understand, and out of a callback that would end the process. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }
}
