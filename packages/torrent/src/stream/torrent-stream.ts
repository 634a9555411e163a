import { KithError, toHex } from '@kith/core';
import type { Metainfo, TorrentFile } from '../metainfo/metainfo.ts';
import type { PieceStore } from '../storage/piece-store.ts';
import type { StreamFile, StreamFolder, StreamReader } from './stream-file.ts';

/** What of a torrent streaming needs: the engine's `Torrent` has it all. */
export interface StreamSource {
  readonly metainfo: Metainfo | undefined;
  readonly store: PieceStore | undefined;
  readonly have: { has(piece: number): boolean };
  /** The piece is needed by `at`, monotonic ms; minus infinity where it comes before all others. */
  deadline(piece: number, at: number, now: number): void;
  clearDeadlines(pieces: Iterable<number>): void;
  whenPiece(piece: number): Promise<void>;
}

export interface TorrentStreamOptions {
  /** Monotonic ms. */
  readonly now: () => number;
  /** Bytes behind a reader's place that are asked for: 8 MiB, and one piece at least. */
  readonly ahead?: number;
  /** Bytes per second at which deadlines follow each other: 2 MB/s, a good film's rate. */
  readonly rate?: number;
}

/** A piece that readers want. */
interface Claim {
  readonly readers: number;
  /** When the first of them needs it, monotonic ms. */
  readonly at: number;
}

/** The files of a torrent, read while they are loaded. Readers share what is urgent: one that ends takes only its own away. */
export class TorrentStream implements StreamFolder {
  readonly name: string;
  readonly files: readonly StreamFile[];
  readonly #source: StreamSource;
  readonly #metainfo: Metainfo;
  readonly #now: () => number;
  readonly #ahead: number;
  readonly #rate: number;
  readonly #claims: Map<number, Claim> = new Map();

  /** Throws where the metainfo is not known yet (a magnet link before its first peer). */
  constructor(source: StreamSource, options: TorrentStreamOptions) {
    const { metainfo } = source;
    if (metainfo === undefined) throw new RangeError('the metainfo of this torrent is not known yet');
    this.#source = source;
    this.#metainfo = metainfo;
    this.#now = options.now;
    this.#ahead = options.ahead ?? 8 * 1_048_576;
    this.#rate = (options.rate ?? 2_000_000) / 1000;
    this.name = metainfo.name;
    const hash = toHex(metainfo.infoHash ?? metainfo.infoHashV2 ?? new Uint8Array(0));
    this.files = metainfo.files
      .filter((file) => !file.padding && file.symlink === undefined)
      .map((file) => ({
        name: file.path.join('/'),
        length: file.length,
        etag: file.piecesRoot === undefined ? `${hash}-${file.offset}-${file.length}` : toHex(file.piecesRoot),
        open: () => this.#open(file),
      }));
  }

  #open(file: TorrentFile): StreamReader {
    const { pieceLength } = this.#metainfo;
    let claimed = new Set<number>();
    let closed = false;
    return {
      read: async (begin, most, end) => {
        const wanted = new Set<number>();
        const from = file.offset + begin;
        const to = file.offset + Math.min(end, begin + Math.max(this.#ahead, pieceLength));
        const first = Math.floor(from / pieceLength);
        for (let piece = first; piece * pieceLength < to; piece++) {
          if (this.#source.have.has(piece)) continue;
          wanted.add(piece);
          if (claimed.has(piece)) continue;
          // Who begins or jumps waits already: what others will need soon, and may be late with, comes behind it.
          const delay = piece === first ? Number.NEGATIVE_INFINITY : ((piece - first) * pieceLength) / this.#rate;
          this.#claim(piece, delay);
        }
        this.#drop([...claimed].filter((piece) => !wanted.has(piece)));
        claimed = wanted;
        await this.#source.whenPiece(first);
        if (closed) throw new KithError('INTERNAL', `The reader of ${file.path.join('/')} was closed.`);
        const { store } = this.#source;
        if (store === undefined) throw new KithError('STORAGE_FAILED', `${this.name} was stopped.`);
        const at = from - first * pieceLength;
        const length = Math.min(most, end - begin, this.#metainfo.pieceSize(first) - at);
        return (await store.read(first, at, length)).slice();
      },
      close: () => {
        closed = true;
        this.#drop(claimed);
        claimed = new Set();
      },
    };
  }

  #claim(piece: number, delay: number): void {
    const now = this.#now();
    const at = now + delay;
    const claim = this.#claims.get(piece);
    this.#claims.set(piece, { readers: (claim?.readers ?? 0) + 1, at: Math.min(at, claim?.at ?? at) });
    // Who can wait does not make another wait.
    if (claim === undefined || at < claim.at) this.#source.deadline(piece, at, now);
  }

  #drop(pieces: Iterable<number>): void {
    const free: number[] = [];
    for (const piece of pieces) {
      const claim = this.#claims.get(piece);
      if (claim !== undefined && claim.readers > 1) {
        this.#claims.set(piece, { ...claim, readers: claim.readers - 1 });
        continue;
      }
      this.#claims.delete(piece);
      free.push(piece);
    }
    if (free.length > 0) this.#source.clearDeadlines(free);
  }
}
