/** Torrents with known content, for tests of stores. */
import { createHash, hash } from 'node:crypto';
import { BLOCK, type Metainfo, type PieceStore, type TorrentFile } from '@kith/torrent';

export interface RigFile {
  readonly path: string;
  readonly length: number;
  readonly padding?: boolean;
}

export interface Rig {
  readonly torrent: Metainfo;
  /** The whole stream, padding included. */
  readonly content: Uint8Array;
  readonly piece: (index: number) => Uint8Array;
}

export const HASHES = {
  sha1: (data: Uint8Array): Uint8Array => new Uint8Array(hash('sha1', data, 'buffer')),
  sha256: (data: Uint8Array): Uint8Array => new Uint8Array(hash('sha256', data, 'buffer')),
};

/** Bytes that differ from place to place, the same for the same seed. */
export function noise(length: number, seed: string = 'noise'): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0, i = 0; at < length; at += 64, i++) {
    const chunk = createHash('sha512').update(`${seed} ${i}`).digest();
    out.set(chunk.subarray(0, Math.min(64, length - at)), at);
  }
  return out;
}

/** A v1 torrent of these files. */
export function torrentV1(files: readonly RigFile[], pieceLength: number, seed?: string): Rig {
  const length = files.reduce((sum, file) => sum + file.length, 0);
  const content = noise(length, seed);
  let offset = 0;
  const laid: TorrentFile[] = files.map((file) => {
    const begin = offset;
    offset += file.length;
    if (file.padding === true) content.fill(0, begin, offset);
    return fileOf(file, begin);
  });
  return rigOf('v1', laid, content, pieceLength);
}

/** A v2-only torrent: every file begins at a piece, what is between has no bytes. */
export function torrentV2(files: readonly RigFile[], pieceLength: number): Rig {
  const laid: TorrentFile[] = [];
  let offset = 0;
  for (const file of files) {
    offset = Math.ceil(offset / pieceLength) * pieceLength;
    laid.push(fileOf(file, offset));
    offset += file.length;
  }
  const content = new Uint8Array(offset);
  const layers = new Map<string, Uint8Array>();
  for (const [i, file] of laid.entries()) {
    const bytes = noise(file.length, `file ${i}`);
    content.set(bytes, file.offset);
    if (file.length === 0) continue;
    const small = file.length <= pieceLength;
    const width = small ? powerOfTwo(Math.ceil(file.length / BLOCK)) : pieceLength / BLOCK;
    const roots: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += width * BLOCK) {
      roots.push(naiveRoot(bytes.subarray(at, at + width * BLOCK), width));
    }
    const root = small ? roots[0] : naiveTop(roots, width);
    if (root === undefined) continue;
    laid[i] = { ...file, piecesRoot: root };
    if (!small) layers.set(Buffer.from(root).toString('hex'), Buffer.concat(roots));
  }
  const rig = rigOf('v2', laid, content, pieceLength);
  const pieceSize = (piece: number): number => {
    const begin = piece * pieceLength;
    const file = laid.find((each) => each.offset <= begin && begin < each.offset + each.length);
    return file === undefined ? 0 : Math.min(pieceLength, file.offset + file.length - begin);
  };
  return {
    ...rig,
    torrent: { ...rig.torrent, pieces: new Uint8Array(0), pieceLayers: layers, pieceSize },
    piece: (i) => content.subarray(i * pieceLength, i * pieceLength + pieceSize(i)),
  };
}

/** Acquires, fills and commits one piece. */
export async function put(
  store: PieceStore,
  rig: Rig,
  piece: number,
  check: Parameters<PieceStore['commit']>[1],
): Promise<boolean> {
  const buffer = store.acquire(piece);
  if (buffer === undefined) throw new Error('no room');
  buffer.bytes.set(rig.piece(piece));
  return (await store.commit(buffer, check, false)).ok;
}

function fileOf(file: RigFile, offset: number): TorrentFile {
  const { path, length, padding = false } = file;
  return { path: path.split('/'), length, offset, padding, executable: false, hidden: false };
}

function rigOf(version: 'v1' | 'v2', files: TorrentFile[], content: Uint8Array, pieceLength: number): Rig {
  const pieceCount = Math.ceil(content.length / pieceLength);
  const piece = (i: number): Uint8Array => content.subarray(i * pieceLength, (i + 1) * pieceLength);
  const pieces = new Uint8Array(pieceCount * 20);
  for (let i = 0; i < pieceCount; i++) pieces.set(HASHES.sha1(piece(i)), i * 20);
  const torrent: Metainfo = {
    ...{ version, name: 'rig', private: false, files, pieces, pieceLayers: new Map(), trackers: [], webSeeds: [] },
    ...{ info: new Uint8Array(0), pieceLength, pieceCount, length: content.length },
    infoHash: HASHES.sha1(Buffer.concat([content, pieces])),
    pieceSize: (i) => piece(i).length,
  };
  return { torrent, content, piece };
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
}

function naiveRoot(bytes: Uint8Array, leaves: number): Uint8Array {
  const layer = Array.from({ length: leaves }, (_, i) =>
    i * BLOCK < bytes.length ? HASHES.sha256(bytes.subarray(i * BLOCK, (i + 1) * BLOCK)) : new Uint8Array(32),
  );
  return fold(layer);
}

/** Root of a file above its piece layer: missing pieces are trees of zero leaves. */
function naiveTop(roots: readonly Uint8Array[], width: number): Uint8Array {
  const filler = naiveRoot(new Uint8Array(0), width);
  return fold(Array.from({ length: powerOfTwo(roots.length) }, (_, i) => roots[i] ?? filler));
}

function fold(layer: readonly Uint8Array[]): Uint8Array {
  const [only] = layer;
  if (layer.length <= 1) return only ?? new Uint8Array(32);
  return fold(
    Array.from({ length: layer.length / 2 }, (_, i) =>
      HASHES.sha256(Buffer.concat([layer[2 * i] ?? new Uint8Array(32), layer[2 * i + 1] ?? new Uint8Array(32)])),
    ),
  );
}
