import { type Metainfo, pieceCheck, type PieceCheck } from '@kith/torrent';
import type { DiskStore } from './disk-store.ts';

export interface RecheckOptions {
  /** Only these; all by default. */
  readonly pieces?: Iterable<number>;
  /** What a piece must hash to; by default what the metainfo says. */
  readonly check?: (piece: number) => PieceCheck | undefined;
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the check between two pieces with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Pieces of one torrent that are read at the same time: enough to keep the disk busy, few enough for others to get on. */
const PARALLEL = 4;

/**
 * Hashes what is on disk. Resolves with the bits of the right pieces, the first piece in the highest bit as on the wire
 * (BEP 3); bits of pieces that were not asked for are 0. What is missing is not right; a file that cannot be read is an
 * error of STORAGE_*.
 */
export async function recheck(store: DiskStore, torrent: Metainfo, options: RecheckOptions = {}): Promise<Uint8Array> {
  const pieces = [...(options.pieces ?? Array.from({ length: torrent.pieceCount }, (_, piece) => piece))];
  const checkOf = options.check ?? ((piece: number): PieceCheck | undefined => pieceCheck(torrent, piece));
  const bits = new Uint8Array(Math.ceil(torrent.pieceCount / 8));
  let next = 0;
  let done = 0;
  await store.accept();
  const lane = async (): Promise<void> => {
    for (let piece = pieces[next++]; piece !== undefined; piece = pieces[next++]) {
      options.signal?.throwIfAborted();
      const check = checkOf(piece);
      if (check !== undefined && (await store.check(piece, check))) setBit(bits, piece);
      options.onProgress?.(++done, pieces.length);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return bits;
}

export function hasBit(bits: Uint8Array, piece: number): boolean {
  return ((bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
}

export function setBit(bits: Uint8Array, piece: number): void {
  bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
}

export function clearBit(bits: Uint8Array, piece: number): void {
  bits[piece >> 3] = (bits[piece >> 3] ?? 0) & ~(0x80 >> (piece & 7));
}
