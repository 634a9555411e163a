import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { codeOf, equalBytes, KithError, utf8 } from '@kith/core';
import { contentType, harmless } from './content-type.ts';
import { filePath, htmlListing, jsonListing, type Listing, playlist } from './listing.ts';
import { type ByteRange, parseRange } from './range.ts';
import type { StreamFile, StreamFolder, StreamReader } from './stream-file.ts';

export interface StreamServerOptions {
  /** Where it listens: 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** Names under which browsers may come, besides localhost and the address it listens on. */
  readonly names?: readonly string[];
  /** First part of every path: who does not know it gets nothing. 128 random bits by default. */
  readonly token?: string;
}

/** Bytes that one response asks its file for at a time; no more wait for a slow client, besides Node's own buffer. */
const WINDOW = 262_144;

/**
 * Files over HTTP while they are still on their way, for players and browsers: exact ranges (RFC 9110), as many readers
 * as there are connections.
 *
 *     /TOKEN/FOLDER/               list of the files, for people
 *     /TOKEN/FOLDER/files.json     for programs
 *     /TOKEN/FOLDER/playlist.m3u8  for players
 *     /TOKEN/FOLDER/N/any-name     file N
 */
export class StreamServer {
  readonly token: string;
  readonly #folders: Map<string, StreamFolder> = new Map();
  readonly #options: StreamServerOptions;
  readonly #server: Server;

  constructor(options: StreamServerOptions = {}) {
    this.#options = options;
    this.token = options.token ?? randomBytes(16).toString('base64url');
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
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
      if (codeOf(cause) !== 'EADDRINUSE') throw cause;
      throw new KithError('PORT_IN_USE', `Port ${port} on ${host} is taken: choose another for streaming.`, { cause });
    }
    return `http://${this.#authority}/${this.token}/`;
  }

  /** `id` is part of the links, for example an info-hash; letters and digits. */
  add(id: string, folder: StreamFolder): void {
    this.#folders.set(id, folder);
  }

  remove(id: string): void {
    this.#folders.delete(id);
  }

  /** Path of a file below the URL that `listen` gave. */
  path(id: string, index: number): string {
    return `${id}/${filePath(index, this.#folders.get(id)?.files[index]?.name ?? '')}`;
  }

  /** Ends open responses too. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
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
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    // A page elsewhere can give its own name this address (DNS rebinding); its requests still carry that name.
    if (!this.#knowsHost(request.headers.host)) return refuse(response, 421, 'This is not the host you think it is.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return refuse(response, 405, 'Only GET and HEAD.');
    }
    const [, token = '', id = '', item = '', ...rest] = (request.url ?? '').split('?', 1)[0]?.split('/') ?? [];
    const folder = this.#folders.get(id);
    if (!equalBytes(utf8(token), utf8(this.token)) || folder === undefined) return refuse(response, 404, 'Not found.');
    if (rest.length === 0) return this.#list(request, response, folder, id, item);
    const file = /^\d{1,7}$/.test(item) ? folder.files[Number(item)] : undefined;
    if (file === undefined) return refuse(response, 404, 'Not found.');
    return sendFile(request, response, file);
  }

  #list(request: IncomingMessage, response: ServerResponse, folder: StreamFolder, id: string, item: string): void {
    const base = `http://${request.headers.host ?? this.#authority}/${this.token}/${id}/`;
    let listing: Listing;
    if (item === '') listing = htmlListing(folder);
    else if (item === 'files.json') listing = jsonListing(folder, base);
    else if (item === 'playlist.m3u8') listing = playlist(folder, base);
    else return refuse(response, 404, 'Not found.');
    const body = Buffer.from(listing.body);
    response.writeHead(200, {
      ...{ 'Content-Type': listing.type, 'Content-Length': body.length, 'Cache-Control': 'no-cache' },
      'Content-Security-Policy': "default-src 'none'",
    });
    response.end(request.method === 'HEAD' ? undefined : body);
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

async function sendFile(request: IncomingMessage, response: ServerResponse, file: StreamFile): Promise<void> {
  const type = contentType(file.name);
  const etag = `"${file.etag}"`;
  const { length } = file;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader('Content-Disposition', disposition(file.name, harmless(type)));
  const seen = request.headers['if-none-match'];
  if (
    seen !== undefined &&
    (seen.trim() === '*' || seen.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
  ) {
    response.writeHead(304).end();
    return;
  }
  // Ranges are for GET alone (RFC 9110, 14.2), and only of the bytes that the client knows (13.1.5).
  const condition = request.headers['if-range'];
  const asked = request.method === 'GET' && (condition === undefined || condition === etag);
  const ranges = asked ? parseRange(request.headers.range, length) : 'whole';
  if (ranges === 'none') {
    response.setHeader('Content-Range', `bytes */${length}`);
    return refuse(response, 416, `The file has ${length} bytes.`);
  }
  if (ranges === 'whole') {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': length });
    if (request.method === 'HEAD') response.end();
    else await send(response, file, [{ begin: 0, end: length }]);
    return;
  }
  const [only] = ranges;
  if (ranges.length === 1) {
    response.writeHead(206, {
      ...{ 'Content-Type': type, 'Content-Length': only.end - only.begin },
      'Content-Range': `bytes ${only.begin}-${only.end - 1}/${length}`,
    });
    return send(response, file, ranges);
  }
  const boundary = randomBytes(12).toString('hex');
  const heads = ranges.map(
    ({ begin, end }) =>
      `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${begin}-${end - 1}/${length}\r\n\r\n`,
  );
  const tail = `\r\n--${boundary}--\r\n`;
  const size = ranges.reduce((sum, { begin, end }, i) => sum + end - begin + (heads[i]?.length ?? 0), tail.length);
  response.writeHead(206, { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': size });
  return send(response, file, ranges, heads, tail);
}

async function send(
  response: ServerResponse,
  file: StreamFile,
  ranges: readonly ByteRange[],
  heads: readonly string[] = [],
  tail: string = '',
): Promise<void> {
  // Players give up in the middle all the time: what they waited for must not stay urgent.
  const reader = file.open();
  response.once('close', () => {
    reader.close();
  });
  try {
    for (const [i, range] of ranges.entries()) {
      const head = heads[i];
      if (head !== undefined) response.write(head, 'latin1');
      if (!(await sendRange(response, reader, range))) return;
    }
    response.end(tail, 'latin1');
  } finally {
    reader.close();
  }
}

/** False where the client went away. */
async function sendRange(response: ServerResponse, reader: StreamReader, { begin, end }: ByteRange): Promise<boolean> {
  for (let at = begin; at < end;) {
    const bytes = await reader.read(at, Math.min(WINDOW, end - at), end);
    if (response.destroyed) return false;
    at += bytes.length;
    if (!response.write(bytes)) await roomIn(response);
    if (response.destroyed) return false;
  }
  return true;
}

function roomIn(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** RFC 6266, with the name in RFC 8187's form. */
function disposition(path: string, inline: boolean): string {
  const name = encodeURIComponent(path.slice(path.lastIndexOf('/') + 1)).replaceAll(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${name}`;
}

function refuse(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
