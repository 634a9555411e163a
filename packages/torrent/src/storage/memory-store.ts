import type { Hashes } from '../hashes.ts';
import type { Metainfo } from '../metainfo/metainfo.ts';
import { judge } from './judge.ts';
import { Layout } from './layout.ts';
import type { CommitResult, PieceBuffer, PieceCheck, PieceStore } from './piece-store.ts';

/** Pieces in memory: for tests, and for browsers without a disk to call their own. Everything is kept until `close`. */
export class MemoryStore implements PieceStore {
  onRoom: (() => void) | undefined = undefined;
  readonly #torrent: Metainfo;
  readonly #hashes: Hashes;
  readonly #layout: Layout;
  readonly #pieces: Map<number, Uint8Array> = new Map();
  #free: number;
  #refused = false;

  /** `budget`: bytes of pieces in flight, 64 MiB by default. A piece larger than that is let in alone. */
  constructor(torrent: Metainfo, hashes: Hashes, budget: number = 64 * 1_048_576) {
    this.#torrent = torrent;
    this.#hashes = hashes;
    this.#layout = new Layout(torrent);
    this.#free = Math.max(budget, torrent.pieceLength);
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

  commit(buffer: PieceBuffer, check: PieceCheck, wantBlocks: boolean): Promise<CommitResult> {
    const { piece, bytes } = buffer;
    for (const { file, at, length } of this.#layout.segments(piece * this.#torrent.pieceLength, bytes.length)) {
      if (file < 0) bytes.fill(0, at, at + length);
    }
    const result = judge(bytes, check, wantBlocks, this.#hashes);
    if (result.ok) this.#pieces.set(piece, bytes);
    // In a turn of its own, as a disk would: whoever commits must not find the store changed under its feet.
    return Promise.resolve(result).then((judged) => {
      this.release(buffer);
      return judged;
    });
  }

  /** Throws `RangeError` for a piece that was never committed: the caller's mistake. */
  read(piece: number, begin: number, length: number): Uint8Array {
    const bytes = this.#pieces.get(piece);
    if (bytes === undefined || begin + length > bytes.length) throw new RangeError(`piece ${piece} is not stored`);
    return bytes.subarray(begin, begin + length);
  }

  close(): Promise<void> {
    this.#pieces.clear();
    return Promise.resolve();
  }
}
