/** A UPnP MediaServer:1 in one local network: found by SSDP, looked through by SOAP, read by HTTP. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { codeOf, type Prefix, TokenBucket } from '@kith/core';
import { type PeerFilter, within } from '../net/peer-filter.ts';
import { refuse, sendFile } from '../stream/send-file.ts';
import { perform, stateOf } from './actions.ts';
import {
  deviceDescription,
  MEDIA_SERVER,
  serviceDescription,
  type ServiceDescription,
  SERVICES,
} from './descriptions.ts';
import { mediaUrl } from './didl.ts';
import type { MediaLibrary, MediaSource } from './library.ts';
import { features, mediaKind, SUBTITLE_TYPE, transferMode } from './media-type.ts';
import { formatAnswer, formatFault, MOST_SOAP, parseAction, UpnpError } from './soap.ts';
import { SERVER } from './ssdp-codec.ts';
import { SsdpService } from './ssdp-service.ts';
import { Subscriptions } from './subscriptions.ts';

export interface MediaServerOptions {
  /** IPv4 address of the interface that it serves, and no other. */
  readonly address: string;
  /** Who gets an answer: the network of that interface. */
  readonly prefix: Prefix;
  /** TCP port; where it is taken, or 0, a free one. */
  readonly port?: number;
  /** For people. */
  readonly name: string;
  /** Televisions know it again by this; without `uuid:`. */
  readonly uuid: string;
  readonly library: MediaLibrary;
}

/** Televisions hold one or two; all of them together, and from one address. */
const MOST_CONNECTIONS = 128;
const MOST_FROM_ONE = 24;
/** Requests a second of all, fetching left out. */
const RATE = 50;
const BURST = 200;

/**
 *     /device.xml                      the description, and of each service /SERVICE.xml
 *     /control/SERVICE                 POST: actions
 *     /events/SERVICE                  SUBSCRIBE, UNSUBSCRIBE
 *     /media/KEY/files/N/any-name      file N of a share
 */
export class MediaServer {
  readonly #options: MediaServerOptions;
  readonly #filter: PeerFilter;
  readonly #server: Server;
  readonly #rate: TokenBucket = new TokenBucket(RATE, BURST);
  readonly #subscriptions: Subscriptions;
  readonly #connections: Map<string, number> = new Map();
  #ssdp: SsdpService | undefined;
  #told: number;

  constructor(options: MediaServerOptions) {
    this.#options = options;
    this.#filter = within([options.prefix]);
    this.#told = options.library.update;
    this.#subscriptions = new Subscriptions({ address: options.address, now: () => performance.now() });
    this.#server = createServer(
      { maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 10_000 },
      (request, response) => {
        this.#answer(request, response).catch(() => response.destroy());
      },
    );
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('connection', (socket) => this.#admit(socket));
  }

  /** Where its description is. */
  get url(): string {
    return `${this.#base}/device.xml`;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Rejects with the system's error where the address is gone or its interface has no multicast. */
  async start(): Promise<void> {
    const { address, port = 0, uuid } = this.#options;
    await this.#listen(port, address).catch((error: unknown) => {
      if (codeOf(error) === 'EADDRINUSE' && port !== 0) return this.#listen(0, address);
      throw error;
    });
    const types = [MEDIA_SERVER, ...SERVICES.map(({ type }) => type)];
    try {
      const device = { uuid, location: this.url, types };
      this.#ssdp = await SsdpService.start({ device, address, filter: this.#filter });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** To be called now and then: tells subscribers where there is something new. */
  refresh(): void {
    const { library } = this.#options;
    if (library.update === this.#told) return;
    this.#told = library.update;
    for (const service of SERVICES) {
      if ('SystemUpdateID' in stateOf(service, library)) {
        this.#subscriptions.publish(service.path, stateOf(service, library));
      }
    }
  }

  /** Says goodbye and ends what is being read. */
  async close(): Promise<void> {
    this.#subscriptions.close();
    await this.#ssdp?.close();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen(port: number, address: string): Promise<void> {
    this.#server.listen(port, address);
    await once(this.#server, 'listening');
  }

  get #base(): string {
    return `http://${this.#options.address}:${this.port}`;
  }

  /** Others are gone before a byte is read. */
  #admit(socket: Socket): void {
    const remote = remoteOf(socket);
    const count = (this.#connections.get(remote) ?? 0) + 1;
    if (remote === '' || !this.#filter.allows(remote) || count > MOST_FROM_ONE) return void socket.resetAndDestroy();
    this.#connections.set(remote, count);
    socket.once('close', () => {
      const left = (this.#connections.get(remote) ?? 1) - 1;
      if (left > 0) this.#connections.set(remote, left);
      else this.#connections.delete(remote);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Server', SERVER);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    // Televisions come by the address; a page elsewhere that gave its own name this address (DNS rebinding) does not. And
    // no television is a page of somebody's site.
    const { host, origin } = request.headers;
    if ((host !== undefined && host !== `${this.#options.address}:${this.port}`) || origin !== undefined) {
      return refuse(response, 403, 'This is for the televisions of this network.');
    }
    const [, place = '', name = '', ...rest] = (request.url ?? '').split('?', 1)[0]?.split('/') ?? [];
    if (place === 'media') return this.#send(request, response, name, rest);
    if (!this.#rate.take(performance.now())) return refuse(response, 503, 'Too many requests: try again in a second.');
    const service = SERVICES.find(({ path }) => path === (name === '' ? place.replace(/\.xml$/, '') : name));
    if (name === '' && (request.method === 'GET' || request.method === 'HEAD')) {
      const { name: title, uuid } = this.#options;
      if (place === 'device.xml') return sendXml(response, 200, deviceDescription(title, uuid));
      if (service !== undefined && place === `${service.path}.xml`) {
        return sendXml(response, 200, serviceDescription(service));
      }
    }
    if (service !== undefined && rest.length === 0) {
      if (place === 'control' && request.method === 'POST') return this.#control(request, response, service);
      if (place === 'events' && request.method === 'SUBSCRIBE') return this.#subscribe(request, response, service);
      if (place === 'events' && request.method === 'UNSUBSCRIBE') {
        const known = this.#subscriptions.delete(header(request, 'sid') ?? '');
        return void response.writeHead(known ? 200 : 412, { 'Content-Length': 0 }).end();
      }
    }
    return refuse(response, 404, 'Not found.');
  }

  async #control(request: IncomingMessage, response: ServerResponse, service: ServiceDescription): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) {
      response.setHeader('Connection', 'close');
      return refuse(response, 413, `An action has at most ${MOST_SOAP} bytes.`);
    }
    const action = parseAction(header(request, 'soapaction'), body);
    if (action === undefined) return refuse(response, 400, 'This is no action of UPnP.');
    try {
      if (action.service !== service.type) throw new UpnpError(401, 'Invalid Action');
      const values = perform(service, action, this.#options.library, this.#base);
      response.setHeader('EXT', '');
      sendXml(response, 200, formatAnswer(action, values));
    } catch (error) {
      if (!(error instanceof UpnpError)) throw error;
      sendXml(response, 500, formatFault(error));
    }
  }

  #subscribe(request: IncomingMessage, response: ServerResponse, service: ServiceDescription): void {
    const [sid, callback, timeout] = [header(request, 'sid'), header(request, 'callback'), header(request, 'timeout')];
    const remote = remoteOf(request.socket);
    const granted =
      sid !== undefined
        ? this.#subscriptions.renew(sid, timeout)
        : callback !== undefined && header(request, 'nt') === 'upnp:event'
          ? this.#subscriptions.add(
              service.path,
              { remote, callback, timeout },
              stateOf(service, this.#options.library),
            )
          : undefined;
    if (granted === 'full') return refuse(response, 503, 'Too many subscribers.');
    if (granted === undefined)
      return refuse(response, 412, 'No such subscription, or a callback that is not your own.');
    response.writeHead(200, { SID: granted.sid, TIMEOUT: `Second-${granted.seconds}`, 'Content-Length': 0 }).end();
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    key: string,
    rest: readonly string[],
  ): Promise<void> | void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return refuse(response, 405, 'Only GET and HEAD.');
    }
    const number = /^files\/(\d{1,7})\/[^/]*$/.exec(rest.join('/'))?.[1];
    const source = number === undefined ? undefined : this.#options.library.source(key, Number(number));
    if (source === undefined) return refuse(response, 404, 'Not found.');
    // Jumps are by bytes (DLNA.ORG_OP=01).
    if (header(request, 'timeseekrange.dlna.org') !== undefined && request.headers.range === undefined) {
      return refuse(response, 406, 'Ranges are of bytes.');
    }
    return sendFile(request, response, source.file, this.#describe(request, response, source));
  }

  /** Says what DLNA wants to know besides. Returns the content's type. */
  #describe(request: IncomingMessage, response: ServerResponse, source: MediaSource): string | undefined {
    const { library } = this.#options;
    const kind = mediaKind(source.file.name);
    if (kind === undefined) return SUBTITLE_TYPE;
    response.setHeader('transferMode.dlna.org', transferMode(kind));
    if (header(request, 'getcontentfeatures.dlna.org') !== undefined) {
      response.setHeader('contentFeatures.dlna.org', features(kind));
    }
    const subtitles = library.subtitles(source);
    if (header(request, 'getcaptioninfo.sec') !== undefined && subtitles !== undefined) {
      response.setHeader('CaptionInfo.sec', mediaUrl(subtitles, this.#base));
    }
    return undefined;
  }
}

/** Undefined where it is longer than an action. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_SOAP) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Buffer)) continue;
    size += chunk.length;
    if (size > MOST_SOAP) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function remoteOf(socket: Socket): string {
  return socket.remoteAddress ?? '';
}

function sendXml(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'Content-Type': 'text/xml; charset="utf-8"', 'Content-Length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
