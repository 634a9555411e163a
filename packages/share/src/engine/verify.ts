import { join } from 'node:path';
import { type Metainfo, piecesOf } from '@kith/torrent';
import { Disk } from '../storage/disk.ts';
import { hasBit, recheck } from '../storage/recheck.ts';
import { anyThere } from './content.ts';
import { numberedFiles } from './selection.ts';
import { metainfoOf } from './source.ts';

export interface VerifiedFile {
  readonly number: number;
  readonly path: string;
  readonly length: number;
  /** `extended`: what belongs to the torrent is right, but more follows. */
  readonly state: 'right' | 'wrong' | 'missing' | 'extended';
}

export interface Verified {
  /** Where it was looked for. */
  readonly folder: string;
  readonly pieces: number;
  /** Pieces that are right. */
  readonly good: number;
  readonly files: readonly VerifiedFile[];
}

/**
 * Hashes content on disk against a torrent file.
 * @param from what messages call the torrent
 * @param folder the folder that the torrent's file or folder is in
 * @throws KithError TORRENT_*, STORAGE_* for what cannot be read
 */
export async function verifyContent(
  torrent: Uint8Array,
  from: string,
  folder: string,
  onProgress: (fraction: number) => void = () => undefined,
): Promise<Verified> {
  const posix = metainfoOf(torrent, false, 'posix', from);
  const metainfo = (await anyThere(posix, folder)) ? posix : metainfoOf(torrent, false, 'portable', from);
  const disk = new Disk();
  try {
    const store = disk.open(metainfo, { folder });
    const { sizes } = await store.stamp();
    const right = await recheck(store, metainfo, { onProgress: (done, total) => onProgress(done / total) });
    const files = numberedFiles(metainfo).map(({ number, index, path, length }): VerifiedFile => {
      const state = stateOf(metainfo, index, sizes[index] ?? -1, right);
      return { number, path: join(path), length, state };
    });
    let good = 0;
    for (let piece = 0; piece < metainfo.pieceCount; piece++) if (hasBit(right, piece)) good++;
    await store.close();
    return { folder, pieces: metainfo.pieceCount, good, files };
  } finally {
    await disk.close();
  }
}

function stateOf(metainfo: Metainfo, index: number, size: number, right: Uint8Array): VerifiedFile['state'] {
  const file = metainfo.files[index];
  if (file === undefined || file.symlink !== undefined) return 'right';
  if (size < 0) return 'missing';
  if (size < file.length) return 'wrong';
  const { first, end } = piecesOf(metainfo, file);
  for (let piece = first; piece < end; piece++) if (!hasBit(right, piece)) return 'wrong';
  return size > file.length ? 'extended' : 'right';
}
