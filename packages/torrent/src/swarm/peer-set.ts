import { compareBytes } from '@kith/core';
import type { PeerIdentity } from './ban-list.ts';
import type { PeerNumber } from './partial.ts';
import type { Peer } from './peer.ts';

/** Identities of peers that left and may still be convicted of what they sent. */
const REMEMBERED = 2048;

/** The connected peers of a torrent: by number, how many per address, and one per peer id. */
export class PeerSet {
  readonly byNumber: Map<PeerNumber, Peer> = new Map();
  readonly #perAddress = new Map<string, number>();
  readonly #identities = new Map<PeerNumber, PeerIdentity>();
  #last = 0;

  get size(): number {
    return this.byNumber.size;
  }

  nextNumber(): PeerNumber {
    return ++this.#last;
  }

  add(peer: Peer): void {
    this.byNumber.set(peer.number, peer);
    const { ip } = peer.remote;
    this.#perAddress.set(ip, this.countFrom(ip) + 1);
    this.#identities.set(peer.number, peer.identity);
    if (this.#identities.size <= REMEMBERED + this.size) return;
    for (const number of this.#identities.keys()) {
      if (this.byNumber.has(number)) continue;
      this.#identities.delete(number);
      return;
    }
  }

  remove(peer: Peer): boolean {
    if (!this.byNumber.delete(peer.number)) return false;
    const { ip } = peer.remote;
    const left = this.countFrom(ip) - 1;
    if (left > 0) this.#perAddress.set(ip, left);
    else this.#perAddress.delete(ip);
    return true;
  }

  countFrom(ip: string): number {
    return this.#perAddress.get(ip) ?? 0;
  }

  /** Of a peer that is, or was lately, connected. */
  identityOf(number: PeerNumber): PeerIdentity | undefined {
    return this.#identities.get(number);
  }

  /**
   * Which of two connections to the same peer is to go, the same one on both sides: of one in each direction that stays
   * which the side with the lower id opened, of two in one direction the older.
   */
  duplicateOf(peer: Peer, ourId: Uint8Array): Peer | undefined {
    for (const other of this.byNumber.values()) {
      if (other === peer || !other.ready || compareBytes(other.identity.id, peer.identity.id) !== 0) continue;
      if (other.wire.incoming === peer.wire.incoming) return peer;
      const ours = compareBytes(ourId, peer.identity.id) < 0;
      return peer.wire.incoming === ours ? peer : other;
    }
    return undefined;
  }
}
