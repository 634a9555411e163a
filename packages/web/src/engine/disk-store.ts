/** Pieces on the browser's disk: one file, each piece at its place in the torrent's stream. */
import { KithError } from '@kith/core';
import {
  type Bits,
  type CommitResult,
  judgeLater,
  Layout,
  type Metainfo,
  type PieceBuffer,
  type PieceCheck,
  pieceCheck,
  type PieceStore,
} from '@kith/torrent';
import type { SyncHandle } from './disk.ts';
import { hashes, laterHashes } from './hashes.ts';

const BUDGET = 48 * 1_048_576;
/** Pieces of an earlier visit that are hashed before the others are believed. */
const SAMPLE = 6;

export class DiskStore implements PieceStore {
  onRoom: (() => void) | undefined = undefined;
  readonly #handle: SyncHandle;
  readonly #torrent: Metainfo;
  readonly #layout: Layout;
  #free: number;
  #refused = false;

  /** @param budget bytes of pieces that are on their way; a piece larger than that is let in alone */
  constructor(handle: SyncHandle, torrent: Metainfo, budget: number = BUDGET) {
    this.#handle = handle;
    this.#torrent = torrent;
    this.#layout = new Layout(torrent);
    this.#free = Math.max(budget, torrent.pieceLength);
  }

  /**
   * What of `claimed` may be believed: all where a sample is right, and where it is not, what is right piece by piece.
   */
  async believe(claimed: Bits): Promise<Bits> {
    const pieces: number[] = [];
    for (let piece = claimed.next(0); piece >= 0; piece = claimed.next(piece + 1)) pieces.push(piece);
    const step = Math.max(1, Math.floor(pieces.length / SAMPLE));
    const sample = pieces.filter((_, i) => i % step === 0);
    let right = true;
    for (const piece of sample) right &&= await this.#isRight(piece);
    if (right) return claimed;
    const have = claimed.clone();
    for (const piece of pieces) if (!(await this.#isRight(piece))) have.delete(piece);
    return have;
  }

  acquire(piece: number): PieceBuffer | undefined {
    const size = this.#torrent.pieceSize(piece);
    if (size > this.#free) {
      this.#refused = true;
      return undefined;
    }
    this.#free -= size;
    return { piece, bytes: new Uint8Array(size) };
  }

  release(buffer: PieceBuffer): void {
    this.#free += buffer.bytes.length;
    if (!this.#refused) return;
    this.#refused = false;
    this.onRoom?.();
  }

  async commit(buffer: PieceBuffer, check: PieceCheck, wantBlocks: boolean): Promise<CommitResult> {
    const { piece, bytes } = buffer;
    try {
      const offset = piece * this.#torrent.pieceLength;
      for (const { file, at, length } of this.#layout.segments(offset, bytes.length)) {
        if (file < 0) bytes.fill(0, at, at + length);
      }
      const result = await judgeLater(bytes, check, wantBlocks, laterHashes, hashes);
      if (result.ok) this.#write(bytes, offset);
      return result;
    } finally {
      this.release(buffer);
    }
  }

  read(piece: number, begin: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const at = piece * this.#torrent.pieceLength + begin;
    if (this.#handle.read(bytes, { at }) === length) return bytes;
    throw new KithError('STORAGE_CHANGED', `piece ${piece} is no longer on the browser's disk`);
  }

  /** What was committed survives from here on. */
  flush(): void {
    this.#handle.flush();
  }

  close(): Promise<void> {
    this.#handle.close();
    return Promise.resolve();
  }

  #write(bytes: Uint8Array, at: number): void {
    let written: number;
    try {
      written = this.#handle.write(bytes, { at });
    } catch (cause) {
      if (isFull(cause)) throw full(cause);
      throw new KithError('STORAGE_FAILED', `The browser could not write to its disk: ${textOf(cause)}`, { cause });
    }
    if (written !== bytes.length) throw full(undefined);
  }

  async #isRight(piece: number): Promise<boolean> {
    const check = pieceCheck(this.#torrent, piece);
    if (check === undefined) return false;
    try {
      const bytes = this.read(piece, 0, this.#torrent.pieceSize(piece));
      return (await judgeLater(bytes, check, false, laterHashes, hashes)).ok;
    } catch {
      return false;
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

function full(cause: unknown): KithError {
  return new KithError('STORAGE_FULL', 'The space that this browser gives to a site is full.', { cause });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
