import type { Dice } from './dice.ts';
import type { PeerNumber } from './partial.ts';

/** What the choker knows of a peer. Rates in bytes per second, times in ms. */
export interface ChokePeer {
  readonly number: PeerNumber;
  readonly interested: boolean;
  /** It takes nothing: a seed, or one that only uploads (BEP 21). */
  readonly uploadOnly: boolean;
  /** From it to us. */
  readonly downRate: number;
  /** From us to it. */
  readonly upRate: number;
  /** It owes us blocks and does not send them. */
  readonly snubbed: boolean;
  readonly unchoked: boolean;
  readonly unchokedAt: number;
  readonly connectedAt: number;
  /** Bytes it got since it was unchoked. */
  readonly sentSinceUnchoke: number;
}

export interface ChokeRules {
  readonly seeding: boolean;
  /** Peers that are unchoked at once; `adaptive` adds slots while each more of them takes a fair share. */
  readonly slots: number | 'adaptive';
  /** A seed's peer had its turn once it got this much. Bytes. */
  readonly turn: number;
}

/** Time between two rounds, ms. */
export const CHOKE_INTERVAL = 10_000;
/** Time for which the optimistic slot is a peer's. */
const OPTIMISTIC_INTERVAL = 30_000;
/** Least time of a turn. */
const TURN_TIME = 60_000;
/** Who is unchoked counts as this much faster: two of nearly the same rate would take turns each round. */
const INCUMBENT = 1.2;
/** Newcomers are this many times likelier to get the optimistic slot: they have nothing to give yet. */
const NEWCOMER_CHANCE = 3;
const NEWCOMER_TIME = 60_000;
export const LEAST_SLOTS = 8;
/** What one slot more has to take, bytes per second and slot. */
const SLOT_RATE = 16_384;

/** Who gets blocks: those that give most (leeching) or those that take fastest, in turns (seeding), and one by chance. */
export class Choker {
  readonly #dice: Dice;
  #optimistic: PeerNumber = 0;
  #rotatedAt: number = Number.NEGATIVE_INFINITY;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** Who is to be unchoked; all others are to be choked. */
  round(peers: readonly ChokePeer[], rules: ChokeRules, now: number): Set<PeerNumber> {
    const takers = peers.filter((peer) => peer.interested && !peer.uploadOnly);
    const slots = this.slots(peers, rules);
    if (takers.length <= slots) return new Set(takers.map((peer) => peer.number));
    takers.sort(rules.seeding ? bySeedOrder(rules.turn, now) : byLeechOrder);
    const chosen = new Set(takers.slice(0, slots - 1).map((peer) => peer.number));
    const rest = takers.slice(slots - 1);
    const holder = rest.find((peer) => peer.number === this.#optimistic);
    if (holder === undefined || now - this.#rotatedAt >= OPTIMISTIC_INTERVAL) {
      this.#optimistic = this.#draw(
        rest.filter((peer) => peer.number !== this.#optimistic),
        now,
      );
      this.#rotatedAt = now;
    }
    if (this.#optimistic !== 0) chosen.add(this.#optimistic);
    return chosen;
  }

  slots(peers: readonly ChokePeer[], rules: ChokeRules): number {
    if (rules.slots !== 'adaptive') return Math.max(1, rules.slots);
    const rates = peers.filter((peer) => peer.unchoked).map((peer) => peer.upRate);
    rates.sort((a, b) => b - a);
    let slots = 0;
    while (slots < rates.length && (rates[slots] as number) >= SLOT_RATE * (slots + 1)) slots++;
    return Math.max(LEAST_SLOTS, slots + 1);
  }

  #draw(peers: readonly ChokePeer[], now: number): PeerNumber {
    const weight = (peer: ChokePeer): number => (now - peer.connectedAt < NEWCOMER_TIME ? NEWCOMER_CHANCE : 1);
    let total = 0;
    for (const peer of peers) total += weight(peer);
    if (total === 0) return 0;
    let at = this.#dice.below(total);
    for (const peer of peers) {
      at -= weight(peer);
      if (at < 0) return peer.number;
    }
    return 0;
  }
}

function byLeechOrder(a: ChokePeer, b: ChokePeer): number {
  const score = (peer: ChokePeer): number => (peer.snubbed ? -1 : peer.downRate * (peer.unchoked ? INCUMBENT : 1));
  return score(b) - score(a) || b.upRate - a.upRate || a.connectedAt - b.connectedAt || a.number - b.number;
}

/** Who had its turn comes last; then the fastest takers; those that wait longest break ties. */
function bySeedOrder(turn: number, now: number): (a: ChokePeer, b: ChokePeer) => number {
  const over = (peer: ChokePeer): number =>
    peer.unchoked && peer.sentSinceUnchoke >= turn && now - peer.unchokedAt >= TURN_TIME ? 1 : 0;
  const rate = (peer: ChokePeer): number => peer.upRate * (peer.unchoked ? INCUMBENT : 1);
  return (a, b) => over(a) - over(b) || rate(b) - rate(a) || a.unchokedAt - b.unchokedAt || a.number - b.number;
}
