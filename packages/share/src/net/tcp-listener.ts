/**
 * Takes TCP connections of peers: one port for both families, a socket for each, so that no mapped address (`::ffff:…`)
 * appears. What goes beyond a limit is closed before anything of it is read.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { codeOf, KithError } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';
import type { PeerFilter } from './peer-filter.ts';
import { TcpDuplex, type Clock } from './tcp-duplex.ts';

export interface ListenerLimits {
  /** Connections in all. */
  readonly connections: number;
  /** Connections from one address: several, as people behind one NAT share it. */
  readonly perAddress: number;
  /** Connections that have not said anything yet. */
  readonly silent: number;
}

export const LISTENER_LIMITS: ListenerLimits = { connections: 1000, perAddress: 16, silent: 100 };

export interface TcpListenerOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** Addresses to listen on; all of both families without it. */
  readonly addresses?: readonly string[];
  readonly filter: PeerFilter;
  readonly limits?: Partial<ListenerLimits>;
  /** Gets connections that read nothing before they are started. */
  readonly onConnection: (duplex: TcpDuplex) => void;
  readonly clock?: Clock;
}

/** Why connections were turned away, counted. */
export interface Refusals {
  filtered: number;
  limited: number;
}

/** With port 0 the port that is free on one address may be taken on another: that often another one is tried. */
const ATTEMPTS = 16;
const BACKLOG = 256;
const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

export class TcpListener {
  readonly port: number;
  readonly refused: Refusals = { filtered: 0, limited: 0 };
  readonly #servers: readonly Server[];
  readonly #options: TcpListenerOptions;
  readonly #limits: ListenerLimits;
  readonly #clock: Clock;
  readonly #byAddress: Map<string, number> = new Map();
  #connections = 0;
  #silent = 0;

  /** @throws KithError SHARE_PORT_UNUSABLE */
  static async listen(options: TcpListenerOptions): Promise<TcpListener> {
    const addresses = options.addresses ?? ['0.0.0.0', '::'];
    for (let attempt = 1; ; attempt++) {
      const servers: Server[] = [];
      try {
        for (const address of addresses) await addServer(servers, address, options);
        return new TcpListener(servers, options);
      } catch (cause) {
        for (const server of servers) server.close();
        const again = options.port === 0 && codeOf(cause) === 'EADDRINUSE' && attempt < ATTEMPTS;
        if (!again) throw explain(cause, options.port);
      }
    }
  }

  private constructor(servers: readonly Server[], options: TcpListenerOptions) {
    this.#servers = servers;
    this.#options = options;
    this.#limits = { ...LISTENER_LIMITS, ...options.limits };
    this.#clock = options.clock ?? (() => performance.now());
    this.port = portOf(servers[0]);
    for (const server of servers) server.on('connection', (socket) => this.#accept(socket));
  }

  /** Connections that came here and are still there. */
  get connections(): number {
    return this.#connections;
  }

  /** Takes no more connections; those that came stay. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  #accept(socket: Socket): void {
    const remote = remoteOf(socket);
    if (remote === undefined) {
      socket.destroy();
      return;
    }
    if (!this.#options.filter.allows(remote.ip)) {
      this.refused.filtered++;
      socket.resetAndDestroy();
      return;
    }
    const fromThere = this.#byAddress.get(remote.ip) ?? 0;
    const { connections, perAddress, silent } = this.#limits;
    if (this.#connections >= connections || fromThere >= perAddress || this.#silent >= silent) {
      this.refused.limited++;
      socket.resetAndDestroy();
      return;
    }
    this.#connections++;
    this.#silent++;
    this.#byAddress.set(remote.ip, fromThere + 1);
    let heard = false;
    const onHeard = (): void => {
      if (!heard) this.#silent--;
      heard = true;
    };
    const onClosed = (): void => {
      onHeard();
      this.#connections--;
      const left = (this.#byAddress.get(remote.ip) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(remote.ip);
      else this.#byAddress.set(remote.ip, left);
    };
    this.#options.onConnection(
      TcpDuplex.adopt(socket, { remote, incoming: true, clock: this.#clock, onHeard, onClosed }),
    );
  }
}

/** Adds a server on `address`, on the port of those that are there; none where the machine has no IPv6. */
async function addServer(servers: Server[], address: string, options: TcpListenerOptions): Promise<void> {
  const port = servers[0] === undefined ? options.port : portOf(servers[0]);
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, ipv6Only: true, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Running out of file descriptors is said here: the connection is lost, the server stays.
    server.on('error', () => undefined);
    servers.push(server);
  } catch (error) {
    const optional = options.addresses === undefined && address === '::' && NO_IPV6.has(codeOf(error));
    if (!optional) throw error;
  }
}

function portOf(server: Server | undefined): number {
  const address: AddressInfo | string | null = server?.address() ?? null;
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function remoteOf(socket: Socket): PeerAddress | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const [ip = ''] = remoteAddress.split('%');
  return { ip, port: remotePort };
}

function explain(cause: unknown, port: number): unknown {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return new KithError('SHARE_PORT_UNUSABLE', `TCP port ${port} is in use: free it or choose another`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new KithError('SHARE_PORT_UNUSABLE', `TCP port ${port} may not be used: choose one of 1024 or more`, {
        cause,
      });
    case 'EADDRNOTAVAIL':
      return new KithError('SHARE_PORT_UNUSABLE', `TCP port ${port}: this machine has no such address`, { cause });
    default:
      return cause;
  }
}
