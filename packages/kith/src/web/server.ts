/** Listens for browsers: on loopback, and on this machine's addresses in its networks where the owner wants it. */
import { createServer, type Server } from 'node:http';
import { isIP } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { KithError } from '@kith/core';
import type { Hono } from 'hono';

/** ms that a browser has to send its question. */
const HEADERS_TIMEOUT = 5_000;
const GRACE = 200;

export class FaceServer {
  readonly #listener: ReturnType<typeof getRequestListener>;
  readonly #servers: Map<string, Server> = new Map();
  #port = 0;

  constructor(app: Hono) {
    this.#listener = getRequestListener(app.fetch);
  }

  get port(): number {
    return this.#port;
  }

  /** `HOST:PORT` of each place it listens at, and `localhost`. */
  get names(): ReadonlySet<string> {
    const hosts = [...this.#servers.keys()].map((host) => (isIP(host) === 6 ? `[${host}]` : host));
    return new Set([...hosts, 'localhost'].map((host) => `${host}:${this.#port}`));
  }

  /** @param port 0 for any free one @throws KithError PORT_IN_USE */
  async open(port: number): Promise<void> {
    const server = await this.#listen('127.0.0.1', port);
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Listens there besides, and nowhere else any more. */
  async follow(hosts: readonly string[]): Promise<void> {
    for (const [host, server] of this.#servers) {
      if (host === '127.0.0.1' || hosts.includes(host)) continue;
      this.#servers.delete(host);
      await shut(server);
    }
    for (const host of hosts) {
      if (this.#servers.has(host)) continue;
      // An address that is gone again already is as good as none; the next look tells.
      await this.#listen(host, this.#port).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    await Promise.all(servers.map((server) => shut(server)));
  }

  async #listen(host: string, port: number): Promise<Server> {
    const server = createServer((request, response) => void this.#listener(request, response));
    server.headersTimeout = HEADERS_TIMEOUT;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE';
        reject(taken ? new KithError('PORT_IN_USE', `port ${port} on ${host} is taken`, { cause: error }) : error);
      });
      server.listen(port, host, resolve);
    });
    this.#servers.set(host, server);
    return server;
  }
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), GRACE);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
