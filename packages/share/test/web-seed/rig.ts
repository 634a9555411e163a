/** A web server with a torrent's files, a session that loads from it, and a record of what was asked. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { MemoryStore, type Metainfo, Session, type Torrent } from '@kith/torrent';
import { WebAgents } from '../../src/web-seed/range-fetch.ts';
import { connectWebSeed, type WebSeedOptions } from '../../src/web-seed/web-seed.ts';
import { HASHES, type Rig } from '../store-conformance/rig.ts';

/** Answers a request, or returns false to have it answered rightly. */
export type Quirk = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface Web {
  readonly url: string;
  /** `path range` of each request. */
  readonly asked: string[];
  /** Connections that were opened. */
  connections: number;
}

export async function webServer(t: TestContext, rig: Rig, quirk: Quirk = () => false): Promise<Web> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${decodeURIComponent(request.url ?? '')} ${request.headers.range ?? ''}`);
    if (quirk(request, response, asked.length)) return;
    const path = decodeURIComponent(request.url ?? '').replace('/base/', '');
    const file = rig.torrent.files.find((each) => each.path.join('/') === path && !each.padding);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (file === undefined || range === null) {
      response.writeHead(404).end();
      return;
    }
    const [begin, end] = [Number(range[1]), Number(range[2]) + 1];
    response.writeHead(206, {
      'Content-Range': `bytes ${begin}-${end - 1}/${file.length}`,
      'Content-Length': end - begin,
    });
    response.end(rig.content.subarray(file.offset + begin, file.offset + end));
  });
  const web = { url: '', asked, connections: 0 };
  server.on('connection', () => web.connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return Object.assign(web, { url: `http://127.0.0.1:${port}/base/` });
}

/** A session in real time with one torrent. */
export class Leecher {
  readonly session: Session;
  readonly torrent: Torrent;
  readonly store: MemoryStore;
  readonly agents: WebAgents = new WebAgents(4);
  readonly ends: [reason: string, lasting: boolean][] = [];
  readonly #timer: NodeJS.Timeout;
  #seeds = 0;

  constructor(t: TestContext, metainfo: Metainfo) {
    const random = (length: number): Uint8Array => randomBytes(length);
    this.session = new Session({ hashes: HASHES, random, peerId: randomBytes(20) }, performance.now());
    this.store = new MemoryStore(metainfo, HASHES);
    this.torrent = this.session.add({ metainfo, store: this.store }, performance.now());
    this.#timer = setInterval(() => {
      this.session.tick(performance.now());
    }, 10);
    t.after(() => {
      this.close();
    });
  }

  connect(url: string, options: Partial<WebSeedOptions> = {}): void {
    const duplex = connectWebSeed({
      ...{ url, agents: this.agents, peerId: randomBytes(20), number: ++this.#seeds, backOff: 20, silence: 2000 },
      torrent: this.torrent.metainfo ?? fail(),
      now: () => performance.now(),
      onEnd: (reason, lasting) => this.ends.push([reason, lasting]),
      ...options,
    });
    this.session.accept(duplex, performance.now());
  }

  close(): void {
    clearInterval(this.#timer);
    this.session.remove(this.torrent, performance.now());
    this.agents.close();
  }
}

function fail(): never {
  throw new Error('no metainfo');
}
