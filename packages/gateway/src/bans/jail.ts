/**
 * Failed logins are counted, and who fails too often is banned for a time. IPv6 counts by /64: whoever has one address
 * of it has all. Time is the caller's, in milliseconds.
 */
import { type Address, isIPv4, type Prefix, prefixContains, prefixOf } from '@kith/core';
import type { Bans } from '../file/settings.ts';

export interface Ban {
  /** A /32 or a /64. */
  readonly target: Prefix;
  readonly since: number;
  readonly until: number;
}

/** Strangers that are counted at once; whoever failed longest ago makes room. */
const MOST_COUNTED = 20_000;
/** As many as the sets of nftables take. */
const MOST_BANS = 65_535;

export class Jail {
  readonly #settings: Bans;
  /** Times of failed logins, the oldest first; in the order of the last one. */
  readonly #failures = new Map<Prefix, number[]>();
  readonly #bans = new Map<Prefix, Ban>();

  constructor(settings: Bans) {
    this.#settings = settings;
  }

  /** Counts a failed login. The ban that follows from it, or null. */
  fail(address: Address, now: number): Ban | null {
    const target = targetOf(address);
    if (this.#settings.allow.some((prefix) => prefixContains(prefix, address))) return null;
    const current = this.#bans.get(target);
    if (current !== undefined && now < current.until) return null;
    const since = now - this.#settings.window * 1000;
    const times = [...(this.#failures.get(target) ?? []).filter((time) => time > since), now];
    this.#failures.delete(target);
    if (times.length < this.#settings.attempts) {
      if (this.#failures.size >= MOST_COUNTED) this.#forgetOldest();
      this.#failures.set(target, times);
      return null;
    }
    return this.ban(address, this.#settings.time, now);
  }

  /** Bans at an operator's word. Null where there is no room. @param seconds for how long */
  ban(address: Address, seconds: number, now: number): Ban | null {
    const target = targetOf(address);
    if (this.#isFull(target)) this.expire(now);
    if (this.#isFull(target)) return null;
    const ban = { target, since: now, until: now + seconds * 1000 };
    this.#bans.set(target, ban);
    return ban;
  }

  /** Lifts a ban and forgets what led to it; false where there is none. */
  lift(address: Address): boolean {
    const target = targetOf(address);
    this.#failures.delete(target);
    return this.#bans.delete(target);
  }

  /** Brings back what was kept over a restart. */
  restore(ban: Ban): void {
    this.#bans.set(ban.target, ban);
  }

  /** Bans that still last, the latest first. */
  bans(now: number): Ban[] {
    this.expire(now);
    return [...this.#bans.values()].sort((a, b) => b.since - a.since || (a.target < b.target ? -1 : 1));
  }

  /** Drops bans that are over. nftables lets them go by itself. */
  expire(now: number): void {
    for (const [target, { until }] of this.#bans) if (until <= now) this.#bans.delete(target);
  }

  #isFull(target: Prefix): boolean {
    return this.#bans.size >= MOST_BANS && !this.#bans.has(target);
  }

  #forgetOldest(): void {
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }
}

/** What a ban of an address covers. */
export function targetOf(address: Address): Prefix {
  return prefixOf(address, isIPv4(address) ? 32 : 64);
}
