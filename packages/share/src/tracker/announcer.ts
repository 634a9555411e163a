/**
 * Keeps a torrent known to its trackers: asks those whose turn it is, hands over the peers they name, and says in words what
 * is wrong with the others. What to ask when is decided by `AnnounceSchedule`.
 */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { KithError } from '@kith/core';
import { type PeerAddress, tracker } from '@kith/torrent';
import { HttpTracker } from './http-tracker.ts';
import { asTrackerError, type TrackerClient, type TrackerClientOptions, trackerUrl } from './tracker-client.ts';
import { UdpTracker } from './udp-tracker.ts';
import { type Signalling, WebSocketTracker } from './websocket-tracker.ts';

/** What changes between announces. */
export type AnnounceState = Pick<tracker.AnnounceRequest, 'uploaded' | 'downloaded' | 'left'>;

export interface AnnouncerOptions {
  /** URLs by tier (BEP 12). Malformed ones and unknown schemes are shown in the status and not asked. */
  readonly tiers: readonly (readonly string[])[];
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  /** Where this node listens for peers. */
  readonly port: number;
  /** Asked before every announce. */
  readonly state: () => AnnounceState;
  /** Peers that a tracker named, permitted or not: the swarm has its own filter. */
  readonly found: (peers: readonly PeerAddress[], url: string) => void;
  readonly changed?: (status: readonly tracker.TrackerStatus[]) => void;
  readonly wanted?: number;
  /** Asks one tracker of every tier at the same time. Default false. */
  readonly allTiers?: boolean;
  readonly signalling?: Signalling;
  readonly client?: TrackerClientOptions;
  /**
   * Makes the client of a URL, or undefined for {@link trackerClient}; for clients that several torrents share. `lost` is to
   * be called when the tracker has forgotten this node.
   */
  readonly open?: (url: string, lost: (reason: string) => void) => TrackerClient | undefined;
}

/** Longest wait of a timer; more overflow it. */
const MOST_TIMER = 2 ** 31 - 1;

/** The client that speaks the scheme of `url`. @throws KithError `TRACKER_URL_INVALID` */
export function trackerClient(
  url: string,
  options: TrackerClientOptions & { readonly signalling?: Signalling; readonly lost?: (reason: string) => void } = {},
): TrackerClient {
  const { protocol } = trackerUrl(url);
  if (protocol === 'udp:') return new UdpTracker(url, options);
  return protocol === 'ws:' || protocol === 'wss:' ? new WebSocketTracker(url, options) : new HttpTracker(url, options);
}

/** What a person reads about a tracker that fails; undefined for one that does not. `now` is monotonic ms. */
export function trackerProblem(status: tracker.TrackerStatus, now: number): KithError | undefined {
  if (status.error === undefined || status.reason === undefined) return undefined;
  const wait = status.nextTry === undefined ? undefined : Math.max(0, Math.round((status.nextTry - now) / 1000));
  const next = wait === undefined ? 'it is not asked again' : `next try in ${wait} s`;
  const code = status.error.failure === 'refused' ? 'TRACKER_REFUSED' : 'TRACKER_UNREACHABLE';
  return new KithError(code, `${status.url}: ${status.reason}; ${next}`, { cause: status.error });
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #schedule: tracker.AnnounceSchedule;
  readonly #clients = new Map<string, TrackerClient>();
  readonly #malformed: tracker.TrackerStatus[] = [];
  readonly #key = randomBytes(4).readUInt32BE();
  readonly #trackerIds = new Map<string, Uint8Array>();
  readonly #aborting = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const tiers = options.tiers.map((urls, tier) => urls.filter((url) => this.#isKnown(url, tier)));
    this.#schedule = new tracker.AnnounceSchedule({
      tiers,
      random: randomBytes,
      ...(options.allTiers === undefined ? {} : { allTiers: options.allTiers }),
    });
  }

  start(): void {
    this.#running = true;
    this.#poll();
  }

  /** The download is complete. */
  complete(): void {
    this.#schedule.complete(performance.now());
    this.#poll();
  }

  /** Asks for peers as soon as the trackers allow. */
  hurry(): void {
    this.#schedule.hurry(performance.now());
    this.#poll();
  }

  status(): tracker.TrackerStatus[] {
    return [...this.#schedule.status(), ...this.#malformed];
  }

  /** Says goodbye to the trackers that know this node, for at most `patience` ms, and lets go of everything. Idempotent. */
  async stop(patience = 5_000): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    clearTimeout(this.#timer);
    this.#schedule.stop();
    const patienceOver = setTimeout(() => this.#aborting.abort(), patience);
    while (!this.#schedule.done && !this.#aborting.signal.aborted) {
      this.#ask();
      await Promise.all(this.#underWay);
    }
    clearTimeout(patienceOver);
    this.#aborting.abort();
    for (const client of this.#clients.values()) client.close();
  }

  #isKnown(url: string, tier: number): boolean {
    try {
      trackerUrl(url);
      return true;
    } catch (error) {
      if (!(error instanceof KithError)) throw error;
      this.#malformed.push({ url, tier, state: 'given-up', failures: 1, reason: error.message });
      return false;
    }
  }

  #poll(): void {
    if (!this.#running) return;
    this.#ask();
    clearTimeout(this.#timer);
    const wait = this.#schedule.wake - performance.now();
    if (wait < Infinity) this.#timer = setTimeout(() => this.#poll(), Math.min(Math.max(wait, 0) + 1, MOST_TIMER));
  }

  #ask(): void {
    for (const due of this.#schedule.poll(performance.now())) {
      const asked = this.#announce(due).finally(() => {
        this.#underWay.delete(asked);
        this.#options.changed?.(this.status());
        this.#poll();
      });
      this.#underWay.add(asked);
    }
  }

  async #announce({ url, event }: tracker.DueAnnounce): Promise<void> {
    const { infoHash, peerId, port, state, wanted, found } = this.#options;
    const trackerId = this.#trackerIds.get(url);
    try {
      const answer = await this.#client(url).announce(
        {
          infoHash,
          peerId,
          port,
          key: this.#key,
          ...state(),
          ...(event === undefined ? {} : { event }),
          ...(event === 'stopped' ? { wanted: 0 } : wanted === undefined ? {} : { wanted }),
          ...(trackerId === undefined ? {} : { trackerId }),
        },
        this.#aborting.signal,
      );
      if (answer.trackerId !== undefined) this.#trackerIds.set(url, answer.trackerId);
      this.#schedule.succeeded(url, answer, performance.now());
      if (event !== 'stopped' && answer.peers.length > 0) found(answer.peers, url);
    } catch (error) {
      this.#schedule.failed(url, asTrackerError(error), performance.now());
    }
  }

  #client(url: string): TrackerClient {
    const known = this.#clients.get(url);
    if (known !== undefined) return known;
    const { client, signalling, open } = this.#options;
    // The tracker has forgotten this node with its connection.
    const lost = (reason: string): void => {
      this.#schedule.lost(url, new tracker.TrackerError('unreachable', reason), performance.now());
      this.#poll();
    };
    const made =
      open?.(url, lost) ?? trackerClient(url, { ...client, ...(signalling === undefined ? {} : { signalling }), lost });
    this.#clients.set(url, made);
    return made;
  }
}
