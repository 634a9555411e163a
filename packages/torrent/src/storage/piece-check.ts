import { toHex } from '@kith/core';
import { BLOCK } from '../hashes.ts';
import type { Metainfo, TorrentFile } from '../metainfo/metainfo.ts';
import type { PieceCheck } from './piece-store.ts';

/**
 * What `piece` must hash to, as far as it is known: undefined while the piece layer of its file is missing (v2 from a
 * magnet link). `layers` may be a map that fills while peers send their hashes.
 */
export function pieceCheck(
  torrent: Metainfo,
  piece: number,
  layers: ReadonlyMap<string, Uint8Array> = torrent.pieceLayers,
): PieceCheck | undefined {
  const sha1 = torrent.version === 'v2' ? undefined : torrent.pieces.subarray(piece * 20, piece * 20 + 20);
  if (torrent.version === 'v1') return sha1 === undefined ? undefined : { sha1 };
  const merkle = merkleOf(torrent, piece, layers);
  if (merkle === undefined) return sha1 === undefined ? undefined : { sha1 };
  return sha1 === undefined ? { merkle } : { sha1, merkle };
}

function merkleOf(
  torrent: Metainfo,
  piece: number,
  layers: ReadonlyMap<string, Uint8Array>,
): PieceCheck['merkle'] | undefined {
  const offset = piece * torrent.pieceLength;
  const file = fileAt(torrent.files, offset);
  if (file?.piecesRoot === undefined) return undefined;
  const bytes = Math.min(torrent.pieceLength, file.offset + file.length - offset);
  if (file.length <= torrent.pieceLength) {
    return { root: file.piecesRoot, leaves: powerOfTwo(Math.ceil(file.length / BLOCK)), bytes };
  }
  const index = (offset - file.offset) / torrent.pieceLength;
  const root = layers.get(toHex(file.piecesRoot))?.subarray(index * 32, index * 32 + 32);
  return root?.length === 32 ? { root, leaves: torrent.pieceLength / BLOCK, bytes } : undefined;
}

/** The file that has its bytes at `offset`; in v2 every piece has bytes of one file only. */
function fileAt(files: readonly TorrentFile[], offset: number): TorrentFile | undefined {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((files[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0; i--) {
    const file = files[i];
    if (file !== undefined && file.length > 0) return file.padding ? undefined : file;
  }
  return undefined;
}

function powerOfTwo(least: number): number {
  let n = 1;
  while (n < least) n *= 2;
  return n;
}
