/** Files that stand where a download would write, and are not what it would write there. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, KithError } from '@kith/core';
import { type Metainfo, piecesOf } from '@kith/torrent';
import { hasBit, setBit } from '../storage/recheck.ts';
import { faultOf, storageError } from '../storage/storage-error.ts';

export interface Place {
  readonly metainfo: Metainfo;
  readonly folder: string;
  /** By file. */
  readonly wanted: readonly boolean[];
  /** Bits of the pieces that are right. */
  readonly have: Uint8Array;
  /** By file: bytes on disk, negative where it is not there. */
  readonly sizes: Float64Array;
  readonly signal: AbortSignal;
}

/** Bytes that are looked at in one go for one that is not zero. */
const LOOK = 1 << 20;

/**
 * Refuses where a file is there that would be written to and that has nothing of the torrent: no piece of it is right. What
 * has a right piece is taken for a part of the content, and zeros for room that an earlier download took. Of a v2 link the
 * piece layers come from peers, later: until then no piece of a longer file is known to be right.
 *
 * @throws KithError STORAGE_OCCUPIED, or another STORAGE_* where a file cannot be read
 */
export async function refuseOccupied(place: Place): Promise<void> {
  const occupied: string[] = [];
  for (const index of strangers(place)) {
    place.signal.throwIfAborted();
    const path = join(place.folder, ...(place.metainfo.files[index]?.path ?? []));
    if (await hasContent(path)) occupied.push(path);
  }
  const [first, ...others] = occupied;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, as are ${others.length} others`;
  throw new KithError(
    'STORAGE_OCCUPIED',
    `${first} is there already${more}, and no piece of it is known to belong to ${place.metainfo.name}: nothing was written. ` +
      `\`kith get --overwrite\` loads over it.`,
  );
}

/** Indices of the files with bytes on disk that would be written to, and that no right piece reaches into. */
function strangers({ metainfo, wanted, have, sizes }: Place): number[] {
  const written = new Uint8Array(have.length);
  for (const [index, file] of metainfo.files.entries()) {
    if (wanted[index] === false || file.padding) continue;
    const { first, end } = piecesOf(metainfo, file);
    for (let piece = first; piece < end; piece++) setBit(written, piece);
  }
  return metainfo.files.flatMap((file, index) => {
    if (file.padding || file.symlink !== undefined || !((sizes[index] ?? -1) > 0)) return [];
    const { first, end } = piecesOf(metainfo, file);
    let reached = wanted[index] !== false;
    for (let piece = first; piece < end; piece++) {
      if (hasBit(have, piece)) return [];
      // A piece of a wanted file may lie in its neighbour, too, which is written where it is there.
      reached ||= hasBit(written, piece);
    }
    return reached ? [index] : [];
  });
}

/** Whether it has a byte that is not zero. */
async function hasContent(path: string): Promise<boolean> {
  try {
    const file = await open(path);
    try {
      const [buffer, zeros] = [Buffer.alloc(LOOK), Buffer.alloc(LOOK)];
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, LOOK);
        if (bytesRead === 0) return false;
        if (!buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) return true;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw storageError(faultOf(error, path, 'read'));
  }
}
