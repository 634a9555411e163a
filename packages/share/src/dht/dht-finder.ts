/**
 * The DHT as one of the engine's ways to find peers. No socket is open before the first share wants it, nor after the last:
 * what is not public leaves no trace. Private torrents are never looked for (BEP 27).
 */
import { toHex } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';
import type { FinderFactory, FinderHost, PeerFinder, Wanted } from '../engine/finder.ts';
import { DhtService, type DhtServiceOptions } from './dht-service.ts';

export interface DhtFinderOptions extends Omit<DhtServiceOptions, 'port' | 'onPeers'> {
  /** Told why the DHT cannot be used. */
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

export function dhtFinder(options: DhtFinderOptions): FinderFactory {
  return (host) => new DhtFinder(host, options);
}

class DhtFinder implements PeerFinder {
  readonly source = 'dht';
  readonly public = true;
  readonly #host: FinderHost;
  readonly #options: DhtFinderOptions;
  readonly #wanted: Set<Wanted> = new Set();
  /** By hex of the info-hash. */
  readonly #byHash: Map<string, Wanted> = new Map();
  #service: Promise<DhtService | undefined> | undefined;

  constructor(host: FinderHost, options: DhtFinderOptions) {
    this.#host = host;
    this.#options = options;
  }

  start(wanted: Wanted): void {
    if (wanted.private || this.#wanted.has(wanted)) return;
    this.#wanted.add(wanted);
    for (const infoHash of wanted.infoHashes) this.#byHash.set(toHex(infoHash), wanted);
    this.#service ??= this.#open();
    void this.#track(wanted, wanted.state().left > 0);
  }

  complete(wanted: Wanted): void {
    if (this.#wanted.has(wanted)) void this.#track(wanted, false);
  }

  async stop(wanted: Wanted): Promise<void> {
    if (!this.#wanted.delete(wanted)) return;
    const service = this.#service;
    // The last one: the socket closes, too.
    if (this.#wanted.size === 0) this.#service = undefined;
    for (const infoHash of wanted.infoHashes) this.#byHash.delete(toHex(infoHash));
    const running = await service;
    if (service !== this.#service) await running?.close();
    else for (const infoHash of wanted.infoHashes) running?.untrack(infoHash);
  }

  /** A peer has a node there (BEP 5, message `port`). */
  addNode(address: PeerAddress): void {
    void this.#service?.then((service) => service?.addNode(address));
  }

  async close(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    this.#wanted.clear();
    this.#byHash.clear();
    await (await service)?.close();
  }

  async #open(): Promise<DhtService | undefined> {
    const { log, ...options } = this.#options;
    try {
      return await DhtService.start({
        ...options,
        port: this.#host.port,
        onPeers: (infoHash, peers) => {
          const wanted = this.#byHash.get(toHex(infoHash));
          if (wanted !== undefined) this.#host.onPeers(wanted, peers, 'dht');
        },
      });
    } catch (error) {
      log?.('warn', `no DHT: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  async #track(wanted: Wanted, urgent: boolean): Promise<void> {
    const service = await this.#service;
    if (!this.#wanted.has(wanted)) return;
    for (const infoHash of wanted.infoHashes) service?.track({ infoHash, port: this.#host.port, urgent });
  }
}
