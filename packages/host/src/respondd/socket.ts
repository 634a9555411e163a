/** Sockets of UDP over IPv6, opened with what can go wrong told at once. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

export interface SocketOptions {
  /** With `%INTERFACE` behind it where it is of a link. */
  readonly address: string;
  readonly port: number;
  /** Multicast is sent, and groups are joined, on this interface. */
  readonly interface: string;
  readonly groups?: readonly string[];
  /** The socket shares its port with others of this process. */
  readonly shared?: boolean;
  readonly onMessage: (datagram: Buffer, source: RemoteInfo) => void;
  /** The interface went away or the kernel ran out of something; the socket is closed by then. */
  readonly onError: (error: Error) => void;
}

/** A burst of answers to one question waits here; the kernel may give less. */
const RECEIVE_BUFFER = 4 << 20;

/** @throws the kernel's error where the address is not there (yet), the port is taken or the interface is gone */
export function openSocket(options: SocketOptions): Promise<Socket> {
  const { address, port, groups = [], shared = false, onMessage, onError } = options;
  const socket = createSocket({ type: 'udp6', ipv6Only: true, reuseAddr: shared });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      try {
        socket.setMulticastInterface(`::%${options.interface}`);
        for (const group of groups) socket.addMembership(group, `::%${options.interface}`);
      } catch (error) {
        socket.close();
        reject(error);
        return;
      }
      growBuffer(socket);
      socket.removeAllListeners('error');
      let isOpen = true;
      socket.on('error', (error) => {
        if (!isOpen) return;
        isOpen = false;
        socket.close();
        onError(error);
      });
      socket.on('message', onMessage);
      resolve(socket);
    });
  });
}

function growBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The usual size loses answers of thousands of routers at once; they are asked again.
  }
}

export function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(resolve);
    } catch {
      // It closed itself after an error.
      resolve();
    }
  });
}
