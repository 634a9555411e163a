/** LSD as one of the engine's ways to find peers: for public shares, and only where its owner switched it on. */
import { toHex } from '@kith/core';
import type { FinderFactory, FinderHost, PeerFinder, Wanted } from '../engine/finder.ts';
import { type LsdOptions, LsdService } from './lsd-service.ts';

export type LsdFinderOptions = Omit<LsdOptions, 'port' | 'onPeer'>;

export function lsdFinder(options: LsdFinderOptions): FinderFactory {
  return (host) => new LsdFinder(host, options);
}

class LsdFinder implements PeerFinder {
  readonly source = 'lsd';
  readonly public = true;
  readonly #host: FinderHost;
  readonly #options: LsdFinderOptions;
  readonly #byHash: Map<string, Wanted> = new Map();
  #service: Promise<LsdService> | undefined;

  constructor(host: FinderHost, options: LsdFinderOptions) {
    this.#host = host;
    this.#options = options;
  }

  start(wanted: Wanted): void {
    if (wanted.private) return;
    for (const infoHash of wanted.infoHashes) {
      if (this.#byHash.has(toHex(infoHash))) continue;
      this.#byHash.set(toHex(infoHash), wanted);
      this.#service ??= this.#open();
      void this.#service.then((service) => {
        if (this.#byHash.get(toHex(infoHash)) === wanted) service.add(infoHash);
      });
    }
  }

  async stop(wanted: Wanted): Promise<void> {
    if (!wanted.infoHashes.some((infoHash) => this.#byHash.get(toHex(infoHash)) === wanted)) return;
    const service = this.#service;
    for (const infoHash of wanted.infoHashes) this.#byHash.delete(toHex(infoHash));
    if (this.#byHash.size === 0) {
      this.#service = undefined;
      await (await service)?.close();
    } else for (const infoHash of wanted.infoHashes) (await service)?.delete(infoHash);
  }

  async close(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    this.#byHash.clear();
    await (await service)?.close();
  }

  #open(): Promise<LsdService> {
    return LsdService.start({
      ...this.#options,
      port: this.#host.port,
      onPeer: (infoHash, peer) => {
        const wanted = this.#byHash.get(toHex(infoHash));
        if (wanted !== undefined) this.#host.onPeers(wanted, [peer], 'lsd');
      },
    });
  }
}
