import type { Metainfo, TorrentFile } from '../metainfo/metainfo.ts';

/** A run of a torrent's stream that lies in one file, or in none: padding and what v2 leaves free between files. */
export interface Segment {
  /** Index into `Metainfo.files`; -1 for bytes that are in no file and read as zeros. */
  readonly file: number;
  /** Where the run begins in the file. */
  readonly begin: number;
  /** Where the run begins, counted from the beginning of the range that was asked for. */
  readonly at: number;
  readonly length: number;
}

/** Which files a range of the stream touches, by binary search: a torrent may have a hundred thousand files. */
export class Layout {
  readonly length: number;
  readonly #begins: Float64Array;
  readonly #lengths: Float64Array;
  readonly #files: Int32Array;

  constructor(torrent: Pick<Metainfo, 'files' | 'length'>) {
    const real = torrent.files.flatMap((file: TorrentFile, index) =>
      file.padding || file.length === 0 ? [] : [{ file, index }],
    );
    this.length = torrent.length;
    this.#begins = Float64Array.from(real, ({ file }) => file.offset);
    this.#lengths = Float64Array.from(real, ({ file }) => file.length);
    this.#files = Int32Array.from(real, ({ index }) => index);
  }

  /** The runs of `length` bytes from `offset` on, in order and without a gap. */
  segments(offset: number, length: number): Segment[] {
    const segments: Segment[] = [];
    const end = offset + length;
    let at = offset;
    for (let i = this.#last(offset); i < this.#files.length && at < end; i++) {
      const begin = this.#begins[i] ?? 0;
      const until = Math.min(end, begin + (this.#lengths[i] ?? 0));
      if (begin >= end) break;
      if (until <= at) continue;
      if (begin > at) {
        segments.push({ file: -1, begin: 0, at: at - offset, length: begin - at });
        at = begin;
      }
      segments.push({ file: this.#files[i] ?? -1, begin: at - begin, at: at - offset, length: until - at });
      at = until;
    }
    if (at < end) segments.push({ file: -1, begin: 0, at: at - offset, length: end - at });
    return segments;
  }

  /** Index of the last file that begins at or before `offset`, 0 where none does. */
  #last(offset: number): number {
    let low = 0;
    let high = this.#begins.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#begins[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Which pieces a file has bytes in: `first` up to, not including, `end`. Empty for padding and files without bytes. */
export function piecesOf(torrent: Metainfo, file: TorrentFile): { readonly first: number; readonly end: number } {
  if (file.padding || file.length === 0) return { first: 0, end: 0 };
  return {
    first: Math.floor(file.offset / torrent.pieceLength),
    end: Math.floor((file.offset + file.length - 1) / torrent.pieceLength) + 1,
  };
}
