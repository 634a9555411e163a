/**
 * Making torrents, the part without a disk: {@link planTorrent} lays files out, the caller hashes the pieces of the plan,
 * {@link buildTorrent} writes the file. Files are in the order of their paths as bytes, which is the one of a v2 file
 * tree, so that the same folder gives the same torrent everywhere and v1 and v2 agree on it.
 */
import { compareBytes, KithError, utf8 } from '@kith/core';
import { binaryString, encode, type Encodable } from '../bencode.ts';
import { BLOCK, type Hashes } from '../hashes.ts';
import { cutAligned, cutStream } from './geometry.ts';
import { merkleRoot, powerOfTwo } from './merkle.ts';
import type { Geometry, Metainfo } from './metainfo.ts';
import { TORRENT_LIMITS } from './parse.ts';

export interface SourceFile {
  /** From the folder of the torrent on; for a torrent of one file its name alone. */
  readonly path: readonly string[];
  readonly length: number;
  readonly executable?: boolean;
  readonly hidden?: boolean;
  /** For a symbolic link, which has length 0: the path of what it points to. */
  readonly symlink?: readonly string[];
}

export interface PlannedFile extends SourceFile {
  /** In the stream of pieces, bytes. */
  readonly offset: number;
  /** Index of the file among the sources; none for padding. */
  readonly from?: number;
  readonly padding: boolean;
}

type Unplaced = Omit<PlannedFile, 'offset'>;

export interface TorrentPlan {
  readonly version: Metainfo['version'];
  readonly name: string;
  /** One file called as the torrent instead of a folder. */
  readonly single: boolean;
  readonly geometry: Geometry;
  /** In the order of the stream; hybrids with padding after what does not end with a piece (BEP 47). */
  readonly files: readonly PlannedFile[];
}

export interface PlanOptions {
  readonly version: Metainfo['version'];
  readonly name: string;
  readonly single: boolean;
  /** Bytes, a power of two from 16 KiB on. Default by {@link pieceLengthFor}. */
  readonly pieceLength?: number;
}

/** What was found by hashing the pieces of a plan. */
export interface PieceHashes {
  /** SHA-1 of each piece, 20 bytes each; nothing for v2. */
  readonly pieces: Uint8Array;
  /** Root of the tree below each piece, 32 bytes each, as a piece of v2 has bytes of one file; nothing for v1. */
  readonly roots: Uint8Array;
}

export interface TorrentOptions {
  readonly private?: boolean;
  /** Tiers (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  readonly webSeeds?: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  /** Written into the info dictionary: the same content gets another info-hash, for swarms that must not meet. */
  readonly source?: string;
}

/** Pieces of 16 KiB to 16 MiB, about a thousand of them; larger ones only for what would have more than a million. */
export function pieceLengthFor(length: number): number {
  const usual = Math.min(powerOfTwo(length / 1500), 16 << 20);
  return Math.min(Math.max(usual, powerOfTwo(length / 1_000_000), BLOCK), TORRENT_LIMITS.pieceLength);
}

/**
 * Lays files out. What readers of torrents would refuse is refused here, before the work of hashing.
 * @throws KithError TORRENT_OPTION_INVALID, TORRENT_LIMIT
 */
export function planTorrent(sources: readonly SourceFile[], options: PlanOptions): TorrentPlan {
  const sorted = sources
    .map((source, from) => {
      const path = options.single ? [options.name] : source.path;
      return { key: path.map(utf8), file: { ...source, path, from, padding: false } };
    })
    .sort((a, b) => comparePaths(a.key, b.key))
    .map(({ file }) => file);
  const total = sorted.reduce((sum, { length }) => sum + length, 0);
  const pieceLength = options.pieceLength ?? pieceLengthFor(total);
  if (options.name === '') throw new KithError('TORRENT_OPTION_INVALID', 'the name of the torrent is empty');
  if (pieceLength < BLOCK || pieceLength > TORRENT_LIMITS.pieceLength || powerOfTwo(pieceLength) !== pieceLength) {
    throw new KithError(
      'TORRENT_OPTION_INVALID',
      `a piece length of ${pieceLength} bytes is no power of two from ${BLOCK} to ${TORRENT_LIMITS.pieceLength}`,
    );
  }
  const files = options.version === 'hybrid' ? padded(sorted, pieceLength) : sorted;
  const lengths = files.map((file) => file.length);
  const { geometry, offsets } =
    options.version === 'v2' ? cutAligned(lengths, pieceLength) : cutStream(lengths, pieceLength);
  refuseOver('files', files.length);
  refuseOver('pieces', geometry.pieceCount);
  refuseOver('components', Math.max(0, ...new Set(sorted.map(({ path }) => path.length))));
  return {
    version: options.version,
    name: options.name,
    single: options.single,
    geometry,
    files: files.map((file, i) => ({ ...file, offset: offsets[i] ?? 0 })),
  };
}

/** The torrent file. Piece layers are made of `found.roots`. */
export function buildTorrent(
  plan: TorrentPlan,
  found: PieceHashes,
  hashes: Hashes,
  options: TorrentOptions = {},
): Uint8Array {
  const trackers = (options.trackers ?? []).filter((tier) => tier.length > 0);
  const layers = new Map<string, Uint8Array>();
  const info = {
    name: plan.name,
    'piece length': plan.geometry.pieceLength,
    private: options.private === true ? 1 : undefined,
    source: options.source,
    ...(plan.version === 'v2' ? {} : { pieces: found.pieces, ...filesV1(plan) }),
    ...(plan.version === 'v1' ? {} : { 'meta version': 2, 'file tree': fileTree(plan, found.roots, hashes, layers) }),
  };
  return encode({
    announce: trackers[0]?.[0],
    'announce-list': trackers.flat().length > 1 ? trackers : undefined,
    comment: options.comment,
    'created by': options.createdBy,
    'creation date': options.creationDate,
    info,
    'piece layers': plan.version === 'v1' ? undefined : layers,
    'url-list': options.webSeeds === undefined || options.webSeeds.length === 0 ? undefined : options.webSeeds,
  });
}

function refuseOver(limit: 'files' | 'pieces' | 'components', value: number): void {
  if (value <= TORRENT_LIMITS[limit]) return;
  const what = limit === 'components' ? 'folders inside each other' : limit;
  throw new KithError('TORRENT_LIMIT', `a torrent of ${value} ${what}: readers take ${TORRENT_LIMITS[limit]}`);
}

function comparePaths(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareBytes(a[i] as Uint8Array, b[i] as Uint8Array);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Padding stands before the next file with bytes; after the last one there is nothing to align. */
function padded(files: readonly Unplaced[], pieceLength: number): Unplaced[] {
  let gap = 0;
  return files.flatMap((file) => {
    if (file.length === 0) return [file];
    const before = gap;
    gap = (pieceLength - (file.length % pieceLength)) % pieceLength;
    return before === 0 ? [file] : [{ path: ['.pad', String(before)], length: before, padding: true }, file];
  });
}

function filesV1(plan: TorrentPlan): { length: number } | { files: Encodable[] } {
  const [only] = plan.files;
  if (plan.single && only !== undefined) return { ...attributes(only), length: only.length };
  return {
    files: plan.files.map((file) => ({ ...attributes(file), length: file.length, path: file.path })),
  };
}

function attributes(file: PlannedFile): { attr?: string; 'symlink path'?: readonly string[] } {
  const attr = [
    file.padding ? 'p' : '',
    file.executable === true ? 'x' : '',
    file.hidden === true ? 'h' : '',
    file.symlink === undefined ? '' : 'l',
  ].join('');
  return {
    ...(attr === '' ? {} : { attr }),
    ...(file.symlink === undefined ? {} : { 'symlink path': file.symlink }),
  };
}

type Tree = Map<string, Tree | Encodable>;

function fileTree(plan: TorrentPlan, roots: Uint8Array, hashes: Hashes, layers: Map<string, Uint8Array>): Tree {
  const tree: Tree = new Map();
  for (const file of plan.files) {
    if (file.padding) continue;
    let folder = tree;
    for (const component of file.path) folder = childOf(folder, binaryString(utf8(component)));
    const root = rootOf(file, plan.geometry.pieceLength, roots, hashes, layers);
    folder.set('', { ...attributes(file), length: file.length, 'pieces root': root });
  }
  return tree;
}

function childOf(folder: Tree, key: string): Tree {
  const known = folder.get(key);
  if (known instanceof Map) return known;
  const child: Tree = new Map();
  folder.set(key, child);
  return child;
}

function rootOf(
  file: PlannedFile,
  pieceLength: number,
  roots: Uint8Array,
  hashes: Hashes,
  layers: Map<string, Uint8Array>,
): Uint8Array | undefined {
  if (file.length === 0) return undefined;
  const first = file.offset / pieceLength;
  const count = Math.ceil(file.length / pieceLength);
  const layer = roots.subarray(first * 32, (first + count) * 32);
  if (count === 1) return layer;
  const root = merkleRoot(layer, Math.log2(pieceLength / BLOCK), powerOfTwo(count), hashes);
  layers.set(binaryString(root), layer);
  return root;
}
