/**
 * Raw frames without a raw socket, which Node has not: beside the cable to the gateway, the client's own bridge has a
 * VXLAN, whose frames go as UDP to the broadcast address of the loopback interface, where this process listens. (To a
 * plain address of the loopback the kernel would hand them back to itself, without UDP.)
 *
 *     0  flags 0x08: there is a network id; 4 network id (3 bytes), 7 reserved; 8 Ethernet frame     RFC 7348, section 5
 */
import { createSocket, type Socket } from 'node:dgram';
import { type Frame, parseFrame } from './frame.ts';

/** Ends of the tunnel; nothing else is in the namespace. */
const KERNEL_PORT = 4789;
const OWN_PORT = 4790;
const HEADER = Uint8Array.of(8, 0, 0, 0, 0, 0, 1, 0);

/** Lines for `ip -batch` and `bridge -batch`: `eth0` becomes a port beside the tunnel, `br0` is what the kernel uses. */
export const WIRE_LINKS: readonly string[] = [
  'link set lo up',
  'link add br0 type bridge mcast_snooping 0',
  `link add vx0 type vxlan id 1 local 127.0.0.1 dstport ${KERNEL_PORT} nolearning`,
  'link set eth0 master br0',
  'link set vx0 master br0',
  'link set eth0 up',
  'link set vx0 up',
  'link set br0 up',
];
export const WIRE_ENTRY: string = `fdb append 00:00:00:00:00:00 dev vx0 dst 127.255.255.255 port ${OWN_PORT}`;

export class Wire {
  readonly #socket: Socket;
  readonly #listeners = new Set<(frame: Frame) => void>();

  static async open(): Promise<Wire> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(OWN_PORT, () => resolve());
    });
    return new Wire(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (bytes) => {
      const frame = bytes.length > HEADER.length ? parseFrame(bytes.subarray(HEADER.length)) : null;
      if (frame !== null) for (const listener of this.#listeners) listener(frame);
    });
  }

  send(frame: Uint8Array): void {
    this.#socket.send([HEADER, frame], KERNEL_PORT, '127.0.0.1');
  }

  /** @returns what ends the listening */
  listen(listener: (frame: Frame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.close();
  }
}
