/**
 * Freshness: a node that comes back may hold an old ledger, in which somebody is still a member who was revoked since.
 * So data with a peer flows only after the ledger was found equal with somebody else since the node came online: the
 * revoked cannot vouch for themselves. Where nobody else answers for a while, the two go on once they agree with each
 * other: two machines on an island must not lock each other out.
 */
import type { Context } from './context.ts';
import type { Peer } from './peer.ts';

/** ms without any third member before a pair goes on alone. */
const ALONE_AFTER = 3000;
/** ms that the only peer gets to make its ledger equal before data flows all the same. */
const DISAGREEMENT_PATIENCE = 3000;

export class Gate {
  readonly #context: Context;
  #epoch: number | null = null;
  #agreedWith = new Set<Peer>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** The node came online, or back: what was agreed before says nothing of what happened meanwhile. */
  close(now: number): void {
    this.#epoch = now;
    this.#agreedWith.clear();
    for (const peer of this.#context.peers()) peer.agreed = false;
  }

  /** The peer's ledger was seen to equal ours. */
  agreed(peer: Peer): void {
    if (!peer.isMember) return;
    peer.agreed = true;
    this.#agreedWith.add(peer);
  }

  forget(peer: Peer): void {
    this.#agreedWith.delete(peer);
  }

  isOpen(peer: Peer, now: number): boolean {
    if (!peer.isMember || this.#epoch === null || !peer.hasSession) return false;
    const others = this.#agreedWith.size - (this.#agreedWith.has(peer) ? 1 : 0);
    if (others > 0) return true;
    const thirds = this.#context.roster().members.size > 2;
    if (thirds && now - this.#epoch < ALONE_AFTER) return false;
    return peer.agreed || now - Math.max(peer.metAt, this.#epoch) > DISAGREEMENT_PATIENCE;
  }
}
