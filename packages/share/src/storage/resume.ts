import { randomInt } from 'node:crypto';
import { Layout, type Metainfo, pieceCheck, piecesOf } from '@kith/torrent';
import type { Stamps } from './disk-messages.ts';
import type { DiskStore } from './disk-store.ts';
import { clearBit, hasBit } from './recheck.ts';
import type { TorrentProgress, TorrentRecord } from './resume-file.ts';

/** What may be believed of a record. */
export interface Trust {
  /** Pieces to go on with. */
  readonly have: Uint8Array;
  /** Pieces that the record claims and that have to be checked again first. */
  readonly doubtful: readonly number[];
  /** Indices of files that are not there although the record has pieces of them: those pieces are in neither list. */
  readonly missing: readonly number[];
  /** Indices of files whose size or time is not what it was. */
  readonly changed: readonly number[];
  /** To be recorded with the next progress. */
  readonly stamps: Stamps;
}

/**
 * Looks at the files of a torrent, without reading them, and says what of the record still holds. A file that was being
 * written when the record was made is believed unless the machine was started anew since; any other must have the size
 * and time it had.
 */
export async function reopen(record: TorrentRecord, torrent: Metainfo, store: DiskStore): Promise<Trust> {
  const now = await store.stamp();
  const have = record.have.slice();
  const doubtful = new Set<number>();
  const lost = new Set<number>();
  const missing: number[] = [];
  const changed: number[] = [];
  for (const [index, file] of torrent.files.entries()) {
    const size = now.sizes[index] ?? -1;
    const before = record.stamps?.mtimes[index] ?? 0n;
    const writing = before === 0n && !(record.unsynced && record.rebooted);
    if (size === file.length && (writing || before === now.mtimes[index])) continue;
    if (size < 0 && record.priorities[index] === 0) continue;
    const { first, end } = piecesOf(torrent, file);
    const claimed = claimedIn(record.have, first, end);
    if (claimed.length === 0) continue;
    if (size < 0) missing.push(index);
    else if (size !== file.length || before !== 0n) changed.push(index);
    for (const piece of claimed) {
      clearBit(have, piece);
      (size < 0 ? lost : doubtful).add(piece);
    }
  }
  return { have, doubtful: [...doubtful].filter((piece) => !lost.has(piece)), missing, changed, stamps: now };
}

/**
 * Hashes a few of the pieces in `have`, chosen at random, and returns those to be checked again: all pieces of the files
 * in which a wrong one was found. For times when nobody waits for the disk.
 */
export async function sample(
  torrent: Metainfo,
  store: DiskStore,
  have: Uint8Array,
  count: number = 2,
): Promise<number[]> {
  const claimed = claimedIn(have, 0, torrent.pieceCount);
  const layout = new Layout(torrent);
  const doubtful = new Set<number>();
  for (let i = 0; i < count && claimed.length > 0; i++) {
    const [piece = 0] = claimed.splice(randomInt(claimed.length), 1);
    const check = pieceCheck(torrent, piece);
    if (check === undefined || (await store.check(piece, check))) continue;
    for (const { file } of layout.segments(piece * torrent.pieceLength, torrent.pieceSize(piece))) {
      const inside = torrent.files[file];
      if (inside === undefined) continue;
      const { first, end } = piecesOf(torrent, inside);
      for (const each of claimedIn(have, first, end)) doubtful.add(each);
    }
  }
  return [...doubtful].sort((a, b) => a - b);
}

/**
 * The record of one torrent while it runs: says which files were touched since they were last known to be settled.
 */
export class ProgressLog {
  readonly #torrent: Metainfo;
  readonly #layout: Layout;
  #have: Uint8Array;
  #stamps: Stamps;
  #unsynced: boolean;

  /** `have` and `stamps` as {@link reopen} gave them; for a new torrent no bits and what `store.stamp()` says. */
  constructor(torrent: Metainfo, have: Uint8Array, stamps: Stamps, unsynced: boolean) {
    this.#torrent = torrent;
    this.#layout = new Layout(torrent);
    this.#have = have.slice();
    this.#stamps = { sizes: stamps.sizes.slice(), mtimes: stamps.mtimes.slice() };
    this.#unsynced = unsynced;
  }

  /** What to put into the resume file now. Bits in `have` are of pieces whose `commit` resolved. */
  next(have: Uint8Array, uploaded: number, downloaded: number): TorrentProgress {
    const { pieceLength } = this.#torrent;
    for (let i = 0; i < have.length; i++) {
      const fresh = (have[i] ?? 0) & ~(this.#have[i] ?? 0);
      for (let bit = 0; fresh !== 0 && bit < 8; bit++) {
        if ((fresh & (0x80 >> bit)) === 0) continue;
        const piece = i * 8 + bit;
        this.#unsynced = true;
        for (const { file } of this.#layout.segments(piece * pieceLength, this.#torrent.pieceSize(piece))) {
          if (file >= 0) this.#stamps.mtimes[file] = 0n;
        }
      }
    }
    this.#have = have.slice();
    const stamps = { sizes: this.#stamps.sizes.slice(), mtimes: this.#stamps.mtimes.slice() };
    return { have: this.#have, stamps, unsynced: this.#unsynced, uploaded, downloaded };
  }

  /** Nothing is being written: makes what is on disk last and notes how it looks. Then put what `next` says. */
  async settle(store: DiskStore, have: Uint8Array): Promise<void> {
    await store.sync();
    this.#stamps = await store.stamp();
    this.#have = have.slice();
    this.#unsynced = false;
  }
}

function claimedIn(have: Uint8Array, first: number, end: number): number[] {
  const pieces: number[] = [];
  for (let piece = first; piece < end; piece++) {
    if (hasBit(have, piece)) pieces.push(piece);
  }
  return pieces;
}
