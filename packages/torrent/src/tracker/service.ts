/**
 * What the three faces of a tracker (HTTP, UDP, WebSocket) share: the swarms, how often peers come back, who may come, and
 * what was counted.
 */
import { mapped } from './compact.ts';
import { NONE } from './hash-index.ts';
import { type Family, type SwarmLimits, SwarmTable, Visit, type VisitOutcome } from './swarm-table.ts';

export interface ServiceOptions extends SwarmLimits {
  readonly random: (length: number) => Uint8Array;
  /** Seconds between announces over HTTP and UDP. Default 1,800. */
  readonly interval?: number;
  /** Seconds before which another one is unwelcome. Default 300. */
  readonly minInterval?: number;
  /** Seconds between announces of WebSocket peers, who live on fresh offers. Default 120. */
  readonly relayInterval?: number;
  /** Peers of an answer when none are asked for. Default 50. */
  readonly wanted?: number;
  /** Peers of an answer at most. Default 200; a UDP answer stays below 1,232 bytes in any case. */
  readonly mostWanted?: number;
  /** Whether everything may be scraped at once. Default false: it tells anybody what is shared. */
  readonly fullScrape?: boolean;
  /** Asked once per swarm, when its first peer comes. Default: everything that {@link HashLists} permit. */
  readonly permits?: (infoHash: Uint8Array) => boolean;
}

/** Totals since the start. */
export interface ServiceCounts {
  httpAnnounces: number;
  httpScrapes: number;
  udpConnects: number;
  udpAnnounces: number;
  udpScrapes: number;
  /** Packets with a connection id that their sender was not given. */
  udpForged: number;
  relayAnnounces: number;
  relayScrapes: number;
  relayOffers: number;
  relayAnswers: number;
  /** Requests that were not understood. */
  malformed: number;
  /** Announces refused: not permitted, or no room for one more swarm. */
  refused: number;
  /** Announces answered without listing the peer, because of a limit. */
  unlisted: number;
  expired: number;
}

export class TrackerService {
  readonly swarms: SwarmTable;
  readonly interval: number;
  readonly minInterval: number;
  readonly relayInterval: number;
  readonly fullScrape: boolean;
  readonly counts: ServiceCounts = {
    httpAnnounces: 0,
    httpScrapes: 0,
    udpConnects: 0,
    udpAnnounces: 0,
    udpScrapes: 0,
    udpForged: 0,
    relayAnnounces: 0,
    relayScrapes: 0,
    relayOffers: 0,
    relayAnswers: 0,
    malformed: 0,
    refused: 0,
    unlisted: 0,
    expired: 0,
  };
  /** Filled by whoever announces; see {@link Visit}. */
  readonly visit: Visit = new Visit();
  /** Where drawn peers go. */
  readonly drawn: Uint32Array;
  /** Told when a peer that came through a connection is dropped by the table itself. */
  connectionExpired: ((peer: number) => void) | undefined = undefined;
  readonly #wanted: number;
  readonly #mostWanted: number;

  constructor(options: ServiceOptions) {
    this.swarms = new SwarmTable({
      ...options,
      silence: options.silence ?? Math.ceil(1.5 * (options.interval ?? 1_800)),
      expired: (family, peer) => {
        if (family === 'connection') this.connectionExpired?.(peer);
      },
    });
    this.interval = options.interval ?? 1_800;
    this.minInterval = Math.min(options.minInterval ?? 300, this.interval);
    this.relayInterval = options.relayInterval ?? 120;
    this.#mostWanted = options.mostWanted ?? 200;
    this.#wanted = Math.min(options.wanted ?? 50, this.#mostWanted);
    this.fullScrape = options.fullScrape ?? false;
    this.drawn = new Uint32Array(this.#mostWanted);
  }

  /** Peers that an announce gets at most; negative or undefined: the client leaves it to the tracker. */
  wantedOf(asked: number | undefined): number {
    if (asked === undefined || !(asked >= 0)) return this.#wanted;
    return Math.min(asked, this.#mostWanted);
  }

  /** Takes what {@link visit} holds. */
  announce(now: number): VisitOutcome {
    const outcome = this.swarms.announce(this.visit, now);
    if (outcome === 'refused' || outcome === 'full') this.counts.refused++;
    else if (outcome === 'unlisted') this.counts.unlisted++;
    return outcome;
  }

  /** Draws peers of the visited swarm for the visitor into {@link drawn}. @returns how many */
  draw(family: Family, most: number): number {
    const { swarm, seed, event } = this.visit;
    if (swarm === NONE || event === 'stopped') return 0;
    const self = family === this.visit.family ? this.visit.peer : NONE;
    return this.swarms.table(family).pick(swarm, most, seed, self, this.swarms.draw, this.drawn);
  }

  /** To be called about once a second. */
  tick(now: number): void {
    this.counts.expired += this.swarms.expire(now);
  }
}

/** What a person reads when a visit was not taken. */
export const REFUSALS: Readonly<Record<'refused' | 'full', string>> = {
  refused: 'this tracker does not track this torrent',
  full: 'this tracker has no room for another torrent',
};

/**
 * Puts an address of 4 or 16 bytes into the words of a visit, IPv4 inside IPv6 as IPv4.
 */
export function setAddress(visit: Visit, ip: Uint8Array): void {
  const v4 = ip.length === 4 ? 0 : mapped(ip) ? 12 : -1;
  const { address } = visit;
  visit.family = v4 >= 0 ? 'ipv4' : 'ipv6';
  if (v4 >= 0) {
    address[0] = word(ip, v4);
    return;
  }
  for (let i = 0; i < 4; i++) address[i] = word(ip, 4 * i);
}

function word(ip: Uint8Array, at: number): number {
  return (
    (((ip[at] as number) << 24) |
      ((ip[at + 1] as number) << 16) |
      ((ip[at + 2] as number) << 8) |
      (ip[at + 3] as number)) >>>
    0
  );
}
