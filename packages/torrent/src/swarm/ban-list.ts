import { parseAddress, scopeOf, toHex } from '@kith/core';

/** By what a peer is known to the ban list: where it comes from, and what it calls itself. */
export interface PeerIdentity {
  readonly ip: string;
  readonly id: Uint8Array;
}

/**
 * Peers that are refused for a time, for having sent what was wrong: by address, because an id costs nothing; by id where
 * the address is this machine's own, which honest peers share. Bounded: the oldest entry makes room.
 */
export class BanList {
  readonly #until = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** False where it is banned already. */
  ban({ ip, id }: PeerIdentity, now: number, until: number): boolean {
    const key = isLoopback(ip) ? keyOfId(id) : ip;
    if (this.#has(key, now)) return false;
    this.#until.set(key, until);
    if (this.#until.size <= this.#most) return true;
    const [oldest] = this.#until.keys();
    if (oldest !== undefined) this.#until.delete(oldest);
    return true;
  }

  hasAddress(ip: string, now: number): boolean {
    return this.#has(ip, now);
  }

  hasId(id: Uint8Array, now: number): boolean {
    // Few are banned by their id: the text is made when there is somebody to look for.
    return this.#until.size > 0 && this.#has(keyOfId(id), now);
  }

  #has(key: string, now: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#until.delete(key);
    return false;
  }
}

function keyOfId(id: Uint8Array): string {
  return `id ${toHex(id)}`;
}

function isLoopback(ip: string): boolean {
  try {
    return scopeOf(parseAddress(ip)) === 'loopback';
  } catch {
    return false;
  }
}
