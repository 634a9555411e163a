import { Bits } from './bits.ts';
import type { Dice } from './dice.ts';
import type { Peer } from './peer.ts';
import { extentOf } from './piece-picker.ts';

/** What is suggested to a peer ahead: so many pieces, or bytes, or ms at its rate, whichever is most. */
const PIECES_AHEAD = 3;
const BYTES_AHEAD = 262_144;
const TIME_AHEAD = 1000;
const MOST = 1024;

/** What one peer is asked to spread. */
interface Turn {
  /** Suggested, and it does not have them yet. */
  readonly open: Set<number>;
  /** The rest of its extent. */
  at: number;
  end: number;
}

/**
 * A seed's hints which piece to take (BEP 6, "suggest"): a different one for each peer, and only such as nobody has. All
 * peers see the same pieces as rare and none sees what the others ask for; without a hint many would ask for the same.
 */
export class Suggester {
  readonly #given: Bits;
  readonly #pieceLength: number;
  readonly #extent: number;
  readonly #turns = new Map<Peer, Turn>();
  /** Goes through all extents once, in steps that hit each. */
  #next: number;
  readonly #step: number;
  readonly #extents: number;
  #left: number;

  constructor(pieceCount: number, pieceLength: number, dice: Dice) {
    this.#given = new Bits(pieceCount);
    this.#pieceLength = pieceLength;
    this.#extent = extentOf(pieceLength, pieceCount);
    this.#extents = this.#left = Math.ceil(pieceCount / this.#extent);
    this.#next = dice.below(this.#extents);
    let step = 1 + dice.below(this.#extents);
    while (divisor(step, this.#extents) !== 1) step++;
    this.#step = step;
  }

  /** Somebody has it: it need not come from here any more. */
  spread(peer: Peer, piece: number): void {
    this.#given.add(piece);
    this.#turns.get(peer)?.open.delete(piece);
  }

  spreadAll(pieces: Bits): void {
    for (let piece = pieces.next(0); piece >= 0; piece = pieces.next(piece + 1)) this.#given.add(piece);
  }

  forget(peer: Peer): void {
    this.#turns.delete(peer);
  }

  /** @param takers peers that want pieces: a single one sees itself what is best for it */
  suggest(peer: Peer, takers: number): void {
    if (!peer.fast || !peer.unchoked || peer.seed || takers < 2 || this.#given.complete) return;
    let turn = this.#turns.get(peer);
    if (turn === undefined) this.#turns.set(peer, (turn = { open: new Set(), at: 0, end: 0 }));
    const bytes = Math.max(BYTES_AHEAD, (peer.upRate * TIME_AHEAD) / 1000);
    const enough = Math.min(MOST, Math.max(PIECES_AHEAD, Math.ceil(bytes / this.#pieceLength)));
    while (turn.open.size < enough) {
      const piece = this.#nextFor(turn);
      if (piece < 0) return;
      turn.open.add(piece);
      peer.wire.suggest(piece);
    }
  }

  #nextFor(turn: Turn): number {
    for (;;) {
      while (turn.at < turn.end) {
        const piece = turn.at++;
        if (this.#given.add(piece)) return piece;
      }
      if (this.#left === 0) return -1;
      this.#left--;
      turn.at = this.#next * this.#extent;
      turn.end = Math.min(turn.at + this.#extent, this.#given.length);
      this.#next = (this.#next + this.#step) % this.#extents;
    }
  }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
