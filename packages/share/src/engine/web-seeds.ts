import { randomBytes } from 'node:crypto';
import type { Duplex, Encryption, Metainfo } from '@kith/torrent';
import { WebAgents } from '../web-seed/range-fetch.ts';
import { connectWebSeed } from '../web-seed/web-seed.ts';

/** A share that web servers may give to. */
export interface WebSeeded {
  readonly metainfo: Metainfo | undefined;
  readonly state: string;
  /** Addresses of the servers: none where it is not public, as a server may send to anywhere else. */
  readonly webSeeds: readonly string[];
}

export interface WebSeedsOptions {
  readonly accept: (duplex: Duplex) => void;
  readonly now: () => number;
  readonly encryption: Encryption | undefined;
}

/** Connections to one server at a time. */
const PER_HOST = 4;
/** ms until a server is tried again that the swarm hung up on. */
const AGAIN = 30_000;
/** Numbers of {@link connectWebSeed} have 24 bits. */
const NUMBERS = 2 ** 24;

/** Web servers (BEP 19) as peers of the shares that load. */
export class WebSeeds {
  readonly #options: WebSeedsOptions;
  readonly #agents = new WebAgents(PER_HOST);
  readonly #open: Map<WebSeeded, Map<string, Duplex | undefined>> = new Map();
  #number = 0;
  #closed = false;

  constructor(options: WebSeedsOptions) {
    this.#options = options;
  }

  /** Connects what the share may use, where it loads. */
  start(share: WebSeeded): void {
    const torrent = share.metainfo;
    if (this.#closed || torrent === undefined || share.state !== 'downloading') return;
    const open = this.#open.get(share) ?? new Map<string, Duplex | undefined>();
    this.#open.set(share, open);
    const { now, encryption, accept } = this.#options;
    for (const url of share.webSeeds) {
      if (open.has(url)) continue;
      this.#number = (this.#number + 1) % NUMBERS;
      const duplex = connectWebSeed({
        ...{ url, torrent, agents: this.#agents, now, number: this.#number, peerId: randomBytes(20) },
        ...(encryption === undefined ? {} : { encryption }),
        onEnd: (_reason, lasting) => {
          // Its place stays taken: what is wrong for good is not tried again.
          open.set(url, undefined);
          if (lasting || this.#closed) return;
          setTimeout(() => {
            open.delete(url);
            if (this.#open.get(share) === open) this.start(share);
          }, AGAIN).unref();
        },
      });
      open.set(url, duplex);
      accept(duplex);
    }
  }

  stop(share: WebSeeded): void {
    for (const duplex of this.#open.get(share)?.values() ?? []) duplex?.close('the share ended');
    this.#open.delete(share);
  }

  close(): void {
    this.#closed = true;
    for (const share of this.#open.keys()) this.stop(share);
    this.#agents.close();
  }
}
