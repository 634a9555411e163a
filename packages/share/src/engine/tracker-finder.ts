import { performance } from 'node:perf_hooks';
import { Announcer, trackerProblem } from '../tracker/announcer.ts';
import { SharedSockets, type SharedUse } from '../tracker/shared-sockets.ts';
import type { TrackerClient } from '../tracker/tracker-client.ts';
import { Signaller } from '../webrtc/signaller.ts';
import type { FinderHost, PeerFinder, Wanted } from './finder.ts';
import type { TrackerReport } from './report.ts';
import type { RtcHost } from './rtc-host.ts';

interface Search {
  readonly announcers: readonly Announcer[];
  readonly signallers: readonly Signaller[];
}

/** Asks the trackers of each share. A hybrid torrent is announced as v1 and as v2: peers may know either alone. */
export class TrackerFinder implements PeerFinder {
  readonly source = 'tracker';
  readonly public = false;
  readonly #host: FinderHost;
  readonly #rtc: RtcHost | undefined;
  readonly #sockets = new SharedSockets();
  readonly #searches: Map<Wanted, Search> = new Map();

  /** @param rtc without it trackers over WebSocket are good for counts only */
  constructor(host: FinderHost, rtc?: RtcHost) {
    this.#host = host;
    this.#rtc = rtc;
  }

  start(wanted: Wanted): void {
    if (this.#searches.has(wanted) || wanted.trackers.every((tier) => tier.length === 0)) return;
    // The first announce has offers, which somebody answers at once. This is called again when the share is ready for that.
    if (this.#rtc?.active(wanted) === false && wanted.trackers.flat().some(isSocket)) return;
    const announcers: Announcer[] = [];
    const signallers: Signaller[] = [];
    for (const infoHash of wanted.infoHashes) {
      const signaller = this.#signaller(wanted, infoHash, () => announcer.hurry());
      const announcer = this.#announcer(wanted, infoHash, signaller);
      announcers.push(announcer);
      if (signaller !== undefined) signallers.push(signaller);
    }
    this.#searches.set(wanted, { announcers, signallers });
    for (const announcer of announcers) announcer.start();
  }

  complete(wanted: Wanted): void {
    for (const announcer of this.#searches.get(wanted)?.announcers ?? []) announcer.complete();
  }

  async stop(wanted: Wanted): Promise<void> {
    const { announcers = [], signallers = [] } = this.#searches.get(wanted) ?? {};
    this.#searches.delete(wanted);
    for (const signaller of signallers) signaller.close();
    await Promise.all(announcers.map((announcer) => announcer.stop(2_000)));
  }

  report(wanted: Wanted): TrackerReport[] {
    const announcer = this.#searches.get(wanted)?.announcers[0];
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
    await Promise.all([...this.#searches.keys()].map((wanted) => this.stop(wanted)));
  }

  #announcer(wanted: Wanted, infoHash: Uint8Array, signaller: Signaller | undefined): Announcer {
    const { peerId, port } = this.#host;
    const client: SharedUse['client'] = {
      userAgent: 'kith',
      permits: (address, scope) => wanted.permitsTracker(address, scope),
    };
    return new Announcer({
      ...{ tiers: wanted.trackers, infoHash, peerId, port, client },
      state: () => wanted.state(),
      found: (peers) => this.#host.onPeers(wanted, peers, 'tracker'),
      changed: () => wanted.trackersChanged(),
      open: (url, lost): TrackerClient | undefined => {
        if (signaller === undefined || !isSocket(url)) return undefined;
        const signalling: SharedUse['signalling'] = (answer) => signaller.through(answer);
        // What is public may talk to everybody; to which trackers others may talk differs from share to share.
        return this.#sockets.open(url, wanted.public ? 'public' : wanted, {
          infoHash,
          peerId,
          client,
          signalling,
          lost,
        });
      },
    });
  }

  #signaller(wanted: Wanted, infoHash: Uint8Array, lost: () => void): Signaller | undefined {
    const rtc = this.#rtc;
    if (rtc === undefined) return undefined;
    return new Signaller({
      ...{ webrtc: rtc.webrtc, infoHash, peerId: this.#host.peerId, lost },
      filter: { allows: (ip) => rtc.permits(wanted, ip) },
      wants: (peerId) => rtc.wants(wanted, peerId),
      connected: (duplex) => rtc.connected(wanted, duplex),
    });
  }
}

function isSocket(url: string): boolean {
  return /^wss?:/i.test(url);
}
