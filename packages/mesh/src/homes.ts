/**
 * Homes: the two or three reachable members with whom a node always keeps a link, through which the rest of the network
 * reaches it, and over which gossip flows. Where fewer are reachable, any member that can be connected directly serves.
 */
import { fromHex, toHex, utf8, concat } from '@kith/core';
import { openCandidates } from './candidates.ts';
import type { Context } from './context.ts';
import type { Paths } from './paths.ts';
import type { Peer } from './peer.ts';

const HOMES = 3;
/** Connection attempts under way at once, the patience with each, and the pauses after failures; ms. */
const ATTEMPTS = 3;
const PATIENCE = 3000;
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 60_000;

export class Homes {
  readonly #context: Context;
  readonly #paths: Paths;
  readonly #connect: (peer: Peer, now: number) => void;
  /** Members in the order in which this node prefers them: a fixed shuffle of its own, so that load spreads evenly. */
  #order: Peer[] = [];

  constructor(context: Context, paths: Paths, connect: (peer: Peer, now: number) => void) {
    this.#context = context;
    this.#paths = paths;
    this.#connect = connect;
  }

  rosterChanged(): void {
    const rank = (peer: Peer) =>
      toHex(this.#context.init.crypto.sha256(concat(utf8('kith home'), fromHex(this.#context.self), fromHex(peer.id))));
    this.#order = [...this.#context.peers()]
      .filter((peer) => peer.isMember)
      .map((peer) => ({ peer, rank: rank(peer) }))
      .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ peer }) => peer);
  }

  /** Something changed that makes waiting out pauses pointless: the network is back, or the machine moved. */
  hurry(): void {
    for (const peer of this.#order) {
      peer.homeRetryAt = 0;
      peer.homeFailures = 0;
      peer.homeTriedAt = 0;
    }
  }

  tick(now: number): void {
    const alive: Peer[] = [];
    const trying: Peer[] = [];
    for (const peer of this.#order) {
      if (!peer.weKeep) continue;
      if (this.#paths.liveDirect(peer, now) !== null) {
        peer.homeFailures = 0;
        peer.homeTriedAt = 0;
        alive.push(peer);
      } else if (peer.homeTriedAt === 0) {
        peer.homeTriedAt = now;
        this.#connect(peer, now);
        trying.push(peer);
      } else if (now - peer.homeTriedAt > PATIENCE) {
        this.#giveUp(peer, now);
      } else {
        trying.push(peer);
      }
    }
    const reachable = alive.filter((peer) => this.#isReachable(peer)).length;
    // Surplus links are dropped from the far end of the preference; those that others keep stay anyway.
    for (const peer of alive.slice().reverse()) {
      if (reachable <= HOMES && alive.length <= HOMES) break;
      if (alive.length > HOMES && (!this.#isReachable(peer) || reachable > HOMES)) {
        peer.weKeep = false;
        alive.splice(alive.indexOf(peer), 1);
      }
    }
    let missing = HOMES - alive.length - trying.length;
    if (alive.length < HOMES || reachable < HOMES)
      missing = Math.max(missing, reachable < HOMES ? 1 - trying.length : 0);
    for (const peer of this.#next(now, alive.length < HOMES)) {
      if (missing <= 0 || trying.length >= ATTEMPTS) break;
      peer.weKeep = true;
      peer.homeTriedAt = now;
      trying.push(peer);
      missing--;
      this.#connect(peer, now);
    }
  }

  /** Candidates for a new home: reachable members first, others only where those do not suffice. */
  *#next(now: number, anybody: boolean): Generator<Peer> {
    const free = this.#order.filter((peer) => !peer.weKeep && now >= peer.homeRetryAt);
    for (const peer of free) if (this.#isReachable(peer)) yield peer;
    if (!anybody) return;
    for (const peer of free) {
      if (!this.#isReachable(peer) && (peer.hasSession || this.#isThere(peer, now))) yield peer;
    }
  }

  #isReachable(peer: Peer): boolean {
    const held = this.#context.presences.get(peer.id);
    if (held === null) return this.#context.remembered(peer.id).length > 0;
    return held.presence.reachable && !held.presence.goodbye;
  }

  #isThere(peer: Peer, now: number): boolean {
    const held = this.#context.presences.get(peer.id);
    return held !== null && !held.presence.goodbye && openCandidates(this.#context, peer, now).length > 0;
  }

  #giveUp(peer: Peer, now: number): void {
    peer.weKeep = false;
    peer.homeTriedAt = 0;
    peer.homeFailures++;
    // A share of the pause comes from the ids, so that members do not knock in step.
    const jitter = (Number.parseInt(peer.id.slice(0, 2), 16) / 256) * 0.3 + 1;
    peer.homeRetryAt = now + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(peer.homeFailures, 6)) * jitter;
  }
}
