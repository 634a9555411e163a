import { performance } from 'node:perf_hooks';
import { Announcer, trackerProblem } from '../tracker/announcer.ts';
import type { FinderHost, PeerFinder, Wanted } from './finder.ts';
import type { TrackerReport } from './report.ts';

/** Asks the trackers of each share. A hybrid torrent is announced as v1 and as v2: peers may know either alone. */
export class TrackerFinder implements PeerFinder {
  readonly source = 'tracker';
  readonly public = false;
  readonly #host: FinderHost;
  readonly #announcers: Map<Wanted, readonly Announcer[]> = new Map();

  constructor(host: FinderHost) {
    this.#host = host;
  }

  start(wanted: Wanted): void {
    if (this.#announcers.has(wanted) || wanted.trackers.every((tier) => tier.length === 0)) return;
    const { peerId, port } = this.#host;
    const announcers = wanted.infoHashes.map(
      (infoHash) =>
        new Announcer({
          ...{ tiers: wanted.trackers, infoHash, peerId, port },
          state: () => wanted.state(),
          found: (peers) => this.#host.onPeers(wanted, peers, 'tracker'),
          changed: () => wanted.trackersChanged(),
          client: { userAgent: 'kith', permits: (address, scope) => wanted.permitsTracker(address, scope) },
        }),
    );
    this.#announcers.set(wanted, announcers);
    for (const announcer of announcers) announcer.start();
  }

  complete(wanted: Wanted): void {
    for (const announcer of this.#announcers.get(wanted) ?? []) announcer.complete();
  }

  async stop(wanted: Wanted): Promise<void> {
    const announcers = this.#announcers.get(wanted) ?? [];
    this.#announcers.delete(wanted);
    await Promise.all(announcers.map((announcer) => announcer.stop(2_000)));
  }

  report(wanted: Wanted): TrackerReport[] {
    const [announcer] = this.#announcers.get(wanted) ?? [];
    const now = performance.now();
    return (announcer?.status() ?? []).map((status) => {
      const problem = trackerProblem(status, now)?.message ?? (status.failures > 0 ? status.reason : undefined);
      return {
        ...{ url: status.url, state: status.state },
        ...(problem === undefined ? {} : { problem }),
        ...(status.seeds === undefined ? {} : { seeds: status.seeds }),
        ...(status.leechers === undefined ? {} : { leechers: status.leechers }),
      };
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#announcers.keys()].map((wanted) => this.stop(wanted)));
  }
}
