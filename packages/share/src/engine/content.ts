/** What of a torrent lies on disk already, and how far that may be believed. */
import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KithError } from '@kith/core';
import { Bits, type Metainfo, pieceCheck, piecesOf, type TorrentFile } from '@kith/torrent';
import type { Disk } from '../storage/disk.ts';
import type { DiskStore } from '../storage/disk-store.ts';
import { clearBit, hasBit, recheck, setBit } from '../storage/recheck.ts';
import { ProgressLog, reopen, sample } from '../storage/resume.ts';
import type { TorrentRecord } from '../storage/resume-file.ts';
import { faultOf, storageError } from '../storage/storage-error.ts';
import { refuseOccupied } from './occupied.ts';

/**
 * How to come by what is there: `resume` believes the record where sizes and times are what they were, `made` was hashed
 * just now, `known` is believed after a sample, `check` hashes all that is there.
 */
export type ContentTrust = 'resume' | 'made' | 'known' | 'check';

export interface ContentOptions {
  readonly disk: Disk;
  readonly metainfo: Metainfo;
  /** Name on disk of the file or folder, where it is not the torrent's. */
  readonly root?: string;
  readonly folder: string;
  /** By file. */
  readonly wanted: readonly boolean[];
  readonly trust: ContentTrust;
  readonly record: TorrentRecord | undefined;
  /** Files are the user's own, or were whole once: what differs is an error and not to be loaded again. */
  readonly keep: boolean;
  /** What is there may be written over even where nothing of it is the torrent's. */
  readonly overwrite: boolean;
  /** Piece layers beyond those of the metainfo. */
  readonly layers: ReadonlyMap<string, Uint8Array> | undefined;
  readonly signal: AbortSignal;
  /** Runs `work` when the disk is free for reading much. */
  readonly queue: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onChecked: (fraction: number) => void;
}

export interface Content {
  readonly store: DiskStore;
  readonly have: Bits;
  readonly log: ProgressLog;
}

/** @throws KithError STORAGE_*; nothing is left open then, and nothing was written where it is STORAGE_OCCUPIED */
export async function openContent(options: ContentOptions): Promise<Content> {
  const { folder, wanted, signal } = options;
  // A folder that was there and is gone may be a disk that is not mounted.
  if (options.trust !== 'resume') await makeFolder(folder);
  const metainfo = options.root === undefined ? options.metainfo : renamed(options.metainfo, options.root);
  const store = options.disk.open(metainfo, { folder, wanted });
  try {
    const found = await find(options, metainfo, store);
    signal.throwIfAborted();
    const { have, sizes } = found;
    if (options.keep) refuseLost(options, metainfo, have);
    else if (wantsMore(metainfo, wanted, have)) {
      if (!options.overwrite) await refuseOccupied({ metainfo, folder, wanted, have, sizes, signal });
      await store.prepare();
    }
    const bits = Bits.fromWire(have, metainfo.pieceCount) ?? new Bits(metainfo.pieceCount);
    return { store, have: bits, log: found.log };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The same torrent with its file or folder under another name. */
function renamed(metainfo: Metainfo, root: string): Metainfo {
  const moved = (path: readonly string[]): string[] => [root, ...path.slice(1)];
  const files = metainfo.files.map((file: TorrentFile) => ({
    ...file,
    path: file.padding ? file.path : moved(file.path),
    ...(file.symlink === undefined || file.symlink.length === 0 ? {} : { symlink: moved(file.symlink) }),
  }));
  return { ...metainfo, files };
}

/** Whether one of the files is there under the names of `metainfo`. */
export async function anyThere(metainfo: Metainfo, folder: string): Promise<boolean> {
  for (const file of metainfo.files) {
    if (file.padding || file.length === 0) continue;
    const found = await stat(join(folder, ...file.path)).catch(() => undefined);
    if (found?.isFile() === true) return true;
  }
  return false;
}

export interface Selected {
  readonly metainfo: Metainfo;
  readonly folder: string;
  /** By file: until now, and from now on. */
  readonly before: readonly boolean[];
  readonly wanted: readonly boolean[];
  readonly have: Uint8Array;
  readonly signal: AbortSignal;
}

/** Makes other files wanted. @throws KithError STORAGE_OCCUPIED, nothing changed then; other STORAGE_* */
export async function selectContent(store: DiskStore, selected: Selected): Promise<void> {
  const { before, wanted, have } = selected;
  const stamps = await store.stamp();
  // What was wanted so far was looked at, and may have come in part.
  const sizes = stamps.sizes.map((size, index) => (before[index] === true ? -1 : size));
  await refuseOccupied({ ...selected, sizes });
  await store.select(wanted, have);
  await store.prepare();
}

/** Takes away folders that the torrent made and that nothing is left in. */
export async function removeEmptyFolders({ files }: Metainfo, folder: string): Promise<void> {
  const folders = new Set<string>();
  for (const { path, padding } of files) {
    for (let at = dirname(path.join('/')); !padding && at !== '.'; at = dirname(at)) folders.add(at);
  }
  const deepest = [...folders].toSorted((a, b) => b.length - a.length);
  for (const each of deepest) await rmdir(join(folder, each)).catch(() => undefined);
}

interface Found {
  readonly have: Uint8Array;
  /** By file: bytes on disk, -1 where it is not there. */
  readonly sizes: Float64Array;
  readonly log: ProgressLog;
}

async function find(options: ContentOptions, metainfo: Metainfo, store: DiskStore): Promise<Found> {
  const { trust, record } = options;
  if (trust === 'resume' && record !== undefined && record.have.length === bytesFor(metainfo)) {
    const { have, doubtful, stamps } = await reopen(record, metainfo, store);
    if (doubtful.length > 0) merge(have, await check(options, metainfo, store, doubtful));
    // Sizes and times may have changed under what is right all the same.
    const now = doubtful.length > 0 ? await store.stamp() : stamps;
    return { have, sizes: now.sizes, log: new ProgressLog(metainfo, have, now, record.unsynced) };
  }
  const stamps = await store.stamp();
  const { sizes } = stamps;
  const log = (have: Uint8Array): Found => ({ have, sizes, log: new ProgressLog(metainfo, have, stamps, false) });
  const none = new Uint8Array(bytesFor(metainfo));
  if (trust === 'made' || trust === 'known') {
    const have = claimed(metainfo, stamps.sizes);
    const doubtful = trust === 'made' ? [] : await sample(metainfo, store, have);
    for (const piece of doubtful) clearBit(have, piece);
    if (doubtful.length > 0) merge(have, await check(options, metainfo, store, doubtful));
    return log(have);
  }
  if (stamps.sizes.every((size) => size <= 0)) return log(none);
  return log(await check(options, metainfo, store, undefined));
}

function check(
  options: ContentOptions,
  metainfo: Metainfo,
  store: DiskStore,
  pieces: readonly number[] | undefined,
): Promise<Uint8Array> {
  const { layers, signal, onChecked } = options;
  return options.queue(() => {
    onChecked(0);
    return recheck(store, metainfo, {
      ...(pieces === undefined ? {} : { pieces }),
      check: (piece) => pieceCheck(metainfo, piece, layers),
      onProgress: (done, total) => onChecked(done / total),
      signal,
    });
  });
}

/** All pieces but those of files that do not have their size. */
function claimed(metainfo: Metainfo, sizes: Float64Array): Uint8Array {
  const have = new Uint8Array(bytesFor(metainfo));
  for (let piece = 0; piece < metainfo.pieceCount; piece++) setBit(have, piece);
  for (const [index, file] of metainfo.files.entries()) {
    if (sizes[index] === file.length) continue;
    const { first, end } = piecesOf(metainfo, file);
    for (let piece = first; piece < end; piece++) clearBit(have, piece);
  }
  return have;
}

function refuseLost({ folder, wanted }: ContentOptions, metainfo: Metainfo, have: Uint8Array): void {
  const broken = metainfo.files.filter((file, index) => wanted[index] !== false && lacks(metainfo, file, have));
  const [first, ...others] = broken;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, as are ${others.length} others,`;
  throw new KithError(
    'STORAGE_CHANGED',
    `${join(folder, ...first.path)}${more} is not what it was when its torrent was made or loaded: put the old content back, or take the share out and share it anew.`,
  );
}

function lacks(metainfo: Metainfo, file: TorrentFile, have: Uint8Array): boolean {
  const { first, end } = piecesOf(metainfo, file);
  for (let piece = first; piece < end; piece++) if (!hasBit(have, piece)) return true;
  return false;
}

function wantsMore(metainfo: Metainfo, wanted: readonly boolean[], have: Uint8Array): boolean {
  return metainfo.files.some(
    (file, index) => wanted[index] !== false && !file.padding && (file.length === 0 || lacks(metainfo, file, have)),
  );
}

function merge(have: Uint8Array, more: Uint8Array): void {
  for (let i = 0; i < have.length; i++) have[i] = (have[i] ?? 0) | (more[i] ?? 0);
}

function bytesFor(metainfo: Metainfo): number {
  return Math.ceil(metainfo.pieceCount / 8);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw storageError(faultOf(error, folder, 'create'));
  }
}
