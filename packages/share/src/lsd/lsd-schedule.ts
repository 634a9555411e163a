/**
 * When which torrent is announced to the local network (BEP 14): every five minutes, never more often than once a minute, many
 * in one datagram, and few datagrams at a time.
 */
import { toHex } from '@kith/core';
import { MOST_HASHES } from './lsd-codec.ts';

const EVERY = 300_000;
const LEAST = 60_000;
/** Between two datagrams. */
const GAP = 1000;

interface Entry {
  readonly infoHash: Uint8Array;
  dueAt: number;
  wanted: boolean;
}

export class LsdSchedule {
  /** By hex of the info-hash. What was taken out is remembered until it may be announced again. */
  readonly #entries: Map<string, Entry> = new Map();
  #notBefore: number = Number.NEGATIVE_INFINITY;

  add(infoHash: Uint8Array, now: number): void {
    const key = toHex(infoHash);
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, { infoHash, dueAt: now, wanted: true });
    else known.wanted = true;
  }

  delete(infoHash: Uint8Array): void {
    const entry = this.#entries.get(toHex(infoHash));
    if (entry !== undefined) entry.wanted = false;
  }

  has(infoHash: Uint8Array): boolean {
    return this.#entries.get(toHex(infoHash))?.wanted === true;
  }

  /** What the next datagram says; empty where nothing is due. */
  take(now: number): Uint8Array[] {
    if (now < this.#notBefore) return [];
    const due: Uint8Array[] = [];
    for (const [key, entry] of this.#entries) {
      if (!entry.wanted && entry.dueAt - EVERY + LEAST <= now) this.#entries.delete(key);
      else if (entry.wanted && entry.dueAt <= now && due.length < MOST_HASHES) {
        entry.dueAt = now + EVERY;
        due.push(entry.infoHash);
      }
    }
    if (due.length > 0) this.#notBefore = now + GAP;
    return due;
  }

  /** When `take` has something; infinity where nothing is wanted. */
  nextWake(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { wanted, dueAt } of this.#entries.values()) if (wanted) next = Math.min(next, dueAt);
    return Math.max(next, this.#notBefore);
  }
}
