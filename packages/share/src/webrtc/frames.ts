/**
 * What the engine and the process that has WebRTC say to each other over their socket. One behind the other:
 *
 *     0  u32  bytes of the payload, big-endian
 *     4  u8   kind
 *     5  u32  number of the channel, given by the engine, from 2^31 up by the process; 0 for the process itself
 *     9       payload
 *
 *     to the process                        to the engine
 *      1 offer    make an offer              16 described  our session description, with all candidates
 *      2 accept   the offer to answer        17 opened     "IP PORT CERTIFICATE" of the other side
 *      3 answer   to our offer               18 taken      u32: so many bytes of `data` left room for more
 *      4 data     bytes to send               4 data       bytes that came
 *      5 pause    hold back what comes       19 ended      why, for people
 *      6 resume                              20 ready      "LIBRARY WHY": the process can connect, and has this library
 *      7 close    forget it                  21 unable     why it never will
 *      8 channel  open one more              22 incoming   the other side opened one more
 *
 * The last two name the channel. A connection goes by the number of the channel that it was made for, whatever becomes of
 * that, and ends with the last of its channels:
 *
 *     0  u32  number of the connection
 *     4       label (RFC 8832, section 5.1), 64 bytes at most
 *
 * Texts are UTF-8. Payloads of `data` are handed on as they come, in parts; all others are short and come as a whole.
 */

import type { LibraryName } from './library.ts';

export const FRAME = {
  offer: 1,
  accept: 2,
  answer: 3,
  data: 4,
  pause: 5,
  resume: 6,
  close: 7,
  channel: 8,
  described: 16,
  opened: 17,
  taken: 18,
  ended: 19,
  ready: 20,
  unable: 21,
  incoming: 22,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const FRAME_LIMITS = {
  /** Bytes of `data` in one frame. */
  data: 1_048_576,
  /** Bytes of any other payload. */
  other: 65_536,
  /** Bytes of the label of a channel. */
  label: 64,
} as const;

/** Channels of a connection at once. Those that the other side opens beyond are closed. */
export const MOST_CHANNELS = 64;

/** The first of the numbers that the process gives to channels of others. */
export const FIRST_INCOMING = 0x8000_0000;

/** What came cannot be a frame: nothing behind it can be believed either. */
export class FrameError extends Error {}

export interface FrameHandler {
  /** Bytes of a channel; valid during the call only. */
  data(channel: number, bytes: Uint8Array): void;
  frame(kind: Exclude<FrameKind, typeof FRAME.data>, channel: number, payload: Uint8Array): void;
}

const HEAD = 9;
const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));
const EMPTY = new Uint8Array(0);

/** The head of a frame whose payload follows. */
export function frameHead(kind: FrameKind, channel: number, length: number): Uint8Array {
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32BE(length, 0);
  head[4] = kind;
  head.writeUInt32BE(channel, 5);
  return head;
}

export function frame(kind: FrameKind, channel: number, payload: string | Uint8Array = EMPTY): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([frameHead(kind, channel, bytes.length), bytes]);
}

/** Payload of `taken`. */
export function takenPayload(bytes: number): Uint8Array {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes);
  return payload;
}

/** @throws FrameError */
export function readTaken(payload: Uint8Array): number {
  if (payload.length !== 4) throw new FrameError(`"taken" of ${payload.length} bytes`);
  return viewOf(payload).getUint32(0);
}

/** What `channel` and `incoming` say. */
export interface ChannelName {
  /** Number of the connection. */
  readonly connection: number;
  readonly label: string;
}

/** @throws RangeError where the label is too long */
export function channelPayload({ connection, label }: ChannelName): Uint8Array {
  const name = Buffer.from(label);
  if (name.length > FRAME_LIMITS.label) throw new RangeError(`a label of ${name.length} bytes`);
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(connection);
  return Buffer.concat([head, name]);
}

/** @throws FrameError */
export function readChannel(payload: Uint8Array): ChannelName {
  const length = payload.length - 4;
  if (length < 0 || length > FRAME_LIMITS.label) throw new FrameError(`a channel named in ${payload.length} bytes`);
  return { connection: viewOf(payload).getUint32(0), label: Buffer.from(payload.subarray(4)).toString('utf8') };
}

/** What `ready` says. */
export interface Ready {
  readonly library: LibraryName;
  /** Why it is none that is faster; empty where there is no reason. */
  readonly instead: string;
}

export function readyPayload({ library, instead }: Ready): string {
  return `${library} ${instead}`;
}

/** @throws FrameError */
export function readReady(payload: Uint8Array): Ready {
  const [library, ...instead] = Buffer.from(payload).toString('utf8').split(' ');
  if (library !== 'node-datachannel' && library !== 'werift') throw new FrameError(`"ready" with ${library}`);
  return { library, instead: instead.join(' ') };
}

/** Takes a stream of frames apart, whatever the pieces in which it comes. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #head = Buffer.alloc(HEAD);
  #headLength = 0;
  #payload: Uint8Array = EMPTY;
  #kind: FrameKind = FRAME.data;
  #channel = 0;
  #left = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** @throws FrameError after which nothing more may be pushed */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headLength < HEAD) {
        const end = Math.min(bytes.length, at + HEAD - this.#headLength);
        this.#head.set(bytes.subarray(at, end), this.#headLength);
        this.#headLength += end - at;
        at = end;
        if (this.#headLength === HEAD) this.#begin();
        continue;
      }
      const end = Math.min(bytes.length, at + this.#left);
      this.#take(bytes.subarray(at, end));
      at = end;
    }
  }

  #begin(): void {
    const kind = this.#head[4] ?? 0;
    const length = this.#head.readUInt32BE(0);
    if (!isKind(kind)) throw new FrameError(`frame of unknown kind ${kind}`);
    const most = kind === FRAME.data ? FRAME_LIMITS.data : FRAME_LIMITS.other;
    if (length > most) throw new FrameError(`frame of kind ${kind} with ${length} bytes: ${most} at most`);
    this.#kind = kind;
    this.#channel = this.#head.readUInt32BE(5);
    this.#left = length;
    this.#payload = kind === FRAME.data || length === 0 ? EMPTY : new Uint8Array(length);
    if (length === 0) this.#end();
  }

  #take(bytes: Uint8Array): void {
    const kind = this.#kind;
    if (kind === FRAME.data) this.#handler.data(this.#channel, bytes);
    else this.#payload.set(bytes, this.#payload.length - this.#left);
    this.#left -= bytes.length;
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    const [kind, payload] = [this.#kind, this.#payload];
    this.#headLength = 0;
    this.#payload = EMPTY;
    if (kind !== FRAME.data) this.#handler.frame(kind, this.#channel, payload);
  }
}

function isKind(kind: number): kind is FrameKind {
  return KINDS.has(kind);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
