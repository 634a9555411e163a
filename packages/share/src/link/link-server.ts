import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { KithError } from '@kith/core';
import type { StreamFolder } from '@kith/torrent';
import { type WebSocket, WebSocketServer } from 'ws';
import { contentType } from '../stream/content-type.ts';
import { filePath, htmlListing, jsonListing, type Listing, playlist } from '../stream/listing.ts';
import { refuse, sendFile } from '../stream/send-file.ts';
import type { Door } from './door.ts';
import { linkToken } from './link-token.ts';
import { SignalRoom } from './signal-room.ts';
import { WsDuplex } from './ws-duplex.ts';

/** A file of the page that a link opens. */
export interface PageFile {
  readonly body: Uint8Array;
  readonly type: string;
}

export interface LinkServerOptions {
  /** Where it listens: 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** Names under which browsers may come, besides localhost and the address it listens on. */
  readonly names?: readonly string[];
  /** What the secret part of each link is made from. 128 random bits by default: links end with the server then. */
  readonly secret?: string;
  /** The page that a link opens, by path: `share.html`, `assets/…`. A plain list without it. */
  readonly pages?: ReadonlyMap<string, PageFile>;
  /** What `/shelf.json` tells the one who asks from there; nothing to those who may not know. */
  readonly shelf?: (remote: string) => object | undefined;
}

/** Bytes of one message of the peer protocol at most: blocks are 16 KiB, a bitfield may be larger. */
const MOST_MESSAGE = 1_048_576;
/** Browsers that are connected at once, by the peer protocol and to find each other. */
const MOST_SOCKETS = 500;

/**
 * Shares over HTTP: their files while they are still on their way, with exact ranges (RFC 9110), and a page that plays them
 * and helps others to them. Each share has a link of its own, which opens nothing else.
 *
 *     /s/TOKEN/                  the page, or a plain list of the files
 *     /s/TOKEN/files/N/any-name  file N
 *     /s/TOKEN/files.json        the list for programs
 *     /s/TOKEN/playlist.m3u8     for players
 *     /s/TOKEN/share.json        what the page has to know
 *     /s/TOKEN/metainfo          the torrent file
 *     /s/TOKEN/wire              WebSocket: the peer protocol
 *     /s/TOKEN/announce          WebSocket: browsers find each other
 */
export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #secret: string;
  readonly #server: Server;
  readonly #sockets: WebSocketServer = new WebSocketServer({
    noServer: true,
    maxPayload: MOST_MESSAGE,
    perMessageDeflate: false,
  });
  readonly #room: SignalRoom = new SignalRoom(() => performance.now());
  readonly #folders: Map<string, { readonly folder: StreamFolder; readonly door: Door | undefined }> = new Map();
  readonly #open: Set<WebSocket> = new Set();

  constructor(options: LinkServerOptions = {}) {
    this.#options = options;
    this.#secret = options.secret ?? randomBytes(16).toString('base64url');
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, socket, head);
    });
  }

  /** Resolves with the URL that everything is below, with a slash at its end. Throws PORT_IN_USE. */
  async listen(): Promise<string> {
    const { port = 0 } = this.#options;
    const host = this.#host;
    try {
      this.#server.listen(port, host);
      await once(this.#server, 'listening');
    } catch (cause) {
      const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
      if (!taken) throw cause;
      throw new KithError('PORT_IN_USE', `Port ${port} on ${host} is taken: choose another for streaming.`, { cause });
    }
    return `http://${this.#authority}/`;
  }

  /** @param id of the share, for example its info-hash @param door without it the files are all there is */
  add(id: string, folder: StreamFolder, door?: Door): void {
    this.#folders.set(this.#token(id), { folder, door });
  }

  remove(id: string): void {
    this.#folders.delete(this.#token(id));
  }

  /** Path of a share's link, or of a file in it, below the URL that `listen` gave. */
  path(id: string, index?: number): string {
    const token = this.#token(id);
    const name = index === undefined ? undefined : (this.#folders.get(token)?.folder.files[index]?.name ?? '');
    return `s/${token}/${index === undefined || name === undefined ? '' : filePath(index, name)}`;
  }

  /** Ends open responses and connections too. */
  async close(): Promise<void> {
    this.#room.close();
    for (const socket of this.#open) socket.terminate();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #token(id: string): string {
    return linkToken(this.#secret, id);
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1';
  }

  get #authority(): string {
    const address = this.#server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    return `${isIP(this.#host) === 6 ? `[${this.#host}]` : this.#host}:${port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(GUARDS)) response.setHeader(name, value);
    // A page elsewhere can give its own name this address (DNS rebinding); its requests still carry that name.
    if (!this.#knowsHost(request.headers.host)) return refuse(response, 421, 'This is not the host you think it is.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return refuse(response, 405, 'Only GET and HEAD.');
    }
    const path = pathOf(request);
    if (path === '/shelf.json') return this.#tellShelf(request, response);
    const [, place, token = '', ...rest] = path.split('/');
    const known = place === 's' ? this.#folders.get(token) : undefined;
    const asked = rest.join('/');
    if (
      place === 's' &&
      token !== '' &&
      rest.length > 0 &&
      this.#sendPage(request, response, asked, known !== undefined)
    )
      return;
    if (known === undefined) return refuse(response, 404, 'Not found.');
    const file = /^files\/(\d{1,7})\/[^/]*$/.exec(asked)?.[1];
    if (file === undefined) return this.#list(request, response, known, token, asked);
    const found = known.folder.files[Number(file)];
    if (found === undefined) return refuse(response, 404, 'Not found.');
    // Whoever knows the link may play it in a page of their own.
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    return sendFile(request, response, found);
  }

  /** The page is the same for every link and for those that lead nowhere, which it explains. */
  #sendPage(request: IncomingMessage, response: ServerResponse, asked: string, known: boolean): boolean {
    const { pages } = this.#options;
    const page =
      asked === ''
        ? pages?.get('share.html')
        : /^(?:assets\/[^/]+|sw\.js|icon\.svg)$/.test(asked)
          ? pages?.get(asked)
          : undefined;
    if (page === undefined) return false;
    response.writeHead(asked === '' && !known ? 404 : 200, {
      ...{ 'Content-Type': page.type, 'Content-Length': page.body.length },
      'Content-Security-Policy': pagePolicy(request.headers.host ?? ''),
      'Cache-Control': asked.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : page.body);
    return true;
  }

  #list(
    request: IncomingMessage,
    response: ServerResponse,
    { folder, door }: { readonly folder: StreamFolder; readonly door: Door | undefined },
    token: string,
    item: string,
  ): void {
    const base = `http://${request.headers.host ?? this.#authority}/s/${token}/`;
    let listing: Omit<Listing, 'body'> & { readonly body: string | Uint8Array };
    if (item === '') listing = htmlListing(folder);
    else if (item === 'files.json') listing = jsonListing(folder, base);
    else if (item === 'playlist.m3u8') listing = playlist(folder, base);
    else if (item === 'share.json' && door !== undefined) listing = shareJson(door);
    else if (item === 'metainfo' && door !== undefined)
      listing = { type: 'application/x-bittorrent', body: door.torrent };
    else return refuse(response, 404, 'Not found.');
    sendSmall(request, response, listing.type, listing.body);
  }

  #tellShelf(request: IncomingMessage, response: ServerResponse): void {
    const remote = request.socket.remoteAddress ?? '';
    const told = this.#options.shelf?.(remote);
    if (told === undefined) return refuse(response, 404, 'Not found.');
    sendSmall(request, response, 'application/json', JSON.stringify(told));
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => undefined);
    const turnAway = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    const { host, origin } = request.headers;
    // A browser always says which page asks: only this server's own may. Programs that are no browsers say nothing.
    if (!this.#knowsHost(host) || (origin !== undefined && origin !== `http://${host ?? ''}`)) {
      return turnAway('403 Forbidden');
    }
    const [, place, token = '', item = ''] = pathOf(request).split('/');
    const door = place === 's' ? this.#folders.get(token)?.door : undefined;
    if (door === undefined || (item !== 'wire' && item !== 'announce')) return turnAway('404 Not Found');
    if (this.#open.size >= MOST_SOCKETS) return turnAway('503 Service Unavailable');
    const { remoteAddress = '', remotePort = 0 } = socket;
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      this.#open.add(opened);
      opened.on('close', () => this.#open.delete(opened));
      if (item === 'announce') return this.#room.enter(opened, door.infoHashes);
      const remote = { ip: remoteAddress.replace(/^::ffff:/i, ''), port: remotePort };
      door.accept(new WsDuplex(opened, { remote, incoming: true, clock: () => performance.now() }));
    });
  }

  #knowsHost(header: string | undefined): boolean {
    const name = header?.replace(/:\d+$/, '').toLowerCase();
    if (name === undefined) return false;
    const known = ['localhost', '127.0.0.1', '[::1]', ...(this.#options.names ?? [])];
    const host = this.#host;
    // Listening on everything: any address is as good as another, only names can be somebody else's.
    if (host === '0.0.0.0' || host === '::') return known.includes(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
    return known.includes(name) || name === host || name === `[${host}]`;
  }
}

const GUARDS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** What the page of a link may do. WebSockets are named: not every browser counts them as `'self'`. */
function pagePolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    `connect-src 'self' ws://${host}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function shareJson({ id, folder, infoHashes }: Door): Listing {
  const files = folder.files.map(({ name, length }, number) => ({
    ...{ number, path: name, length, type: contentType(name), url: filePath(number, name) },
  }));
  const size = folder.files.reduce((sum, { length }) => sum + length, 0);
  const hashes = infoHashes.map((hash) => Buffer.from(hash).toString('hex'));
  return { type: 'application/json', body: JSON.stringify({ id, name: folder.name, size, hashes, files }) };
}

function sendSmall(
  request: IncomingMessage,
  response: ServerResponse,
  type: string,
  content: string | Uint8Array,
): void {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  response.writeHead(200, {
    ...{ 'Content-Type': type, 'Content-Length': body.length, 'Cache-Control': 'no-cache' },
    'Content-Security-Policy': "default-src 'none'",
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
