/**
 * A peer that means no good, over a real socket: it speaks as much of the protocol as a test makes it speak. Its address is
 * any of 127.0.0.0/8.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { infoHash20, type Metainfo } from '@kith/torrent';

export const ID = { unchoke: 1, interested: 2, have: 4, bitfield: 5, request: 6, piece: 7, haveAll: 14, extended: 20 };

const HANDSHAKE = 68;
/** Extension protocol (BEP 10) and fast extension (BEP 6). */
const RESERVED = [0, 0, 0, 0, 0, 0x10, 0, 0x04];

export interface Request {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

export class Stranger {
  readonly socket: Socket;
  readonly id: Uint8Array = Buffer.concat([Buffer.from('-XX0001-'), randomBytes(12)]);
  readonly requests: Request[] = [];
  /** Ids of the messages that came. */
  readonly heard: number[] = [];
  closed = false;
  onRequest: (request: Request) => void = () => undefined;
  onMessage: (id: number, payload: Buffer) => void = () => undefined;
  readonly #extensions = new Map<string, number>();
  #buffer = Buffer.alloc(0);
  #shaken = false;

  /** Resolves when the connection is open, which does not mean that it is welcome. */
  static async dial(port: number, from: string): Promise<Stranger> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true });
    const stranger = new Stranger(socket);
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve);
      socket.once('close', () => resolve());
    });
    return stranger;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
    socket.on('data', (bytes) => this.#read(bytes));
  }

  /** Its handshake, as of an ordinary peer. */
  shake(metainfo: Metainfo, id: Uint8Array = this.id): this {
    const pstr = Buffer.from('\x13BitTorrent protocol', 'latin1');
    return this.raw(Buffer.concat([pstr, Buffer.from(RESERVED), infoHash20(metainfo), id]));
  }

  raw(bytes: Uint8Array): this {
    if (!this.closed) this.socket.write(bytes);
    return this;
  }

  /** A message with its right length. */
  say(id: number, payload: Uint8Array = new Uint8Array(0)): this {
    return this.raw(frame(id, payload));
  }

  /** A message of the extension protocol: its handshake, or one of those that the other side has named by then. */
  extended(name: 'handshake' | 'ut_metadata' | 'ut_pex', text: string): this {
    const id = name === 'handshake' ? 0 : this.#extensions.get(name);
    if (id === undefined) throw new Error(`${name} was not offered`);
    return this.say(ID.extended, Buffer.concat([Buffer.from([id]), Buffer.from(text, 'latin1')]));
  }

  /** Says that it has everything, and lets itself be asked. */
  pretend(metainfo: Metainfo): this {
    return this.shake(metainfo).say(ID.haveAll).say(ID.unchoke);
  }

  give({ piece, begin }: Request, bytes: Uint8Array): this {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(piece, 0);
    head.writeUInt32BE(begin, 4);
    return this.say(ID.piece, Buffer.concat([head, bytes]));
  }

  /** Its own handshake of the extension protocol, when the other side's has come. */
  async introduce(text: string): Promise<this> {
    const end = performance.now() + 10_000;
    while (this.#extensions.size === 0 && performance.now() < end) await sleep(5);
    return this.extended('handshake', text);
  }

  /** Whether the other side has ended the connection within that time. */
  async isDropped(withinMs: number): Promise<boolean> {
    for (const end = performance.now() + withinMs; performance.now() < end && !this.closed;) await sleep(20);
    return this.closed;
  }

  #read(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    if (!this.#shaken) {
      if (this.#buffer.length < HANDSHAKE) return;
      this.#shaken = true;
      this.#buffer = this.#buffer.subarray(HANDSHAKE);
    }
    while (this.#buffer.length >= 4 && this.#buffer.length >= 4 + this.#buffer.readUInt32BE(0)) {
      const length = this.#buffer.readUInt32BE(0);
      const message = this.#buffer.subarray(4, 4 + length);
      this.#buffer = this.#buffer.subarray(4 + length);
      const [id] = message;
      if (id !== undefined) this.#hear(id, message.subarray(1));
    }
  }

  #hear(id: number, payload: Buffer): void {
    this.heard.push(id);
    if (id === ID.extended && payload[0] === 0) {
      for (const [, name = '', number] of payload.toString('latin1').matchAll(/(ut_metadata|ut_pex)i(\d+)e/g)) {
        this.#extensions.set(name, Number(number));
      }
    }
    this.onMessage(id, payload);
    if (id !== ID.request) return;
    const request = { piece: payload.readUInt32BE(0), begin: payload.readUInt32BE(4), length: payload.readUInt32BE(8) };
    this.requests.push(request);
    this.onRequest(request);
  }
}

function frame(id: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length, 0);
  head[4] = id;
  return Buffer.concat([head, payload]);
}

export function requestFrame({ piece, begin, length }: Request): Buffer {
  const payload = Buffer.alloc(12);
  for (const [i, value] of [piece, begin, length].entries()) payload.writeUInt32BE(value, 4 * i);
  return frame(ID.request, payload);
}
