import type { Geometry } from './metainfo.ts';

/** Where files begin in a stream and how it is cut into pieces. */
export interface Cut {
  readonly geometry: Geometry;
  /** In the order of the files given. */
  readonly offsets: readonly number[];
}

/** v1 and hybrid: files follow each other without a gap; only the last piece may be short. Lengths in bytes. */
export function cutStream(lengths: readonly number[], pieceLength: number): Cut {
  const offsets: number[] = [];
  let length = 0;
  for (const bytes of lengths) {
    offsets.push(length);
    length += bytes;
  }
  const pieceCount = Math.ceil(length / pieceLength);
  const last = length - (pieceCount - 1) * pieceLength;
  const pieceSize = (piece: number): number => (piece === pieceCount - 1 ? last : pieceLength);
  return { offsets, geometry: { pieceLength, pieceCount, length, pieceSize } };
}

/** v2 alone: every file that is not empty begins at a piece, and its last piece may be short (BEP 52). */
export function cutAligned(lengths: readonly number[], pieceLength: number): Cut {
  const offsets: number[] = [];
  const short = new Map<number, number>();
  let pieceCount = 0;
  let length = 0;
  for (const bytes of lengths) {
    // Empty files stand where the content before them ends: nothing lies beyond the end of the stream.
    offsets.push(bytes === 0 ? length : pieceCount * pieceLength);
    if (bytes === 0) continue;
    length = pieceCount * pieceLength + bytes;
    pieceCount += Math.ceil(bytes / pieceLength);
    if (bytes % pieceLength !== 0) short.set(pieceCount - 1, bytes % pieceLength);
  }
  const pieceSize = (piece: number): number => short.get(piece) ?? pieceLength;
  return { offsets, geometry: { pieceLength, pieceCount, length, pieceSize } };
}
