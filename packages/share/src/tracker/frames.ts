/**
 * WebSocket frames (RFC 6455 section 5.2), the server's half, without extensions:
 *
 *     fin 1 bit, reserved 3, opcode 4, masked 1, length 7 (126: 2 bytes follow, 127: 8), mask 4, payload
 *
 * A tracker holds tens of thousands of connections that are silent most of the time; the state here is a handful of fields, and a
 * message that arrives whole is read where it lies.
 */
import { isUtf8 } from 'node:buffer';

export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Why a connection is closed, with the code that says so (RFC 6455 section 7.4.1). */
export class FrameError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'FrameError';
    this.code = code;
  }
}

export interface FrameHandler {
  text(text: string): void;
  /** `payload` is valid during the call. */
  ping(payload: Buffer): void;
  pong(): void;
  close(): void;
}

const NOTHING = Buffer.alloc(0);

export class FrameReader {
  readonly #most: number;
  /** What came and is not complete. */
  #rest: Buffer = NOTHING;
  #restLength = 0;
  #fragments: Buffer[] | undefined = undefined;
  #fragmentBytes = 0;

  /** `most` bytes of a message. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a frame or message has begun and not ended. */
  get isWaiting(): boolean {
    return this.#restLength > 0 || this.#fragments !== undefined;
  }

  /** Takes bytes, which it may change. @throws FrameError, after which the reader is of no more use */
  push(bytes: Buffer, handler: FrameHandler): void {
    let input = bytes;
    if (this.#restLength > 0) {
      this.#append(bytes);
      input = this.#rest.subarray(0, this.#restLength);
    }
    let at = 0;
    while (at < input.length) {
      const end = this.#frame(input, at, handler);
      if (end < 0) break;
      at = end;
    }
    if (at === input.length) {
      this.#rest = NOTHING;
      this.#restLength = 0;
    } else if (at > 0 || input === bytes) {
      const left = Buffer.from(input.subarray(at));
      this.#rest = left;
      this.#restLength = left.length;
    }
  }

  /** Grows by doubling, so that bytes that drip in one by one are not copied over and over. */
  #append(bytes: Buffer): void {
    const length = this.#restLength + bytes.length;
    if (length > this.#rest.length) {
      const rest = Buffer.allocUnsafe(Math.max(length, 2 * this.#rest.length));
      this.#rest.copy(rest, 0, 0, this.#restLength);
      this.#rest = rest;
    }
    bytes.copy(this.#rest, this.#restLength);
    this.#restLength = length;
  }

  /** The offset behind the frame at `at`, or -1 while it is not complete. */
  #frame(input: Buffer, at: number, handler: FrameHandler): number {
    const available = input.length - at;
    if (available < 2) return -1;
    const first = input[at] as number;
    const second = input[at + 1] as number;
    const opcode = first & 0x0f;
    const fin = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) throw new FrameError(1002, 'reserved bits are set');
    if ((second & 0x80) === 0) throw new FrameError(1002, 'a client has to mask');
    let length = second & 0x7f;
    let header = 6;
    if (opcode >= OPCODE.close && (length > 125 || !fin)) throw new FrameError(1002, 'a control frame is too long');
    if (length === 126) {
      if (available < 4) return -1;
      length = input.readUInt16BE(at + 2);
      header = 8;
    } else if (length === 127) {
      if (available < 10) return -1;
      length = input.readUInt32BE(at + 2) * 0x1_0000_0000 + input.readUInt32BE(at + 6);
      header = 14;
    }
    if (length + this.#fragmentBytes > this.#most)
      throw new FrameError(1009, `a message has at most ${this.#most} bytes`);
    if (available < header + length) return -1;
    const start = at + header;
    const end = start + length;
    unmask(input, start, end);
    this.#take(opcode, fin, input, start, end, handler);
    return end;
  }

  #take(opcode: number, fin: boolean, input: Buffer, start: number, end: number, handler: FrameHandler): void {
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.binary:
        if (this.#fragments !== undefined) throw new FrameError(1002, 'a message inside another');
        // Some clients send their JSON as bytes.
        if (fin) handler.text(textOf(input, start, end));
        else this.#keep(input.subarray(start, end));
        return;
      case OPCODE.more: {
        if (this.#fragments === undefined) throw new FrameError(1002, 'the rest of no message');
        if (end === start && !fin) throw new FrameError(1002, 'an empty fragment');
        this.#keep(input.subarray(start, end));
        if (!fin) return;
        const whole = Buffer.concat(this.#fragments);
        this.#fragments = undefined;
        this.#fragmentBytes = 0;
        handler.text(textOf(whole, 0, whole.length));
        return;
      }
      case OPCODE.ping:
        handler.ping(input.subarray(start, end));
        return;
      case OPCODE.pong:
        handler.pong();
        return;
      case OPCODE.close:
        handler.close();
        return;
      default:
        throw new FrameError(1002, `unknown opcode ${opcode}`);
    }
  }

  #keep(part: Buffer): void {
    this.#fragments ??= [];
    this.#fragments.push(Buffer.from(part));
    this.#fragmentBytes += part.length;
  }
}

/** A whole text message as one frame; servers do not mask. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = 0x80 | OPCODE.text;
  if (header === 2) frame[1] = length;
  else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, header);
  return frame;
}

/** `payload` has at most 125 bytes. */
export function controlFrame(opcode: 8 | 9 | 10, payload: Buffer = NOTHING): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

export function closeFrame(code: number): Buffer {
  return controlFrame(OPCODE.close, Buffer.from([code >> 8, code & 0xff]));
}

/** The mask stands right before `start`. */
function unmask(input: Buffer, start: number, end: number): void {
  const a = input[start - 4] as number;
  const b = input[start - 3] as number;
  const c = input[start - 2] as number;
  const d = input[start - 1] as number;
  let at = start;
  for (; at + 3 < end; at += 4) {
    input[at] = (input[at] as number) ^ a;
    input[at + 1] = (input[at + 1] as number) ^ b;
    input[at + 2] = (input[at + 2] as number) ^ c;
    input[at + 3] = (input[at + 3] as number) ^ d;
  }
  if (at < end) input[at] = (input[at] as number) ^ a;
  if (at + 1 < end) input[at + 1] = (input[at + 1] as number) ^ b;
  if (at + 2 < end) input[at + 2] = (input[at + 2] as number) ^ c;
}

function textOf(input: Buffer, start: number, end: number): string {
  const bytes = input.subarray(start, end);
  if (!isUtf8(bytes)) throw new FrameError(1007, 'a text is no UTF-8');
  return bytes.toString('utf8');
}
