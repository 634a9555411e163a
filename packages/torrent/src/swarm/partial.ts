import { BLOCK } from '../hashes.ts';
import type { PieceBuffer } from '../storage/piece-store.ts';

/** States of a block of a piece in flight. */
export const FREE = 0;
export const ASKED = 1;
/** Flows from the peer into the buffer. */
export const ARRIVING = 2;
export const RECEIVED = 3;

/** Which peer, by its number in the torrent; 0 is nobody. */
export type PeerNumber = number;

/**
 * A piece in flight: which of its blocks are free, asked for or here, and from whom. Made for the largest piece of a
 * torrent and used again for the next one, so that a piece costs no memory of its own.
 */
export class Partial {
  piece = -1;
  buffer: PieceBuffer | undefined;
  /** Number of blocks. */
  blocks = 0;
  free = 0;
  received = 0;
  /** Bytes. */
  size = 0;
  /** A fast peer that takes the whole piece, so that a wrong one has one culprit; 0 where the piece is shared. */
  owner: PeerNumber = 0;
  /** Nobody but the owner is asked: the piece was wrong before, and now it shall be clear who is to blame. */
  alone = false;
  /** Place in the list of pieces in flight. */
  index = -1;
  /** Place in the list of those with free blocks, or -1. */
  openIndex = -1;
  readonly state: Uint8Array;
  /** Requests under way per block; more than one near the end. */
  readonly requests: Uint8Array;
  /** Who was asked first; who sent it once it is here. */
  readonly peer: Uint32Array;
  /** Who else was asked, per block: exists in the end-game and for late blocks only. */
  others: Map<number, PeerNumber[]> | undefined;
  #cursor = 0;

  constructor(blocks: number) {
    this.state = new Uint8Array(blocks);
    this.requests = new Uint8Array(blocks);
    this.peer = new Uint32Array(blocks);
  }

  begin(buffer: PieceBuffer, blocks: number): void {
    this.piece = buffer.piece;
    this.buffer = buffer;
    this.blocks = blocks;
    this.free = blocks;
    this.received = 0;
    this.size = buffer.bytes.length;
    this.owner = 0;
    this.alone = false;
    this.others = undefined;
    this.#cursor = 0;
    this.state.fill(FREE, 0, blocks);
    this.requests.fill(0, 0, blocks);
    this.peer.fill(0, 0, blocks);
  }

  /** Blocks of it may be asked of this peer. */
  isFor(peer: PeerNumber): boolean {
    return !this.alone || this.owner === peer || this.owner === 0;
  }

  get complete(): boolean {
    return this.received === this.blocks;
  }

  /** The first free block, or -1. */
  nextFree(): number {
    if (this.free === 0) return -1;
    while (this.state[this.#cursor] !== FREE) this.#cursor++;
    return this.#cursor;
  }

  ask(block: number, peer: PeerNumber): void {
    if (this.state[block] === FREE) {
      this.state[block] = ASKED;
      this.peer[block] = peer;
      this.free--;
    } else {
      this.others ??= new Map();
      const others = this.others.get(block);
      if (others === undefined) this.others.set(block, [peer]);
      else others.push(peer);
    }
    this.requests[block] = (this.requests[block] as number) + 1;
  }

  wasAsked(block: number, peer: PeerNumber): boolean {
    return this.peer[block] === peer || (this.others?.get(block)?.includes(peer) ?? false);
  }

  /** The block begins to flow from this peer, which was asked for it, into the buffer. */
  arrive(block: number, peer: PeerNumber): void {
    const first = this.peer[block] as number;
    if (first !== peer) {
      const others = this.others?.get(block);
      if (others !== undefined) others[others.indexOf(peer)] = first;
      this.peer[block] = peer;
    }
    this.state[block] = ARRIVING;
  }

  /** A request is off. True where the block is free again. */
  unask(block: number, peer: PeerNumber): boolean {
    if (this.state[block] === ARRIVING && this.peer[block] === peer) this.state[block] = ASKED;
    if (this.state[block] !== ASKED && this.state[block] !== ARRIVING) return false;
    const left = (this.requests[block] as number) - 1;
    this.requests[block] = left;
    const others = this.others?.get(block);
    if (others !== undefined) {
      if (this.peer[block] === peer) this.peer[block] = others.pop() ?? 0;
      else others.splice(others.indexOf(peer), 1);
    }
    if (left > 0) return false;
    this.state[block] = FREE;
    this.peer[block] = 0;
    this.free++;
    if (block < this.#cursor) this.#cursor = block;
    return true;
  }

  receive(block: number, from: PeerNumber): void {
    if (this.state[block] === FREE) this.free--;
    this.state[block] = RECEIVED;
    this.requests[block] = 0;
    this.peer[block] = from;
    this.received++;
  }

  /** Bytes of a block: the last one of a piece may be short. */
  blockLength(block: number): number {
    return Math.min(BLOCK, this.size - block * BLOCK);
  }
}
