import type { Download } from './download.ts';
import type { Peer } from './peer.ts';

/**
 * Pieces that came lately, for the peers that are still to be told: each keeps its place in the log and is told when it is
 * written to anyway, or shortly after. Without it every piece would be a write to every peer.
 */
export class HaveLog {
  readonly #pieces: number[] = [];
  /** Pieces before the log's first: everybody was told of them. */
  #dropped = 0;

  /** The place behind the newest piece. */
  get end(): number {
    return this.#dropped + this.#pieces.length;
  }

  add(piece: number): void {
    this.#pieces.push(piece);
  }

  tell(peer: Peer, download: Download | undefined): void {
    if (peer.haveTold === this.end) return;
    for (let place = peer.haveTold - this.#dropped; place < this.#pieces.length; place++) {
      const piece = this.#pieces[place] as number;
      // Who has it already need not know; but a seed decides by what spreads what it suggests.
      if (peer.seed || !peer.pieces.has(piece)) peer.wire.have(piece);
      if (peer.pieces.has(piece)) download?.pieceDone(peer, piece);
    }
    peer.haveTold = this.end;
    download?.updateInterest(peer);
  }

  tellAll(peers: Iterable<Peer>, download: Download | undefined): void {
    if (this.#pieces.length === 0) return;
    for (const peer of peers) {
      if (!peer.ready) continue;
      this.tell(peer, download);
      peer.flush();
    }
    this.#dropped = this.end;
    this.#pieces.length = 0;
  }
}
