import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { KithError } from '@kith/core';
import { buildTorrent, parseTorrent, planTorrent, type Metainfo, type TorrentOptions } from '@kith/torrent';
import { nodeHashes } from '../node-hashes.ts';
import { hashPieces, type HashOptions } from './hash-pool.ts';
import { walk, type FoundFile, type WalkOptions } from './walk.ts';

export interface CreateOptions
  extends TorrentOptions, Pick<WalkOptions, 'hidden' | 'links'>, Pick<HashOptions, 'workers'> {
  /** Default `hybrid`, which every client takes part in. */
  readonly version?: Metainfo['version'];
  /** What the torrent is called. Default the name of the file or folder; with another one the content has to move. */
  readonly name?: string;
  /** Bytes, a power of two from 16 KiB to 128 MiB. Default by the size of the content. */
  readonly pieceLength?: number;
  readonly onProgress?: (progress: CreateProgress) => void;
  readonly signal?: AbortSignal;
}

/** Bytes of the files. */
export interface CreateProgress {
  readonly hashed: number;
  readonly total: number;
}

export interface Created {
  /** The torrent file. The same content and options give the same bytes. */
  readonly torrent: Uint8Array;
  /** Paths in it are those on disk, below `folder`. */
  readonly metainfo: Metainfo;
  /** The folder that has the file or folder in it: where a store finds the content. Absolute. */
  readonly folder: string;
  /** What was left out, by paths below the folder that was given. */
  readonly skipped: readonly string[];
}

/**
 * Makes a torrent of a file or folder, hashing in worker threads. Files are read once for all hashes.
 * @throws KithError TORRENT_SOURCE_EMPTY, TORRENT_SOURCE_UNREADABLE, TORRENT_SOURCE_CHANGED, TORRENT_OPTION_INVALID,
 * TORRENT_LIMIT; what `signal` gives as reason
 */
export async function createTorrent(path: string, options: CreateOptions = {}): Promise<Created> {
  const { signal } = options;
  signal?.throwIfAborted();
  const found = await walk(path, options);
  const plan = planTorrent(found.files, {
    version: options.version ?? 'hybrid',
    name: options.name ?? found.name,
    single: found.single,
    ...(options.pieceLength === undefined ? {} : { pieceLength: options.pieceLength }),
  });
  const sources = plan.files.map((file) => (file.from === undefined ? undefined : found.files[file.from]?.source));
  const total = found.files.reduce((sum, file) => sum + file.length, 0);
  options.onProgress?.({ hashed: 0, total });
  const hashes = await hashPieces(plan, sources, {
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(signal === undefined ? {} : { signal }),
    onBytes: (hashed) => options.onProgress?.({ hashed, total }),
  });
  await refuseChanged(found.files, signal);
  const torrent = buildTorrent(plan, hashes, nodeHashes, options);
  const metainfo = parseTorrent(torrent, nodeHashes, { source: path, names: 'posix' });
  return { torrent, metainfo, folder: dirname(resolve(path)), skipped: found.skipped };
}

/** What was hashed first may have been written to since: then nobody could ever complete the torrent. */
async function refuseChanged(files: readonly FoundFile[], signal: AbortSignal | undefined): Promise<void> {
  for (const file of files) {
    if (file.symlink !== undefined) continue;
    signal?.throwIfAborted();
    const now = await stat(file.source).catch(() => undefined);
    if (now?.size === file.length && now.mtimeMs === file.mtimeMs && now.ino === file.inode) continue;
    const how = now === undefined ? 'it is gone' : 'its size or time is another one now';
    throw new KithError('TORRENT_SOURCE_CHANGED', `${file.source} changed while the torrent was made: ${how}`);
  }
}
