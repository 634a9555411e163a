import { BLOCK } from '../hashes.ts';
import type { PieceStore } from '../storage/piece-store.ts';
import type { Bits } from './bits.ts';
import { Deadlines } from './deadlines.ts';
import type { Padding } from './padding.ts';
import { ARRIVING, ASKED, FREE, Partial, RECEIVED, type PeerNumber } from './partial.ts';
import type { PiecePicker } from './piece-picker.ts';
import type { Pipeline } from './pipeline.ts';

/** A peer from which blocks are asked. */
export interface Source {
  readonly number: PeerNumber;
  readonly pieces: Bits;
  readonly pipeline: Pipeline;
  /** It chokes us: only pieces that it allows fast are asked for (BEP 6). */
  readonly choking: boolean;
  readonly allowedFast: ReadonlySet<number>;
  /** Pieces it would like to be asked for (BEP 6), the oldest first. */
  readonly suggested: number[];
  /** Until then it is asked for no piece that it did not suggest, monotonic ms. */
  readonly suggestsUntil: number;
  /** The piece it works on, or -1. */
  current: number;
  /** {@link PiecePicker.version} at which it found nothing. */
  idleVersion: number;
  sendRequest(piece: number, begin: number, length: number): void;
  sendCancel(piece: number, begin: number, length: number): void;
  /** The rest of the block that arrives is dropped: its memory is needed. */
  skipBlock(): void;
}

/** A piece that takes a peer less than this, ms, is taken whole by it; slower peers share pieces. */
const WHOLE_PIECE_TIME = 10_000;
/** Pieces in flight looked at for one that a peer can help with. */
const LOOK = 64;
/** Peers that are asked for one block in the end-game. */
const END_GAME_COPIES = 3;
/** Requests that may wait at a peer that is given copies of others' blocks. */
const END_GAME_QUEUE = 4;
/** Deadlines that are looked at for one peer. */
const DEADLINE_LOOK = 16;
/** A deadline nearer than this, and a block that has been asked for as long, is worth asking a second peer, ms. */
const LATE = 1000;

/**
 * Which blocks to ask of which peer: what is urgent, then the piece the peer works on, then pieces that others left,
 * then a new piece, and near the end what others owe. Keeps the pieces in flight.
 */
export class Requester {
  readonly deadlines: Deadlines = new Deadlines();
  /** The store had no memory for another piece. */
  storeFull = false;
  /** Rate of the fastest peer, bytes per second: others leave urgent pieces to peers like it. */
  fastest = 0;
  readonly #picker: PiecePicker;
  readonly #padding: Padding;
  readonly #store: PieceStore;
  readonly #source: (number: PeerNumber) => Source | undefined;
  readonly #whole: (partial: Partial) => void;
  readonly #active = new Map<number, Partial>();
  readonly #list: Partial[] = [];
  /** Those with free blocks. */
  readonly #open: Partial[] = [];
  readonly #spare: Partial[] = [];
  readonly #maxBlocks: number;
  /** Pieces that were wrong: fetched from one peer each. */
  readonly #suspect = new Set<number>();
  #endGameAt = 0;

  /**
   * @param source the peer of that number, if it is still connected
   * @param whole told of a piece whose blocks are all here; gives the partial back with `recycle`
   */
  constructor(
    picker: PiecePicker,
    padding: Padding,
    store: PieceStore,
    source: (number: PeerNumber) => Source | undefined,
    whole: (partial: Partial) => void,
  ) {
    this.#picker = picker;
    this.#padding = padding;
    this.#store = store;
    this.#source = source;
    this.#whole = whole;
    this.#maxBlocks = Math.ceil(padding.pieceLength / BLOCK);
  }

  /** Pieces in flight. */
  get inFlight(): number {
    return this.#list.length;
  }

  /** Every block that is wanted has been asked for. */
  get endGame(): boolean {
    return this.#picker.open === 0 && this.#open.length === 0 && this.#list.length > 0;
  }

  /** Blocks of a piece in flight that are here, and of how many. */
  progress(piece: number): { readonly received: number; readonly blocks: number } | undefined {
    return this.#active.get(piece);
  }

  /** Bytes here of pieces in flight. */
  get bytesInFlight(): number {
    let bytes = 0;
    for (const partial of this.#list) bytes += Math.min(partial.received * BLOCK, partial.size);
    return bytes;
  }

  /** Asks the peer for as much as its pipeline has room for. */
  fill(source: Source, now: number): void {
    let room = source.pipeline.room;
    if (room <= 0) return;
    if (source.choking) {
      if (source.allowedFast.size > 0) this.#fillAllowed(source, room, now);
      return;
    }
    if (this.deadlines.size > 0) room -= this.#fillUrgent(source, room, now);
    while (room > 0) {
      let partial = this.#active.get(source.current);
      if (partial === undefined || partial.free === 0) {
        partial = this.#choose(source, now);
        if (partial === undefined) break;
        source.current = partial.piece;
      }
      room -= this.#askFree(source, partial, room, now);
    }
    if (room > 0 && this.endGame && now >= source.suggestsUntil) this.#fillEndGame(source, now);
  }

  /**
   * Where a block's bytes go. Undefined: nowhere, it was not asked for or is here already. A block that flows from
   * another peer right now goes to `scratch`, so that the two do not mix.
   */
  arriving(source: Source, piece: number, begin: number, length: number, scratch: Uint8Array): Uint8Array | undefined {
    const partial = this.#active.get(piece);
    const block = begin / BLOCK;
    if (partial === undefined || !Number.isInteger(block) || block >= partial.blocks) return undefined;
    if (length !== partial.blockLength(block) || !source.pipeline.has(piece, block)) return undefined;
    const state = partial.state[block];
    if (state === RECEIVED || state === FREE) return undefined;
    if (state === ARRIVING) return scratch.subarray(0, length);
    partial.arrive(block, source.number);
    return (partial.buffer as { readonly bytes: Uint8Array }).bytes.subarray(begin, begin + length);
  }

  /** A block is through, at the place that `arriving` gave. False where it was of no use. */
  arrived(source: Source, piece: number, begin: number, length: number, scratch: Uint8Array, now: number): boolean {
    const block = begin / BLOCK;
    if (!Number.isInteger(block) || !source.pipeline.answered(piece, block, now)) return false;
    const partial = this.#active.get(piece);
    if (partial === undefined || block >= partial.blocks || length !== partial.blockLength(block)) return false;
    const state = partial.state[block];
    if (state === RECEIVED || state === FREE) return false;
    if (state === ARRIVING && partial.peer[block] !== source.number) {
      this.#source(partial.peer[block] as number)?.skipBlock();
    }
    if (state !== ARRIVING || partial.peer[block] !== source.number) {
      partial.buffer?.bytes.set(scratch.subarray(0, length), begin);
    }
    if ((partial.requests[block] as number) > 1) this.#cancelCopies(partial, block, source.number);
    partial.receive(block, source.number);
    source.pipeline.received(length, now);
    if (partial.complete) this.#complete(partial);
    return true;
  }

  /** The peer will not send this block: it is asked of others. */
  rejected(source: Source, piece: number, begin: number): void {
    const block = begin / BLOCK;
    if (Number.isInteger(block) && source.pipeline.delete(piece, block)) this.#unask(piece, block, source.number);
  }

  /** The peer left or choked, or was too slow: others are asked for what it owes. */
  release(source: Source, cancel: boolean): void {
    source.pipeline.drain((piece, block) => {
      const partial = this.#active.get(piece);
      if (partial === undefined) return;
      if (cancel) source.sendCancel(piece, block * BLOCK, partial.blockLength(block));
      this.#unask(piece, block, source.number);
    });
    const alone = this.#active.get(source.current);
    this.#disown(source);
    if (alone?.alone === true && alone.owner === 0) this.abandon(alone.piece);
    source.idleVersion = -1;
  }

  /** Asks the fastest peers for a piece at once, ahead of what else they were asked for. */
  hurry(piece: number, at: number, sources: Iterable<Source>, now: number): void {
    this.deadlines.set(piece, at);
    const able: Source[] = [];
    for (const source of sources) if (!source.choking && source.pieces.has(piece)) able.push(source);
    able.sort((a, b) => b.pipeline.rate.value - a.pipeline.rate.value);
    able.length = Math.min(able.length, DEADLINE_LOOK);
    const [first] = able;
    if (first === undefined) return;
    const partial = this.#activeOrNew(piece, first);
    for (const source of able) {
      const time = ((this.#padding.pieceLength / able.length) * 1000) / Math.max(source.pipeline.rate.value, 1);
      if (source.pipeline.size > 0 && source.pipeline.eta() + time > at - now) this.#clearTheWay(source, at);
    }
    if (partial === undefined || partial.alone) return;
    // Whoever would deliver first gets the next block.
    while (partial.free > 0 && able.length > 0) {
      let best: Source | undefined;
      for (const s of able) {
        if (s.pipeline.size < s.pipeline.peerLimit && (best === undefined || s.pipeline.eta() < best.pipeline.eta()))
          best = s;
      }
      if (best === undefined) return;
      this.#ask(best, partial, partial.nextFree(), now);
    }
  }

  /** Asks a second peer for blocks of urgent pieces that do not come. */
  hurryLate(sources: readonly Source[], now: number): void {
    for (const piece of this.deadlines.pieces) {
      if (this.deadlines.at(piece) - now > LATE) return;
      const partial = this.#active.get(piece);
      if (partial === undefined || partial.alone) continue;
      for (let block = 0; block < partial.blocks; block++) {
        if ((partial.requests[block] as number) > 1 || !this.#isOwed(partial, block, now)) continue;
        const asked = this.#source(partial.peer[block] as number);
        const sentAt = asked?.pipeline.sentAt(piece, block) ?? now;
        if (now - sentAt < LATE / 2) continue;
        const other = sources.find(
          (s) =>
            !s.choking && s.pieces.has(piece) && s !== asked && s.pipeline.eta() < LATE && s.pipeline.rate.value > 0,
        );
        if (other !== undefined) this.#ask(other, partial, block, now);
      }
    }
  }

  /** Gives up a piece in flight that is not wanted any more. */
  abandon(piece: number): void {
    const partial = this.#active.get(piece);
    if (partial === undefined) return;
    for (let block = 0; block < partial.blocks; block++) {
      if ((partial.requests[block] as number) === 0) continue;
      for (const number of [partial.peer[block] as number, ...(partial.others?.get(block) ?? [])]) {
        const source = this.#source(number);
        if (source === undefined || !source.pipeline.delete(piece, block)) continue;
        if (partial.state[block] === ARRIVING && partial.peer[block] === number) source.skipBlock();
        else source.sendCancel(piece, block * BLOCK, partial.blockLength(block));
      }
    }
    this.#forget(partial);
    if (partial.buffer !== undefined) this.#store.release(partial.buffer);
    this.#picker.giveUp(piece);
    this.recycle(partial);
  }

  /** The piece was wrong, and several sent it: next time it comes from one. */
  suspect(piece: number): void {
    this.#suspect.add(piece);
  }

  trust(piece: number): void {
    this.#suspect.delete(piece);
  }

  abandonAll(): void {
    for (const partial of [...this.#list]) this.abandon(partial.piece);
  }

  recycle(partial: Partial): void {
    partial.buffer = undefined;
    partial.piece = -1;
    this.#spare.push(partial);
  }

  #fillAllowed(source: Source, room: number, now: number): void {
    let left = room;
    for (const piece of source.allowedFast) {
      if (left <= 0) return;
      if (!source.pieces.has(piece)) continue;
      const partial = this.#activeOrNew(piece, source);
      if (partial !== undefined) left -= this.#askFree(source, partial, left, now);
    }
  }

  #fillUrgent(source: Source, room: number, now: number): number {
    let asked = 0;
    const pieces = this.deadlines.pieces;
    const rate = source.pipeline.rate.value;
    for (let i = 0; i < pieces.length && i < DEADLINE_LOOK && asked < room; i++) {
      const piece = pieces[i] as number;
      if (!source.pieces.has(piece)) continue;
      const slow = rate * 4 < this.fastest;
      if (slow && source.pipeline.eta() > this.deadlines.at(piece) - now) continue;
      const partial = this.#activeOrNew(piece, source);
      if (partial !== undefined) asked += this.#askFree(source, partial, room - asked, now);
    }
    return asked;
  }

  #choose(source: Source, now: number): Partial | undefined {
    const suggested = this.#nextSuggested(source);
    if (suggested < 0) {
      if (now < source.suggestsUntil) return undefined;
      const left = this.#openPartial(source, false);
      if (left !== undefined) return this.#own(left, source);
    }
    if (suggested >= 0 || source.idleVersion !== this.#picker.version) {
      const piece = suggested >= 0 ? suggested : this.#picker.next(source.pieces, source.current);
      if (piece >= 0) {
        const partial = this.#begin(piece, source);
        if (partial !== undefined) return this.#own(partial, source);
      } else {
        source.idleVersion = this.#picker.version;
      }
    }
    return this.#openPartial(source, true);
  }

  #nextSuggested(source: Source): number {
    for (let piece = source.suggested.shift(); piece !== undefined; piece = source.suggested.shift()) {
      if (source.pieces.has(piece) && this.#picker.canBegin(piece)) return piece;
    }
    return -1;
  }

  /** @param owned also those that another peer took for itself */
  #openPartial(source: Source, owned: boolean): Partial | undefined {
    const count = Math.min(this.#open.length, LOOK);
    for (let i = 0; i < count; i++) {
      const partial = this.#open[i] as Partial;
      if ((owned || partial.owner === 0) && partial.isFor(source.number) && source.pieces.has(partial.piece)) {
        return partial;
      }
    }
    return undefined;
  }

  #own(partial: Partial, source: Source): Partial {
    const time = (partial.size * 1000) / Math.max(source.pipeline.rate.value, 1);
    if (partial.owner === 0 && (partial.alone || time < WHOLE_PIECE_TIME)) partial.owner = source.number;
    return partial;
  }

  /** The piece in flight, if the peer may help with it, or begun with the peer. */
  #activeOrNew(piece: number, source: Source): Partial | undefined {
    const partial = this.#active.get(piece);
    if (partial === undefined) return this.#picker.canBegin(piece) ? this.#begin(piece, source) : undefined;
    if (!partial.isFor(source.number)) return undefined;
    if (partial.alone) partial.owner = source.number;
    return partial;
  }

  #begin(piece: number, source: Source): Partial | undefined {
    const buffer = this.#store.acquire(piece);
    if (buffer === undefined) {
      this.storeFull = true;
      return undefined;
    }
    const partial = this.#spare.pop() ?? new Partial(this.#maxBlocks);
    const blocks = Math.ceil(buffer.bytes.length / BLOCK);
    partial.begin(buffer, blocks);
    if (this.#suspect.has(piece)) {
      partial.alone = true;
      partial.owner = source.number;
    }
    this.#picker.begin(piece);
    this.#active.set(piece, partial);
    partial.index = this.#list.push(partial) - 1;
    partial.openIndex = this.#open.push(partial) - 1;
    this.#fillPadding(partial);
    return partial;
  }

  #fillPadding(partial: Partial): void {
    if (!this.#padding.any) return;
    for (let block = 0; block < partial.blocks; block++) {
      const begin = block * BLOCK;
      const length = partial.blockLength(block);
      if (!this.#padding.covers(partial.piece, begin, length)) continue;
      partial.buffer?.bytes.fill(0, begin, begin + length);
      partial.receive(block, 0);
    }
    if (partial.free === 0) this.#close(partial);
    if (partial.complete) this.#complete(partial);
  }

  #askFree(source: Source, partial: Partial, room: number, now: number): number {
    let asked = 0;
    while (asked < room) {
      const block = partial.nextFree();
      if (block < 0) break;
      this.#ask(source, partial, block, now);
      asked++;
    }
    return asked;
  }

  #ask(source: Source, partial: Partial, block: number, now: number): void {
    partial.ask(block, source.number);
    if (partial.free === 0) this.#close(partial);
    source.pipeline.push(partial.piece, block, now);
    source.sendRequest(partial.piece, block * BLOCK, partial.blockLength(block));
  }

  #unask(piece: number, block: number, number: PeerNumber): void {
    const partial = this.#active.get(piece);
    if (partial === undefined || block >= partial.blocks || !partial.unask(block, number)) return;
    if (partial.openIndex < 0) {
      partial.openIndex = this.#open.push(partial) - 1;
      this.#picker.version++;
    }
    if (partial.owner === number) partial.owner = 0;
  }

  #cancelCopies(partial: Partial, block: number, except: PeerNumber): void {
    const numbers = [partial.peer[block] as number, ...(partial.others?.get(block) ?? [])];
    for (const number of numbers) {
      if (number === except) continue;
      const source = this.#source(number);
      if (source?.pipeline.delete(partial.piece, block) !== true) continue;
      source.sendCancel(partial.piece, block * BLOCK, partial.blockLength(block));
    }
    partial.others?.delete(block);
  }

  /** Copies what others owe to a peer that has little to do, from a place that moves on. */
  #fillEndGame(source: Source, now: number): void {
    const count = Math.min(this.#list.length, LOOK);
    for (let i = 0; i < count && source.pipeline.size < END_GAME_QUEUE; i++) {
      const partial = this.#list[this.#endGameAt++ % this.#list.length] as Partial;
      if (!source.pieces.has(partial.piece) || !partial.isFor(source.number)) continue;
      for (let block = 0; block < partial.blocks && source.pipeline.size < END_GAME_QUEUE; block++) {
        if ((partial.requests[block] as number) >= END_GAME_COPIES || !this.#isOwed(partial, block, now)) continue;
        if (!partial.wasAsked(block, source.number)) this.#ask(source, partial, block, now);
      }
    }
  }

  /** Asked for and not here. What flows already soon will be, unless it has been long in coming. */
  #isOwed(partial: Partial, block: number, now: number): boolean {
    const state = partial.state[block];
    if (state !== ARRIVING) return state === ASKED;
    const peer = this.#source(partial.peer[block] as number);
    return now - (peer?.pipeline.sentAt(partial.piece, block) ?? now) > LATE;
  }

  /** Takes back from a peer what is less urgent than what is needed by `at`, so that this comes first. */
  #clearTheWay(source: Source, at: number): void {
    source.pipeline.drain((piece, block, sentAt) => {
      const partial = this.#active.get(piece);
      if (partial === undefined) return;
      const arrives = partial.state[block] === ARRIVING && partial.peer[block] === source.number;
      if (arrives || this.deadlines.at(piece) <= at) {
        source.pipeline.push(piece, block, sentAt);
        return;
      }
      source.sendCancel(piece, block * BLOCK, partial.blockLength(block));
      this.#unask(piece, block, source.number);
    });
    this.#disown(source);
  }

  /** The piece that the peer worked on is anybody's. */
  #disown(source: Source): void {
    const partial = this.#active.get(source.current);
    if (partial?.owner === source.number) partial.owner = 0;
    source.current = -1;
  }

  #complete(partial: Partial): void {
    this.#forget(partial);
    this.#whole(partial);
  }

  #forget(partial: Partial): void {
    this.#active.delete(partial.piece);
    this.#close(partial);
    const last = this.#list.pop() as Partial;
    if (last !== partial) {
      this.#list[partial.index] = last;
      last.index = partial.index;
    }
  }

  #close(partial: Partial): void {
    if (partial.openIndex < 0) return;
    const last = this.#open.pop() as Partial;
    if (last !== partial) {
      this.#open[partial.openIndex] = last;
      last.openIndex = partial.openIndex;
    }
    partial.openIndex = -1;
  }
}
