/** The UDP sockets of a tracker. What is answered is decided by `UdpResponder`; here it costs one read and one write. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { addressBytes, parseAddress } from '@kith/core';
import { tracker } from '@kith/torrent';

/** Room for bursts between two turns of the event loop. */
const RECEIVE_BUFFER = 4 << 20;

export class UdpFace {
  readonly #responder: tracker.UdpResponder;
  readonly #now: () => number;
  readonly #sockets: Socket[] = [];
  readonly #out = Buffer.alloc(tracker.MOST_ANSWER);
  readonly #v4 = new Uint8Array(4);

  constructor(responder: tracker.UdpResponder, now: () => number) {
    this.#responder = responder;
    this.#now = now;
  }

  /** The port that was bound. Rejects with the error of the system. */
  async bind(type: 'udp4' | 'udp6', port: number, host: string): Promise<number> {
    // Answers go to addresses, never to names: the default lookup would cost a turn of the loop for each.
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      lookup: (name, _options, done) => done(null, name, type === 'udp4' ? 4 : 6),
    });
    socket.on(
      'message',
      type === 'udp4'
        ? (packet, from) => this.#message4(socket, packet, from)
        : (packet, from) => this.#message6(socket, packet, from),
    );
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, () => {
        socket.off('error', reject);
        // A packet that could not be sent is a packet lost.
        socket.on('error', () => undefined);
        resolve();
      });
    });
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // The system's own size serves, too.
    }
    this.#sockets.push(socket);
    return socket.address().port;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    this.#sockets.length = 0;
  }

  #message4(socket: Socket, packet: Buffer, from: RemoteInfo): void {
    if (parseV4(from.address, this.#v4)) this.#answer(socket, packet, this.#v4, from);
  }

  #message6(socket: Socket, packet: Buffer, from: RemoteInfo): void {
    const zone = from.address.indexOf('%');
    const address = zone < 0 ? from.address : from.address.slice(0, zone);
    this.#answer(socket, packet, addressBytes(parseAddress(address)), from);
  }

  #answer(socket: Socket, packet: Buffer, source: Uint8Array, from: RemoteInfo): void {
    // Port 0 cannot be answered.
    if (from.port === 0) return;
    // The system takes a packet at once, and the buffer serves again. When it did not, the buffer is still in the queue.
    const out = socket.getSendQueueCount() === 0 ? this.#out : Buffer.alloc(tracker.MOST_ANSWER);
    const length = this.#responder.respond(packet, source, this.#now(), out);
    if (length > 0) socket.send(out, 0, length, from.port, from.address);
  }
}

/** Dotted quad as Node writes it. */
function parseV4(text: string, out: Uint8Array): boolean {
  let at = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      out[at++] = value;
      value = 0;
    } else value = value * 10 + code - 0x30;
  }
  out[at] = value;
  return at === 3;
}
