/** Where routers send their keys: HTTP on a port of its own, which nothing else of kith answers on. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, codeOf, KithError, parseAddress } from '@kith/core';
import type { KeyBroker } from './key-broker.ts';
import { KeyRequests, type KeyReply, LONGEST_REQUEST } from './key-requests.ts';

export interface KeyServerOptions {
  readonly broker: KeyBroker;
  /** 0 for one that is free. */
  readonly port: number;
  /** The address to listen at; all of both families otherwise. */
  readonly host?: string;
  readonly tell: (text: string) => void;
}

/** ms that a router has for its request. */
const PATIENCE = 5000;
const MOST_CONNECTIONS = 256;

export class KeyServer {
  readonly #server: Server;
  readonly port: number;

  /** @throws KithError REGISTRATION_PORT_TAKEN */
  static async open({ broker, port, host = '::', tell }: KeyServerOptions): Promise<KeyServer> {
    const requests = new KeyRequests(broker);
    const server = createServer({ maxHeaderSize: 4096, headersTimeout: PATIENCE, requestTimeout: PATIENCE });
    server.maxConnections = MOST_CONNECTIONS;
    server.on('request', (message, response) => {
      void handle(requests, message)
        .catch((error: unknown): KeyReply => {
          tell(`a router's request failed: ${String(error)}`);
          return { status: 500, body: { error: { code: 'INTERNAL', message: 'try again later' } } };
        })
        .then(({ status, body }) => {
          const text = JSON.stringify(body);
          response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(`${text}\n`);
        });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const message = `routers cannot register at TCP port ${port}: ${codeOf(error)}`;
        reject(new KithError('REGISTRATION_PORT_TAKEN', message, { cause: error }));
      });
      server.listen(port, host, resolve);
    });
    return new KeyServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.port = isInfo(address) ? address.port : 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function isInfo(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

async function handle(requests: KeyRequests, message: IncomingMessage): Promise<KeyReply> {
  const { method = '', url = '', socket } = message;
  const body = await read(message);
  if (body === null) {
    const text = `a request has ${LONGEST_REQUEST} bytes at most`;
    return { status: 413, body: { error: { code: 'REGISTRATION_INVALID', message: text } } };
  }
  const [path = ''] = url.split('?');
  const to = plain(socket.localAddress ?? '');
  return requests.answer({ method, path, body, from: senderOf(message), to, now: performance.now() });
}

/** A proxy on this machine says for whom it asks; of its list the last one is its own word. */
function senderOf({ socket, headers }: IncomingMessage): Address {
  const peer = parseAddress(plain(socket.remoteAddress ?? '::'));
  if (peer !== '::1' && !peer.startsWith('127.')) return peer;
  const said = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim() ?? '';
  try {
    return parseAddress(said);
  } catch {
    return peer;
  }
}

/** A socket of both families writes IPv4 into IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}

/** Null for what is too long. */
async function read(message: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message) {
      if (!Buffer.isBuffer(chunk)) continue;
      length += chunk.length;
      if (length > LONGEST_REQUEST) return null;
      chunks.push(chunk);
    }
  } catch {
    // It hung up: nobody hears what it is told.
    return null;
  }
  return Buffer.concat(chunks).toString();
}
