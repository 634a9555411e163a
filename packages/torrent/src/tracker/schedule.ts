/**
 * When to tell which tracker what (BEP 3, BEP 12). Trackers come in tiers. The trackers of a tier are shuffled once; the first
 * that answers moves to the front and is the tier's tracker from then on, the others are asked when it fails. A tier is asked
 * only while all before it fail, or, with `allTiers`, always.
 *
 * A failed tracker is asked again after 5 s, 10 s, 20 s and so on, never later than 2 minutes, so that a short outage stays
 * short; only one that failed a dozen times waits 15 minutes. Waits vary by a fifth, so that a tracker that comes back is not
 * met by everybody at once.
 */
import type { AnnounceAnswer, AnnounceEvent, TrackerError } from './announce.ts';

export interface ScheduleOptions {
  readonly tiers: readonly (readonly string[])[];
  readonly random: (length: number) => Uint8Array;
  /** Asks one tracker of every tier instead of the first tier that works. Default false. */
  readonly allTiers?: boolean;
}

/** An announce that is due. Its outcome has to be told with {@link AnnounceSchedule.succeeded} or `failed`. */
export interface DueAnnounce {
  readonly url: string;
  readonly event: AnnounceEvent | undefined;
}

export interface TrackerStatus {
  readonly url: string;
  readonly tier: number;
  readonly state: 'waiting' | 'announcing' | 'working' | 'failing' | 'given-up';
  /** Why it fails, or the warning that it sent. */
  readonly reason?: string;
  readonly error?: TrackerError;
  /** Failures in a row. */
  readonly failures: number;
  /** When it is asked next if it is its turn (monotonic ms). */
  readonly nextTry?: number;
  readonly seeds?: number;
  readonly leechers?: number;
  readonly downloaded?: number;
  /** Peers of the last answer. */
  readonly peers?: number;
}

const FIRST_WAIT = 5_000;
const MOST_WAIT = 120_000;
const PATIENCE = 12;
const LONG_WAIT = 900_000;
/** Stands in for a min interval that the tracker does not name (ms). */
const LEAST_PAUSE = 60_000;

interface Entry {
  readonly url: string;
  busy: boolean;
  /** What it is being told. */
  telling: AnnounceEvent | undefined;
  /** Whether it has heard "started". */
  told: boolean;
  completed: boolean;
  failures: number;
  error: TrackerError | undefined;
  nextAt: number;
  /** Before that it is not asked without an event. */
  notBefore: number;
  last: AnnounceAnswer | undefined;
}

export class AnnounceSchedule {
  readonly #random: (length: number) => Uint8Array;
  readonly #allTiers: boolean;
  readonly #tiers: Entry[][];
  readonly #entries = new Map<string, Entry>();
  #stopping = false;

  constructor(options: ScheduleOptions) {
    this.#random = options.random;
    this.#allTiers = options.allTiers ?? false;
    this.#tiers = options.tiers
      .map((tier) => this.#shuffled(tier.filter((url) => !this.#entries.has(url)).map((url) => this.#entry(url))))
      .filter((tier) => tier.length > 0);
  }

  /** What is due now; each counts as asked from here on. */
  poll(now: number): DueAnnounce[] {
    const due: DueAnnounce[] = [];
    if (this.#stopping) {
      for (const entry of this.#entries.values()) {
        if (!entry.told || entry.busy) continue;
        entry.told = false;
        due.push(begin(entry, 'stopped'));
      }
      return due;
    }
    for (const tier of this.#tiers) {
      const entry = tier.find((candidate) => usable(candidate, now));
      if (entry === undefined) continue;
      if (!entry.busy && entry.nextAt <= now) due.push(begin(entry, eventFor(entry)));
      // A tracker that failed before has to prove itself before the tiers behind it rest.
      if (!this.#allTiers && entry.failures === 0) break;
    }
    return due;
  }

  /** When {@link poll} has something to say if nothing happens before (monotonic ms); infinite for never. */
  get wake(): number {
    if (this.#stopping) return this.#mayStop() ? 0 : Infinity;
    let wake = Infinity;
    for (const tier of this.#tiers) {
      let works = false;
      for (const entry of tier) {
        if (!entry.busy) wake = Math.min(wake, entry.nextAt);
        works = entry.failures === 0;
        // Those behind one that works or is being asked are not looked at.
        if (works || entry.busy) break;
      }
      if (works && !this.#allTiers) break;
    }
    return wake;
  }

  succeeded(url: string, answer: AnnounceAnswer, now: number): void {
    const entry = this.#entries.get(url);
    if (entry === undefined) return;
    if (entry.telling === 'completed') entry.completed = false;
    if (entry.telling !== 'stopped') entry.told = true;
    entry.busy = false;
    entry.failures = 0;
    entry.error = undefined;
    entry.last = answer;
    entry.nextAt = now + answer.interval * 1000;
    const pause =
      answer.minInterval === undefined ? Math.min(answer.interval * 1000, LEAST_PAUSE) : answer.minInterval * 1000;
    entry.notBefore = Math.min(now + pause, entry.nextAt);
    if (entry.completed) entry.nextAt = now;
    const tier = this.#tiers.find((candidate) => candidate.includes(entry));
    if (tier === undefined) return;
    tier.splice(tier.indexOf(entry), 1);
    tier.unshift(entry);
  }

  failed(url: string, error: TrackerError, now: number): void {
    const entry = this.#entries.get(url);
    if (entry === undefined) return;
    entry.busy = false;
    if (error.failure === 'aborted') {
      entry.nextAt = now;
      return;
    }
    entry.failures++;
    entry.error = error;
    if (error.retryIn === 'never') entry.nextAt = Infinity;
    else if (error.retryIn !== undefined) entry.nextAt = now + error.retryIn * 1000;
    else {
      const wait = entry.failures > PATIENCE ? LONG_WAIT : Math.min(FIRST_WAIT * 2 ** (entry.failures - 1), MOST_WAIT);
      entry.nextAt = now + wait * (0.8 + 0.4 * this.#fraction());
    }
    entry.notBefore = entry.nextAt;
  }

  /** The connection to a tracker ended, and with it what it knew of this node. */
  lost(url: string, error: TrackerError, now: number): void {
    const entry = this.#entries.get(url);
    // What is being asked fails by itself.
    if (entry === undefined || entry.busy) return;
    entry.told = false;
    this.failed(url, error, now);
  }

  /** The download is complete: those who heard "started" hear that at once. */
  complete(now: number): void {
    for (const entry of this.#entries.values()) {
      if (!entry.told && !entry.busy) continue;
      entry.completed = true;
      if (entry.failures === 0) entry.nextAt = now;
    }
  }

  /** Asks again as soon as the trackers allow, failing ones at once: because a person asked for it, or the network changed. */
  hurry(now: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.nextAt === Infinity) continue;
      entry.nextAt = entry.failures > 0 ? now : Math.min(entry.nextAt, Math.max(now, entry.notBefore));
    }
  }

  /** From here on only "stopped" is said, once to each tracker that heard "started". */
  stop(): void {
    this.#stopping = true;
  }

  /** Nothing more to say. */
  get done(): boolean {
    return this.#stopping && !this.#mayStop() && [...this.#entries.values()].every((entry) => !entry.busy);
  }

  /** In order of the tiers, those in use first. */
  status(): TrackerStatus[] {
    return this.#tiers.flatMap((tier, index) => tier.map((entry) => statusOf(entry, index)));
  }

  #mayStop(): boolean {
    return [...this.#entries.values()].some((entry) => entry.told && !entry.busy);
  }

  #entry(url: string): Entry {
    const entry: Entry = {
      url,
      busy: false,
      telling: undefined,
      told: false,
      completed: false,
      failures: 0,
      error: undefined,
      nextAt: 0,
      notBefore: 0,
      last: undefined,
    };
    this.#entries.set(url, entry);
    return entry;
  }

  #shuffled(entries: Entry[]): Entry[] {
    for (let i = entries.length - 1; i > 0; i--) {
      const j = Math.floor(this.#fraction() * (i + 1));
      const [a, b] = [entries[i], entries[j]];
      if (a !== undefined && b !== undefined) [entries[i], entries[j]] = [b, a];
    }
    return entries;
  }

  #fraction(): number {
    const [high = 0, low = 0] = this.#random(2);
    return (high * 256 + low) / 65_536;
  }
}

/** Those that failed are passed over until their wait is over. */
function usable(entry: Entry, now: number): boolean {
  return entry.busy || entry.failures === 0 || entry.nextAt <= now;
}

function begin(entry: Entry, event: AnnounceEvent | undefined): DueAnnounce {
  entry.busy = true;
  entry.telling = event;
  return { url: entry.url, event };
}

function eventFor(entry: Entry): AnnounceEvent | undefined {
  if (!entry.told) return 'started';
  return entry.completed ? 'completed' : undefined;
}

function statusOf(entry: Entry, tier: number): TrackerStatus {
  const { url, failures, error, last } = entry;
  const state = stateOf(entry);
  const reason = error?.message ?? last?.warning;
  return {
    url,
    tier,
    state,
    failures,
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
    ...(Number.isFinite(entry.nextAt) && !entry.busy ? { nextTry: entry.nextAt } : {}),
    ...(last?.seeds === undefined ? {} : { seeds: last.seeds }),
    ...(last?.leechers === undefined ? {} : { leechers: last.leechers }),
    ...(last?.downloaded === undefined ? {} : { downloaded: last.downloaded }),
    ...(last === undefined ? {} : { peers: last.peers.length }),
  };
}

function stateOf(entry: Entry): TrackerStatus['state'] {
  if (entry.busy) return 'announcing';
  if (entry.failures > 0) return entry.nextAt === Infinity ? 'given-up' : 'failing';
  return entry.last === undefined ? 'waiting' : 'working';
}
