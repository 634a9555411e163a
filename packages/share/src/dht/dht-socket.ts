/** One UDP socket of the DHT. What is sent and what it means is decided elsewhere. */
import { createSocket, type Socket } from 'node:dgram';
import { codeOf, KithError } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';

/** Room for bursts between two turns of the event loop. */
const RECEIVE_BUFFER = 1 << 20;
const NO_SUCH_FAMILY: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

export class DhtSocket {
  readonly port: number;
  readonly family: 4 | 6;
  readonly #socket: Socket;

  /**
   * Undefined where this machine has no such family and `optional` says that this will do.
   * @throws KithError SHARE_PORT_UNUSABLE
   */
  static async bind(
    address: string,
    port: number,
    optional: boolean,
    heard: (bytes: Uint8Array, from: PeerAddress) => void,
  ): Promise<DhtSocket | undefined> {
    const family = address.includes(':') ? 6 : 4;
    const socket = createSocket({
      type: `udp${family}`,
      ipv6Only: family === 6,
      // It sends to addresses, never to names: the default lookup would cost a turn of the loop for each.
      lookup: (name, _options, done) => done(null, name, family),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ port, address, exclusive: true }, () => {
          socket.off('error', reject);
          resolve();
        });
      });
    } catch (cause) {
      socket.close();
      const code = codeOf(cause);
      if (optional && NO_SUCH_FAMILY.has(code)) return undefined;
      const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${code})`;
      throw new KithError('SHARE_PORT_UNUSABLE', `UDP port ${port} of ${address} ${why}`, { cause });
    }
    // What could not be sent is lost, like any datagram.
    socket.on('error', () => undefined);
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // The system's own size serves, too.
    }
    const bound = new DhtSocket(socket, family);
    socket.on('message', (bytes, from) => heard(bytes, { ip: from.address.replace(/%.*$/, ''), port: from.port }));
    return bound;
  }

  private constructor(socket: Socket, family: 4 | 6) {
    this.#socket = socket;
    this.family = family;
    this.port = socket.address().port;
  }

  send(bytes: Uint8Array, to: PeerAddress): void {
    this.#socket.send(bytes, to.port, to.ip);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
