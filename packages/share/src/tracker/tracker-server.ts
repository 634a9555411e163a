/** A tracker: HTTP and WebSocket on a TCP port, UDP on the same number, one table of swarms behind all three. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Address, addressFrom, codeOf, KithError, scopeOf } from '@kith/core';
import { tracker } from '@kith/torrent';
import type { HttpHead } from './http-head.ts';
import { SERVER_LIMITS, type ServerLimits, type TrackerServerOptions } from './server-options.ts';
import { metrics, statsJson, statsPage, type TrackerStats } from './stats.ts';
import { type ConnectionHost, type HttpAnswer, TcpConnection } from './tcp-connection.ts';
import { addressOf, TrustedProxies } from './trusted-proxies.ts';
import { UdpFace } from './udp-face.ts';

const PLAIN = 'text/plain; charset=utf-8';
const TICK = 1_000;
/** Every connection is looked at once in so many ticks. */
const SWEEP_TICKS = 5;
const PORT_TRIES = 10;

export class TrackerServer {
  readonly #options: TrackerServerOptions;
  readonly #limits: ServerLimits;
  readonly #service: tracker.TrackerService;
  readonly #relay: tracker.Relay | undefined;
  readonly #http: tracker.HttpResponder | undefined;
  readonly #host: ConnectionHost;
  readonly #proxies: TrustedProxies;
  readonly #connections: TcpConnection[] = [];
  readonly #perAddress = new Map<Address, number>();
  #lists: tracker.HashLists;
  #tcp: Server | undefined;
  #udp: UdpFace | undefined;
  #timer: NodeJS.Timeout | undefined;
  #swept = 0;
  /** Connections with something to write at the end of this turn. */
  #unflushed: TcpConnection[] = [];
  #turnedAway = 0;
  #dropped = 0;
  #started = 0;

  /** @throws KithError `ADDRESS_INVALID` for a trusted proxy that is no prefix */
  constructor(options: TrackerServerOptions = {}) {
    this.#options = options;
    this.#limits = { ...SERVER_LIMITS, ...options.limits };
    this.#lists = new tracker.HashLists(options);
    this.#proxies = new TrustedProxies(options.trustedProxies ?? []);
    this.#service = new tracker.TrackerService({
      ...options,
      random: randomBytes,
      permits: (infoHash) => this.#lists.permits(infoHash) && options.permits?.(infoHash) !== false,
    });
    this.#relay = options.websocket === false ? undefined : new tracker.Relay(this.#service);
    this.#http = options.http === false ? undefined : new tracker.HttpResponder(this.#service);
    this.#host = {
      limits: this.#limits,
      relay: this.#relay,
      now,
      clientOf: (connection, head) => this.#clientOf(connection, head),
      respond: (head, source, address) => this.#respond(head, source, address),
      countDropped: () => this.#dropped++,
      flushLater: (connection) => this.#flushLater(connection),
      closed: (connection) => this.#forget(connection),
    };
  }

  /**
   * Begins to listen.
   * @returns the port of all faces
   * @throws KithError `TRACKER_PORT` when it is taken or may not be used
   */
  async listen(): Promise<number> {
    const { port = 0 } = this.#options;
    this.#started = now();
    for (let tries = 1; ; tries++) {
      try {
        const bound = await this.#listenOn(port);
        this.#timer = setInterval(() => this.#tick(), TICK);
        return bound;
      } catch (error) {
        await this.close();
        // A port that TCP was given at random may be taken on UDP.
        if (port === 0 && tries < PORT_TRIES && codeOf(error) === 'EADDRINUSE') continue;
        const reason = error instanceof Error ? error.message : String(error);
        throw new KithError('TRACKER_PORT', `the tracker cannot listen on port ${port}: ${reason}`, { cause: error });
      }
    }
  }

  /** Ends all connections. Idempotent; the swarms stay until the object goes. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const tcp = this.#tcp;
    const udp = this.#udp;
    this.#tcp = undefined;
    this.#udp = undefined;
    const closed = tcp === undefined ? undefined : new Promise<void>((resolve) => tcp.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await Promise.all([closed, udp?.close()]);
  }

  /** New lists; swarms that they no longer permit end at once. */
  setLists(lists: { readonly allow?: Iterable<Uint8Array>; readonly deny?: Iterable<Uint8Array> }): void {
    this.#lists = new tracker.HashLists(lists);
    const { swarms } = this.#service;
    const ended: Uint8Array[] = [];
    for (let swarm = swarms.walk(0); swarm >= 0; swarm = swarms.walk(swarm + 1)) {
      const infoHash = swarms.hashOf(swarm);
      if (!this.#lists.permits(infoHash)) ended.push(infoHash.slice());
    }
    for (const infoHash of ended) swarms.end(infoHash);
  }

  stats(): TrackerStats {
    const { swarms, counts } = this.#service;
    const websocket = this.#relay?.connections ?? 0;
    return {
      uptime: Math.floor((now() - this.#started) / 1000),
      swarms: swarms.swarms,
      peers: { ipv4: swarms.ipv4.count, ipv6: swarms.ipv6.count, websocket: swarms.connection.count },
      connections: { http: this.#connections.length - websocket, websocket },
      tableBytes: swarms.bytes,
      completed: swarms.completedEver,
      counts: { ...counts },
      turnedAway: this.#turnedAway,
      dropped: this.#dropped,
    };
  }

  async #listenOn(port: number): Promise<number> {
    const { host, udp = true } = this.#options;
    const wantsTcp = this.#http !== undefined || this.#relay !== undefined;
    let bound = port;
    if (wantsTcp) {
      this.#tcp = createServer({ noDelay: true }, (socket) => this.#accept(socket));
      bound = await listenTcp(this.#tcp, port, host);
    }
    if (!udp) return bound;
    const { admits } = this.#options;
    const forbids = admits === undefined ? undefined : (source: Uint8Array) => !admits(addressFrom(source));
    this.#udp = new UdpFace(
      new tracker.UdpResponder(this.#service, new tracker.ConnectionIds(randomBytes), forbids),
      now,
    );
    if (host === undefined || !host.includes(':')) bound = await this.#udp.bind('udp4', bound, host ?? '0.0.0.0');
    if (host === undefined || host.includes(':')) {
      try {
        bound = await this.#udp.bind('udp6', bound, host ?? '::');
      } catch (error) {
        if (host !== undefined || !NO_IPV6.has(codeOf(error))) throw error;
      }
    }
    return bound;
  }

  #accept(socket: Socket): void {
    const address = addressOf(socket.remoteAddress ?? '');
    const { connections, connectionsPerAddress } = this.#limits;
    if (address === undefined || this.#options.admits?.(address) === false) {
      this.#turnedAway++;
      socket.destroy();
      return;
    }
    const held = this.#perAddress.get(address) ?? 0;
    const isFull = this.#connections.length >= connections;
    if (isFull || (held >= connectionsPerAddress && !this.#proxies.has(address))) {
      this.#turnedAway++;
      socket.destroy();
      return;
    }
    this.#perAddress.set(address, held + 1);
    const connection = new TcpConnection(socket, address, this.#host);
    connection.place = this.#connections.push(connection) - 1;
  }

  #forget(connection: TcpConnection): void {
    const last = this.#connections.pop();
    if (last !== undefined && last !== connection) {
      this.#connections[connection.place] = last;
      last.place = connection.place;
    }
    const held = (this.#perAddress.get(connection.address) ?? 1) - 1;
    if (held === 0) this.#perAddress.delete(connection.address);
    else this.#perAddress.set(connection.address, held);
  }

  #flushLater(connection: TcpConnection): void {
    if (this.#unflushed.push(connection) > 1) return;
    setImmediate(() => {
      const unflushed = this.#unflushed;
      this.#unflushed = [];
      for (const each of unflushed) each.flush();
    });
  }

  #clientOf(connection: Address, head: HttpHead): Address | undefined {
    if (!this.#proxies.has(connection)) return connection;
    const client = this.#proxies.clientOf(connection, head.headerList('x-forwarded-for'));
    return this.#options.admits?.(client) === false ? undefined : client;
  }

  #respond(head: HttpHead, source: Uint8Array, address: Address): HttpAnswer {
    const http = this.#http;
    if (http !== undefined && head.path === '/announce') {
      return { status: 200, type: PLAIN, body: http.announce(head.query, source, now()) };
    }
    if (http !== undefined && head.path === '/scrape') {
      return { status: 200, type: PLAIN, body: http.scrape(head.query) ?? http.fullScrape() };
    }
    const { stats = 'local' } = this.#options;
    if (stats === 'everyone' || (stats === 'local' && scopeOf(address) === 'loopback')) {
      const page = this.#page(head.path);
      if (page !== undefined) return page;
    }
    return { status: 404, type: PLAIN, body: NOT_FOUND };
  }

  #page(path: string): HttpAnswer | undefined {
    switch (path) {
      case '/stats':
        return { status: 200, type: 'text/html; charset=utf-8', body: Buffer.from(statsPage(this.stats())) };
      case '/stats.json':
        return { status: 200, type: 'application/json', body: Buffer.from(statsJson(this.stats())) };
      case '/metrics':
        return { status: 200, type: 'text/plain; version=0.0.4', body: Buffer.from(metrics(this.stats())) };
      default:
        return undefined;
    }
  }

  #tick(): void {
    const time = now();
    this.#service.tick(time);
    // From the end: a connection that is closed by it is replaced by one that was looked at.
    const share = Math.ceil(this.#connections.length / SWEEP_TICKS);
    for (let i = 0; i < share; i++) {
      if (this.#swept <= 0) this.#swept = this.#connections.length;
      this.#connections[--this.#swept]?.sweep(time);
    }
  }
}

const NOT_FOUND = Buffer.from('There is nothing here. A tracker is asked at /announce and /scrape.\n');
const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

/** Monotonic ms, whole: a fraction would cost each connection an object per time that it remembers. */
function now(): number {
  return Math.floor(performance.now());
}

/** On all addresses of both families without a host, on IPv4 alone where there is no IPv6. */
async function listenTcp(server: Server, port: number, host: string | undefined): Promise<number> {
  const listen = (address: string) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: address, backlog: 1_024 }, () => {
        server.off('error', reject);
        const bound = server.address();
        resolve(bound !== null && typeof bound === 'object' ? bound.port : port);
      });
    });
  if (host !== undefined) return listen(host);
  try {
    return await listen('::');
  } catch (error) {
    if (!NO_IPV6.has(codeOf(error))) throw error;
    return listen('0.0.0.0');
  }
}
