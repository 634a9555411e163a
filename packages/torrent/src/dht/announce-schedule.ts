/**
 * When which torrent is looked for and announced. Many of them must not go out at once: those in need of peers come first,
 * the others are spread over the interval, and never are there more lookups than the node has places for.
 */
import { toHex } from '@kith/core';
import { Heap } from '../swarm/heap.ts';

export interface Tracked {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Where this node takes peers; undefined to look for others only. */
  readonly port: number | undefined;
  /** Others shall take the port that they see the datagram come from instead: behind a NAT (BEP 5, `implied_port`). */
  readonly impliedPort?: boolean;
  /** It needs peers: asked for soon, and more often. */
  readonly urgent: boolean;
}

interface Entry {
  tracked: Tracked;
  dueAt: number;
  /** Entries of the heap with another number are out of date. */
  version: number;
  running: boolean;
}

interface Turn {
  readonly entry: Entry;
  readonly dueAt: number;
  readonly urgent: boolean;
  readonly version: number;
}

export interface ScheduleOptions {
  readonly announceInterval: number;
  readonly urgentInterval: number;
  /** 0 up to 1. */
  readonly draw: () => number;
}

/** After a lookup that nobody answered, ms. */
const RETRY = 60_000;

export class AnnounceSchedule {
  readonly #options: ScheduleOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #turns = new Heap<Turn>((a, b) => a.dueAt < b.dueAt);
  /** Those that are due, by need. */
  readonly #due = new Heap<Turn>((a, b) => (a.urgent === b.urgent ? a.dueAt < b.dueAt : a.urgent));

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Adds a torrent, or changes it: what becomes urgent is due at once. */
  set(tracked: Tracked, now: number): void {
    const key = toHex(tracked.infoHash);
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry = { tracked, dueAt: now, version: 0, running: false };
      this.#entries.set(key, entry);
      this.#enter(entry);
      return;
    }
    const sooner = tracked.urgent && !known.tracked.urgent;
    const otherPort = tracked.port !== known.tracked.port;
    known.tracked = tracked;
    if ((sooner || otherPort) && !known.running) {
      known.dueAt = now;
      this.#enter(known);
    }
  }

  delete(infoHash: Uint8Array): void {
    const key = toHex(infoHash);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.version++;
    this.#entries.delete(key);
  }

  has(infoHash: Uint8Array): boolean {
    return this.#entries.has(toHex(infoHash));
  }

  /** The torrent whose turn it is; it stays away until `done`. */
  next(now: number): Tracked | undefined {
    for (let turn = this.#turns.peek(); turn !== undefined && turn.dueAt <= now; turn = this.#turns.peek()) {
      this.#turns.pop();
      if (turn.version === turn.entry.version) this.#due.push(turn);
    }
    for (let turn = this.#due.pop(); turn !== undefined; turn = this.#due.pop()) {
      if (turn.version !== turn.entry.version) continue;
      turn.entry.running = true;
      return turn.entry.tracked;
    }
    return undefined;
  }

  /** @param reached whether anybody answered */
  done(infoHash: Uint8Array, reached: boolean, now: number): void {
    const entry = this.#entries.get(toHex(infoHash));
    if (entry === undefined) return;
    entry.running = false;
    const { announceInterval, urgentInterval, draw } = this.#options;
    const interval = !reached ? RETRY : entry.tracked.urgent ? urgentInterval : announceInterval;
    // Some of it by chance: what began together does not stay so.
    entry.dueAt = now + interval * (0.8 + 0.2 * draw());
    this.#enter(entry);
  }

  /** When the next one is due; in the past where it is due already. */
  nextWake(): number {
    if (this.#due.size > 0) return Number.NEGATIVE_INFINITY;
    return this.#turns.peek()?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  #enter(entry: Entry): void {
    entry.version++;
    this.#turns.push({ entry, dueAt: entry.dueAt, urgent: entry.tracked.urgent, version: entry.version });
  }
}
