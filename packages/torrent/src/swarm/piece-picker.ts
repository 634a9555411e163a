import { Bits } from './bits.ts';
import type { Dice } from './dice.ts';
import { Rarity } from './rarity.ts';

/** How new pieces are chosen. */
export type PickOrder = 'rarest' | 'sequential';

/** Highest priority of a piece; 0 means that it is not wanted. */
export const HIGHEST_PRIORITY = 7;
/** Priority of what nobody said anything about. */
export const NORMAL_PRIORITY = 4;
/** Pieces that are taken at random before rarity counts, so that a beginner soon has something to give. */
const RANDOM_FIRST = 4;
/** Pieces looked at in order of rarity for a peer; one that has none of them is asked for what it does have. */
const LOOK = 128;
/** Pieces of such a peer among which the rarest is taken. */
const SAMPLE = 8;
/**
 * Small pieces that lie side by side are taken one after the other, up to so many bytes: disks read and write them as
 * one. A torrent has at least so many extents, so that peers still find different ones.
 */
const EXTENT = 262_144;
const EXTENTS = 64;

/**
 * Which piece to begin next. Counts how many peers have each piece and keeps the pieces that may be begun (wanted, not
 * had, not begun, hash known) in order of rarity, per priority. Every event costs the same however many pieces and peers
 * there are; peers that have everything are one number.
 */
export class PiecePicker {
  readonly pieceCount: number;
  /** Grows whenever a piece may be begun again: who found nothing need not look before. */
  version = 0;
  order: PickOrder = 'rarest';
  readonly #counts: Uint16Array;
  readonly #priorities: Uint8Array;
  /** Pieces that may be begun, whatever peers have. */
  readonly #open: Bits;
  /** Not had, wanted or not. */
  readonly #missing: Bits;
  readonly #begun: Bits;
  readonly #withoutHash: Bits;
  readonly #position: Uint32Array;
  readonly #levels: (Rarity | undefined)[] = [];
  readonly #dice: Dice;
  /** Pieces of an extent. */
  readonly #extent: number;
  #seeds = 0;
  #wanted = 0;
  #had: number;

  /**
   * @param have pieces that need not be fetched; copied
   * @param pieceLength bytes
   */
  constructor(have: Bits, dice: Dice, pieceLength: number) {
    this.pieceCount = have.length;
    this.#dice = dice;
    this.#extent = extentOf(pieceLength, have.length);
    this.#counts = new Uint16Array(have.length);
    this.#priorities = new Uint8Array(have.length).fill(NORMAL_PRIORITY);
    this.#position = new Uint32Array(have.length);
    this.#open = new Bits(have.length);
    this.#missing = new Bits(have.length);
    this.#begun = new Bits(have.length);
    this.#withoutHash = new Bits(have.length);
    this.#had = have.count;
    for (let piece = 0; piece < have.length; piece++) {
      if (have.has(piece)) continue;
      this.#missing.add(piece);
      this.#wanted++;
      this.#admit(piece);
    }
  }

  /** Pieces that are wanted and not had. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Pieces that may be begun now. */
  get open(): number {
    return this.#open.count;
  }

  availability(piece: number): number {
    return (this.#counts[piece] as number) + this.#seeds;
  }

  /** How many peers that are no seeds have it. */
  spread(piece: number): number {
    return this.#counts[piece] as number;
  }

  priority(piece: number): number {
    return this.#priorities[piece] as number;
  }

  isWanted(piece: number): boolean {
    return this.#missing.has(piece) && (this.#priorities[piece] as number) > 0;
  }

  /** How many of `pieces` are wanted and not had. Looks at 32 pieces a step. */
  countWanted(pieces: Bits): number {
    if (this.#wanted === this.#missing.count) return pieces.countCommon(this.#missing);
    let count = 0;
    for (let p = pieces.nextCommon(this.#missing, 0); p >= 0; p = pieces.nextCommon(this.#missing, p + 1)) {
      if ((this.#priorities[p] as number) > 0) count++;
    }
    return count;
  }

  addSeed(): void {
    this.#seeds++;
  }

  removeSeed(): void {
    this.#seeds--;
  }

  /** A peer that is no seed got a piece. */
  addPeerPiece(piece: number): void {
    const count = this.#counts[piece] as number;
    this.#counts[piece] = count + 1;
    if (this.#open.has(piece)) this.#level(piece).move(piece, count, count + 1);
  }

  removePeerPiece(piece: number): void {
    const count = this.#counts[piece] as number;
    this.#counts[piece] = count - 1;
    if (this.#open.has(piece)) this.#level(piece).move(piece, count, count - 1);
  }

  addPeer(pieces: Bits): void {
    for (let p = pieces.next(0); p >= 0; p = pieces.next(p + 1)) this.addPeerPiece(p);
  }

  removePeer(pieces: Bits): void {
    for (let p = pieces.next(0); p >= 0; p = pieces.next(p + 1)) this.removePeerPiece(p);
  }

  /** @param priority 0..7, 0 for not wanted */
  setPriority(piece: number, priority: number): void {
    const before = this.#priorities[piece] as number;
    if (before === priority) return;
    this.#dismiss(piece);
    this.#priorities[piece] = priority;
    if (this.#missing.has(piece) && before > 0 !== priority > 0) this.#wanted += priority > 0 ? 1 : -1;
    this.#admit(piece);
  }

  /** Without its hash a piece is not begun: nobody could tell whether it is right. */
  setHashKnown(piece: number, known: boolean): void {
    if (known ? !this.#withoutHash.delete(piece) : !this.#withoutHash.add(piece)) return;
    if (known) this.#admit(piece);
    else this.#dismiss(piece);
  }

  begin(piece: number): void {
    this.#dismiss(piece);
    this.#begun.add(piece);
  }

  /** What was begun is given up: it may be begun again. */
  giveUp(piece: number): void {
    this.#begun.delete(piece);
    this.#admit(piece);
  }

  finish(piece: number): void {
    this.#dismiss(piece);
    this.#begun.delete(piece);
    if (!this.#missing.delete(piece)) return;
    this.#had++;
    if ((this.#priorities[piece] as number) > 0) this.#wanted--;
  }

  /** A piece that was had is found to be gone. */
  lose(piece: number): void {
    if (!this.#missing.add(piece)) return;
    this.#had--;
    if ((this.#priorities[piece] as number) > 0) this.#wanted++;
    this.#admit(piece);
  }

  canBegin(piece: number): boolean {
    return this.#open.has(piece);
  }

  /**
   * The piece to begin with a peer that has `pieces`, or -1.
   * @param before the piece that was begun with it last, or -1: the one behind it is next if it is as rare
   */
  next(pieces: Bits, before: number = -1): number {
    for (let priority = HIGHEST_PRIORITY; priority > 0; priority--) {
      const level = this.#levels[priority];
      if (level === undefined || level.size === 0) continue;
      const found = this.#nextOfLevel(level, pieces, priority, before);
      if (found >= 0) return found;
    }
    return -1;
  }

  #nextOfLevel(level: Rarity, pieces: Bits, priority: number, before: number): number {
    if (this.order === 'sequential') return this.#first(pieces, priority);
    const behind = before + 1;
    if (before >= 0 && behind % this.#extent !== 0 && this.#isLike(behind, before, pieces, priority)) return behind;
    if (this.#had < RANDOM_FIRST) return this.#sample(pieces, priority, 1);
    let piece = this.#rarest(level, pieces, priority);
    // The whole extent, from its first piece that is as rare.
    while (piece > 0 && piece % this.#extent !== 0 && this.#isLike(piece - 1, piece, pieces, priority)) piece--;
    return piece;
  }

  /** Whether a piece may be begun and is no less rare than its neighbour. */
  #isLike(piece: number, neighbour: number, pieces: Bits, priority: number): boolean {
    if (piece >= this.pieceCount || !this.#open.has(piece) || !pieces.has(piece)) return false;
    if (this.#priorities[piece] !== priority) return false;
    return (this.#counts[piece] as number) <= (this.#counts[neighbour] as number);
  }

  #rarest(level: Rarity, pieces: Bits, priority: number): number {
    let looks = LOOK;
    for (let a = level.nextBucket(0); a >= 0; a = level.nextBucket(a + 1)) {
      const bucket = level.bucket(a);
      // From the end: what is taken out there moves nothing.
      for (let i = bucket.length - 1; i >= 0; i--) {
        const piece = bucket[i] as number;
        if (pieces.has(piece)) return piece;
        if (--looks === 0) return this.#sample(pieces, priority, SAMPLE);
      }
    }
    return -1;
  }

  /** The rarest of up to `tries` pieces that follow random places. */
  #sample(pieces: Bits, priority: number, tries: number): number {
    let best = -1;
    for (let i = 0; i < tries; i++) {
      const from = this.#dice.below(this.pieceCount);
      let piece = this.#nextOf(pieces, priority, from);
      if (piece < 0) piece = this.#nextOf(pieces, priority, 0);
      if (piece < 0) return best;
      if (best < 0 || (this.#counts[piece] as number) < (this.#counts[best] as number)) best = piece;
    }
    return best;
  }

  #first(pieces: Bits, priority: number): number {
    return this.#nextOf(pieces, priority, 0);
  }

  #nextOf(pieces: Bits, priority: number, from: number): number {
    let piece = pieces.nextCommon(this.#open, from);
    while (piece >= 0 && this.#priorities[piece] !== priority) piece = pieces.nextCommon(this.#open, piece + 1);
    return piece;
  }

  #admit(piece: number): void {
    if (!this.#missing.has(piece) || this.#begun.has(piece) || this.#withoutHash.has(piece)) return;
    if (this.#priorities[piece] === 0 || !this.#open.add(piece)) return;
    this.#level(piece).insert(piece, this.#counts[piece] as number);
    this.version++;
  }

  #dismiss(piece: number): void {
    if (this.#open.delete(piece)) this.#level(piece).remove(piece, this.#counts[piece] as number);
  }

  #level(piece: number): Rarity {
    const priority = this.#priorities[piece] as number;
    return (this.#levels[priority] ??= new Rarity(this.#position, this.#dice));
  }
}

/** Pieces that are taken one after the other: 1 where pieces are large. */
export function extentOf(pieceLength: number, pieceCount: number): number {
  return Math.max(1, Math.min(Math.floor(EXTENT / pieceLength), Math.floor(pieceCount / EXTENTS)));
}
