/** The figures for Prometheus and the map's files over HTTP, for whoever is on this machine or in the mesh. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { Gateway } from '@kith/gateway';
import { METRICS_TYPE, type Served } from '@kith/host';

export interface FiguresOptions {
  readonly gateway: Gateway;
  readonly port: number;
  readonly metrics: () => Promise<string>;
  /** Null for what is no file of the map. */
  readonly map: (path: string) => Served | null;
  readonly tell: (text: string) => void;
}

/** ms between two looks at the addresses, which come and go with the mesh. */
const LOOK_EVERY = 5_000;
const LOOPBACK = ['127.0.0.1', '::1'];

export class FiguresServer {
  readonly #options: FiguresOptions;
  readonly #servers = new Map<string, Server>();
  #timer: NodeJS.Timeout | null = null;
  #said = '';

  constructor(options: FiguresOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const address of [...this.#servers.keys()]) await this.#end(address);
  }

  /** Listens where it shall; what cannot be listened on now is tried again. */
  async #look(): Promise<void> {
    const wanted = new Set(addressesOf(this.#options));
    for (const address of [...this.#servers.keys()]) if (!wanted.has(address)) await this.#end(address);
    for (const address of wanted) if (!this.#servers.has(address)) await this.#listen(address);
  }

  async #listen(address: string): Promise<void> {
    const { port, tell } = this.#options;
    const server = createServer((request, response) => void this.#answer(request, response));
    server.headersTimeout = 5_000;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, address, resolve);
      });
      this.#servers.set(address, server);
    } catch (error) {
      const text = `figures are not served on ${address} port ${port}: ${error instanceof Error ? error.message : String(error)}`;
      if (text !== this.#said) tell(text);
      this.#said = text;
    }
  }

  #end(address: string): Promise<void> {
    const server = this.#servers.get(address);
    this.#servers.delete(address);
    return new Promise((resolve) => {
      if (server === undefined) return resolve();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.split('?')[0] ?? '';
    try {
      const found =
        path === '/metrics' ? { type: METRICS_TYPE, body: await this.#options.metrics() } : this.#options.map(path);
      if (found === null || (method !== 'GET' && method !== 'HEAD')) return void response.writeHead(404).end();
      // Maps are pages of other servers, which read these files from where they are.
      response.writeHead(200, { 'content-type': found.type, 'access-control-allow-origin': '*' });
      response.end(method === 'HEAD' ? '' : found.body);
    } catch (error) {
      this.#options.tell(`figures: ${error instanceof Error ? error.message : String(error)}`);
      response.writeHead(500).end();
    }
  }
}

/** Loopback and the mesh; the bridges too, where a line below `services` lets clients in. */
function addressesOf({ gateway, port }: FiguresOptions): string[] {
  const { host, settings, domains } = gateway;
  const open = settings.services.some((service) => service.protocol === 'tcp' && service.port === port);
  const mesh = host.mesh === null ? [] : (networkInterfaces()[host.mesh.interface] ?? []);
  return [
    ...LOOPBACK,
    ...mesh.filter(({ address }) => !address.startsWith('fe80:')).map(({ address }) => address),
    ...(open ? domains.flatMap(({ address4, address6 }) => [address4, address6]) : []),
  ];
}
