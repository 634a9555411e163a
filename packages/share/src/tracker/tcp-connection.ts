/** One TCP connection of a tracker: requests over HTTP, and WebSocket messages once it was upgraded. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Address, addressBytes } from '@kith/core';
import type { tracker } from '@kith/torrent';
import { closeFrame, controlFrame, FrameError, FrameReader, OPCODE, textFrame } from './frames.ts';
import { answerHead, HttpError, type HttpHead, readHead } from './http-head.ts';
import type { ServerLimits } from './server-options.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly limits: ServerLimits;
  readonly relay: tracker.Relay | undefined;
  readonly now: () => number;
  /** The address behind a request: of the connection, or of the client that a trusted proxy names. Undefined: turned away. */
  clientOf(connection: Address, head: HttpHead): Address | undefined;
  /** The answer to a request; its body is written before this is called again. */
  respond(head: HttpHead, source: Uint8Array, address: Address): HttpAnswer;
  countDropped(): void;
  /** Calls `flush` of the connection once everything that came in this turn of the event loop was read. */
  flushLater(connection: TcpConnection): void;
  closed(connection: TcpConnection): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  /** Chunks of a body whose length is not known are taken as the connection drains. */
  readonly body: Uint8Array | Iterator<Uint8Array>;
}

const NOTHING = Buffer.alloc(0);
const PLAIN = 'text/plain; charset=utf-8';
/** RFC 6455 section 1.3. */
const ACCEPT_SALT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Messages of one WebSocket that were not understood. */
const MOST_MALFORMED = 10;
const HEADROOM = 16;

export class TcpConnection {
  readonly address: Address;
  /** Where the server keeps it in its list. */
  place = 0;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  #source: Uint8Array | undefined = undefined;
  #rest: Buffer = NOTHING;
  #frames: FrameReader | undefined = undefined;
  #peer: tracker.RelayPeer | undefined = undefined;
  /** A body that is being written; requests wait meanwhile. */
  #body: Iterator<Uint8Array> | undefined = undefined;
  #heard: number;
  /** When what is incomplete began; 0 when nothing is. */
  #begun = 0;
  #pinged = false;
  #malformed = 0;
  #ended = false;
  /** Frames of this turn of the event loop: many small messages leave with one system call. */
  #queued: Buffer[] | undefined = undefined;
  #queuedBytes = 0;

  constructor(socket: Socket, address: Address, host: ConnectionHost) {
    this.#socket = socket;
    this.address = address;
    this.#host = host;
    this.#heard = host.now();
    // A connection that never says anything is as incomplete as a request can be.
    this.#begun = this.#heard;
    socket.on('data', (bytes: Buffer) => this.#data(bytes));
    socket.on('close', () => this.#closed());
    // 'close' follows and says all there is to know.
    socket.on('error', ignore);
  }

  get isRelay(): boolean {
    return this.#peer !== undefined;
  }

  /** Called every few seconds. */
  sweep(now: number): void {
    const { limits, relay } = this.#host;
    if (this.#begun !== 0 && now - this.#begun > limits.patience) {
      this.destroy();
      return;
    }
    const silent = now - this.#heard;
    if (this.#peer === undefined) {
      if (silent > limits.idle) this.destroy();
      return;
    }
    relay?.sweep(this.#peer, now);
    if (silent > 1.5 * limits.ping) this.destroy();
    else if (silent > limits.ping && !this.#pinged) {
      this.#pinged = true;
      this.#queue(controlFrame(OPCODE.ping));
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #data(bytes: Buffer): void {
    const now = this.#host.now();
    this.#heard = now;
    this.#pinged = false;
    if (this.#ended) return;
    if (this.#frames !== undefined) this.#websocket(this.#frames, bytes, now);
    else {
      // Answers to all that came at once leave with one system call.
      this.#socket.cork();
      try {
        this.#http(bytes, now);
      } finally {
        this.#socket.uncork();
      }
    }
    if (this.#socket.writableLength > HEADROOM * this.#host.limits.backlog) this.destroy();
  }

  #http(bytes: Buffer, now: number): void {
    const input = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = NOTHING;
    let at = 0;
    try {
      while (at < input.length && this.#body === undefined && !this.#ended) {
        const found = readHead(input, at, this.#host.limits.head);
        if (found === undefined) break;
        at = found.end;
        if (this.#isUpgrade(found.head)) {
          this.#upgrade(found.head, input.subarray(at), now);
          return;
        }
        this.#answer(found.head);
      }
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#refuse(error.status, error.message);
      return;
    }
    if (at === input.length || this.#ended) this.#begun = 0;
    else {
      this.#rest = Buffer.from(input.subarray(at));
      if (this.#begun === 0 || at > 0) this.#begun = now;
    }
  }

  #isUpgrade(head: HttpHead): boolean {
    return this.#host.relay !== undefined && head.header('upgrade')?.toLowerCase() === 'websocket';
  }

  #answer(head: HttpHead): void {
    const address = this.#host.clientOf(this.address, head);
    if (address === undefined) {
      this.destroy();
      this.#ended = true;
      return;
    }
    const source = address === this.address ? (this.#source ??= addressBytes(address)) : addressBytes(address);
    const answer = this.#host.respond(head, source, address);
    if (!(answer.body instanceof Uint8Array)) {
      this.#stream(head, answer.status, answer.type, answer.body);
      return;
    }
    const { body } = answer;
    const top = answerHead(answer.status, answer.type, body.length, head.keepAlive);
    const out = Buffer.allocUnsafe(top.length + (head.method === 'HEAD' ? 0 : body.length));
    out.write(top, 0, 'latin1');
    if (head.method === 'GET') out.set(body, top.length);
    if (head.keepAlive) this.#socket.write(out);
    else this.#end(out);
  }

  /** Writes a body as fast as it is taken. */
  #stream(head: HttpHead, status: number, type: string, body: Iterator<Uint8Array>): void {
    // Without chunks (HTTP/1.0) the end of the connection is the end of the body.
    const top = answerHead(status, type, undefined, head.keepAlive && !head.old);
    this.#socket.write(head.old ? top.replace('Transfer-Encoding: chunked\r\n', '') : top);
    if (head.method === 'HEAD') return;
    this.#body = body;
    this.#socket.pause();
    const pump = (): void => {
      while (!this.#socket.destroyed) {
        const { value, done } = body.next();
        if (done === true) {
          this.#body = undefined;
          if (!head.old) this.#socket.write('0\r\n\r\n');
          if (head.old || !head.keepAlive) this.#end();
          this.#socket.resume();
          const rest = this.#rest;
          this.#rest = NOTHING;
          if (rest.length > 0) this.#data(rest);
          return;
        }
        this.#heard = this.#host.now();
        const chunk = head.old ? value : Buffer.concat([Buffer.from(`${value.length.toString(16)}\r\n`), value, CRLF]);
        if (!this.#socket.write(chunk)) {
          this.#socket.once('drain', pump);
          return;
        }
      }
    };
    pump();
  }

  #upgrade(head: HttpHead, rest: Buffer, now: number): void {
    const { relay, limits } = this.#host;
    const key = head.header('sec-websocket-key') ?? '';
    if (relay === undefined || head.method !== 'GET' || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
      throw new HttpError(400, 'the WebSocket handshake is malformed');
    }
    if (head.header('sec-websocket-version') !== '13') throw new HttpError(400, 'WebSocket version 13 is spoken here');
    if (this.#host.clientOf(this.address, head) === undefined) {
      this.destroy();
      this.#ended = true;
      return;
    }
    const accept = createHash('sha1')
      .update(key + ACCEPT_SALT)
      .digest('base64');
    this.#socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    this.#begun = 0;
    this.#source = undefined;
    this.#frames = new FrameReader(limits.message);
    this.#peer = relay.open(this);
    if (rest.length > 0) this.#websocket(this.#frames, Buffer.from(rest), now);
  }

  #websocket(frames: FrameReader, bytes: Buffer, now: number): void {
    try {
      frames.push(bytes, this);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#end(closeFrame(error.code));
      return;
    }
    if (!frames.isWaiting) this.#begun = 0;
    else if (this.#begun === 0) this.#begun = now;
  }

  /** A message came. Public for {@link FrameReader}, as are the three below. */
  text(text: string): void {
    const { relay } = this.#host;
    if (this.#peer === undefined || relay === undefined || this.#ended) return;
    if (relay.message(this.#peer, text, this.#host.now())) return;
    if (++this.#malformed >= MOST_MALFORMED) this.#end(closeFrame(1008));
  }

  ping(payload: Buffer): void {
    this.#queue(controlFrame(OPCODE.pong, payload));
  }

  pong(): void {
    // That something came was noted already.
  }

  close(): void {
    this.#end(closeFrame(1000));
  }

  /** For {@link tracker.RelayLink}: dropped when the connection does not keep up. */
  send(text: string): void {
    if (this.#ended) return;
    if (this.#socket.writableLength + this.#queuedBytes > this.#host.limits.backlog) this.#host.countDropped();
    else this.#queue(textFrame(text));
  }

  #queue(frame: Buffer): void {
    if (this.#ended) return;
    if (this.#queued === undefined) {
      this.#queued = [frame];
      this.#host.flushLater(this);
    } else this.#queued.push(frame);
    this.#queuedBytes += frame.length;
  }

  flush(): void {
    const queued = this.#queued;
    if (queued === undefined) return;
    const [first] = queued;
    if (!this.#socket.destroyed) {
      this.#socket.write(queued.length === 1 && first !== undefined ? first : Buffer.concat(queued, this.#queuedBytes));
    }
    this.#queued = undefined;
    this.#queuedBytes = 0;
  }

  #refuse(status: number, reason: string): void {
    const body = Buffer.from(`${reason}\n`);
    this.#end(Buffer.concat([Buffer.from(answerHead(status, PLAIN, body.length, false)), body]));
  }

  #end(last?: Buffer): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    // Whoever does not close in turn is closed by the sweep.
    this.#begun = this.#host.now();
    if (last === undefined) this.#socket.end();
    else this.#socket.end(last);
  }

  #closed(): void {
    if (this.#peer !== undefined) this.#host.relay?.close(this.#peer);
    this.#peer = undefined;
    this.#ended = true;
    this.#body?.return?.();
    this.#host.closed(this);
  }
}

const CRLF = Buffer.from('\r\n');

function ignore(): void {
  // An error of a socket is the stranger's business.
}
