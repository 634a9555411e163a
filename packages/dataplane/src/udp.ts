/**
 * One UDP port for both families: a socket for IPv4 and one for IPv6 with the same number, so that no mapped address
 * (`::ffff:…`) ever appears and a machine without IPv6 differs in nothing. Datagrams that cannot be sent are counted.
 */
import { createSocket, type RemoteInfo, type Socket, type SocketType } from 'node:dgram';
import { codeOf, endpointOf, endpointParts, isIPv4, KithError, parseAddress, type Endpoint } from '@kith/core';

/** Bytes asked for in each socket's buffers; the system may give less. wireguard-go's figure, see mesh research 4.1. */
const SOCKET_BUFFER = 7 * 1024 * 1024;
/** Remembered senders and receivers: their text is converted once. */
const KNOWN = 4096;
/** With port 0 the port that is free for IPv4 may be taken for IPv6: that often another one is tried. */
export const BIND_ATTEMPTS = 16;
/** What says that the machine has no IPv6. */
export const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

export interface UdpCounters {
  /** Datagrams that the system refused to send. */
  readonly sendErrors: number;
  /** Datagrams from addresses that cannot be answered: link-local ones of IPv6, which need a zone. */
  readonly unanswerable: number;
}

export interface UdpOptions {
  /** 0 for any free one. */
  readonly port: number;
  readonly onDatagram: (bytes: Uint8Array, from: Endpoint) => void;
  /** Bind to loopback only: for tests. */
  readonly loopback?: boolean;
}

function bindSocket(type: SocketType, port: number, address: string): Promise<Socket> {
  // Addresses are numeric already: without this every send would wait for the resolver's next turn.
  const socket = createSocket({
    type,
    ipv6Only: type === 'udp6',
    lookup: (host, _options, done) => done(null, host, type === 'udp6' ? 6 : 4),
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.bind(port, address, () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** Asks for large buffers and takes what the system gives. */
function enlarge(socket: Socket): void {
  for (let size = SOCKET_BUFFER; size >= 256 * 1024; size = Math.floor(size / 2)) {
    try {
      socket.setRecvBufferSize(size);
      socket.setSendBufferSize(size);
      return;
    } catch {
      // refused outright on some systems: half as much then
    }
  }
}

/** The port, or why it cannot be had: KithError PORT_IN_USE, PORT_REFUSED. */
export function explainPortError(cause: unknown, port: number): unknown {
  const code = codeOf(cause);
  if (code === 'EADDRINUSE') {
    return new KithError('PORT_IN_USE', `UDP port ${port} is in use: free it or choose another with \`port:\``, {
      cause,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new KithError('PORT_REFUSED', `UDP port ${port} may not be used (${code}): choose one of 1024 or more`, {
      cause,
    });
  }
  return cause;
}

async function bindBoth(port: number, loopback: boolean): Promise<{ v4: Socket; v6: Socket | null }> {
  for (let attempt = 1; ; attempt++) {
    const v4 = await bindSocket('udp4', port, loopback ? '127.0.0.1' : '0.0.0.0');
    try {
      return { v4, v6: await bindSocket('udp6', v4.address().port, loopback ? '::1' : '::') };
    } catch (error) {
      if (NO_IPV6.has(codeOf(error))) return { v4, v6: null };
      v4.close();
      if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || attempt >= BIND_ATTEMPTS) throw error;
    }
  }
}

export class UdpPort {
  readonly localPort: number;
  readonly #v4: Socket;
  readonly #v6: Socket | null;
  readonly #senders: Map<string, Endpoint | null> = new Map();
  readonly #receivers: Map<Endpoint, { readonly v4: boolean; readonly host: string; readonly port: number }> =
    new Map();
  #sendErrors = 0;
  #unanswerable = 0;
  #closed = false;

  /** @throws KithError PORT_IN_USE, PORT_REFUSED */
  static async bind(options: UdpOptions): Promise<UdpPort> {
    try {
      const { v4, v6 } = await bindBoth(options.port, options.loopback === true);
      return new UdpPort(v4, v6, options.onDatagram);
    } catch (cause) {
      throw explainPortError(cause, options.port);
    }
  }

  private constructor(v4: Socket, v6: Socket | null, onDatagram: UdpOptions['onDatagram']) {
    this.#v4 = v4;
    this.#v6 = v6;
    this.localPort = v4.address().port;
    for (const socket of [v4, v6]) {
      if (socket === null) continue;
      enlarge(socket);
      // Errors of earlier sends (ICMP) come up here; the datagram is lost, which UDP allows.
      socket.on('error', () => {
        this.#sendErrors += 1;
      });
      socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
        const sender = this.#sender(from);
        if (sender === null) this.#unanswerable += 1;
        else onDatagram(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), sender);
      });
    }
  }

  /** Never throws and never waits: what cannot be sent is counted. `bytes` must not be changed afterwards. */
  send(bytes: Uint8Array, to: Endpoint): void {
    const { v4, host, port } = this.#receiver(to);
    const socket = v4 ? this.#v4 : this.#v6;
    if (socket === null || this.#closed) {
      this.#sendErrors += 1;
      return;
    }
    socket.send(bytes, port, host, this.#sent);
  }

  counters(): UdpCounters {
    return { sendErrors: this.#sendErrors, unanswerable: this.#unanswerable };
  }

  /** Afterwards nothing is received; sends are counted as errors. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const sockets = this.#v6 === null ? [this.#v4] : [this.#v4, this.#v6];
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#sendErrors += 1;
  };

  #sender(from: RemoteInfo): Endpoint | null {
    if (from.port === 0) return null;
    const key = `${from.address} ${from.port}`;
    let endpoint = this.#senders.get(key);
    if (endpoint === undefined) {
      endpoint = from.address.includes('%') ? null : endpointOf(parseAddress(from.address), from.port);
      remember(this.#senders, key, endpoint);
    }
    return endpoint;
  }

  #receiver(to: Endpoint): { readonly v4: boolean; readonly host: string; readonly port: number } {
    let receiver = this.#receivers.get(to);
    if (receiver === undefined) {
      const { address, port } = endpointParts(to);
      receiver = { v4: isIPv4(address), host: address, port };
      remember(this.#receivers, to, receiver);
    }
    return receiver;
  }
}

/** A stranger can show up under any number of addresses: the oldest are forgotten. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  if (map.size >= KNOWN) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(key, value);
}
