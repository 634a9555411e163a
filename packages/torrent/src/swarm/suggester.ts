import { Bits } from './bits.ts';
import type { Dice } from './dice.ts';
import type { Peer } from './peer.ts';

/** What is suggested to a peer ahead: so many pieces, or bytes, or ms at its rate, whichever is most. */
const PIECES_AHEAD = 3;
const BYTES_AHEAD = 262_144;
const TIME_AHEAD = 1000;
const MOST = 1024;

/**
 * A seed's hints which piece to take (BEP 6, "suggest"): a different one for each peer, and only such as nobody has. All
 * peers see the same pieces as rare and none sees what the others ask for; without a hint many would ask for the same.
 */
export class Suggester {
  readonly #given: Bits;
  readonly #pieceLength: number;
  /** How many suggested pieces a peer does not have yet. */
  readonly #open = new Map<Peer, Set<number>>();
  /** Goes through all pieces once, in steps that hit each. */
  #at: number;
  readonly #step: number;
  #left: number;

  constructor(pieceCount: number, pieceLength: number, dice: Dice) {
    this.#given = new Bits(pieceCount);
    this.#pieceLength = pieceLength;
    this.#at = dice.below(pieceCount);
    this.#left = pieceCount;
    let step = 1 + dice.below(pieceCount);
    while (divisor(step, pieceCount) !== 1) step++;
    this.#step = step;
  }

  /** Somebody has it: it need not come from here any more. */
  spread(peer: Peer, piece: number): void {
    this.#given.add(piece);
    this.#open.get(peer)?.delete(piece);
  }

  spreadAll(pieces: Bits): void {
    for (let piece = pieces.next(0); piece >= 0; piece = pieces.next(piece + 1)) this.#given.add(piece);
  }

  forget(peer: Peer): void {
    this.#open.delete(peer);
  }

  /** @param takers peers that want pieces: a single one sees itself what is best for it */
  suggest(peer: Peer, takers: number): void {
    if (!peer.fast || !peer.unchoked || peer.seed || takers < 2 || this.#left === 0) return;
    let open = this.#open.get(peer);
    if (open === undefined) this.#open.set(peer, (open = new Set()));
    const bytes = Math.max(BYTES_AHEAD, (peer.upRate * TIME_AHEAD) / 1000);
    const enough = Math.min(MOST, Math.max(PIECES_AHEAD, Math.ceil(bytes / this.#pieceLength)));
    while (open.size < enough) {
      const piece = this.#next();
      if (piece < 0) return;
      open.add(piece);
      peer.wire.suggest(piece);
    }
  }

  #next(): number {
    while (this.#left > 0) {
      const piece = this.#at;
      this.#left--;
      this.#at = (this.#at + this.#step) % this.#given.length;
      if (this.#given.add(piece)) return piece;
    }
    return -1;
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
