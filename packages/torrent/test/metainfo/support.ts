import { createHash } from 'node:crypto';
import {
  bencode,
  BLOCK,
  buildTorrent,
  leavesOf,
  merkleRoot,
  planTorrent,
  powerOfTwo,
  type Hashes,
  type SourceFile,
  type TorrentOptions,
  type TorrentPlan,
} from '@kith/torrent';

export const hashes: Hashes = {
  sha1: (data) => new Uint8Array(createHash('sha1').update(data).digest()),
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
};

/** Bytes that differ from block to block and from seed to seed. */
export function content(length: number, seed = 1): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

/** A v1 torrent with these fields in its info dictionary and pieces of the right number. */
export function v1(info: Record<string, bencode.Encodable | undefined>, pieces = 1): Uint8Array {
  return bencode.encode({
    info: { name: 'folder', 'piece length': 16_384, pieces: new Uint8Array(20 * pieces), ...info },
  });
}

/** A v1 torrent of files of one byte with these paths; strings are text, arrays of numbers raw bytes. */
export function v1Paths(paths: readonly (readonly (string | readonly number[])[])[], name = 'folder'): Uint8Array {
  const files = paths.map((path) => ({
    length: 1,
    path: path.map((component) => (typeof component === 'string' ? component : Uint8Array.from(component))),
  }));
  return v1({ name, files });
}

export interface Made {
  readonly torrent: Uint8Array;
  readonly plan: TorrentPlan;
  /** The stream of pieces as v1 has it; for v2 with the gaps between files as zeros. */
  readonly stream: Uint8Array;
}

/** A torrent of these files, hashed in memory. */
export function made(
  version: TorrentPlan['version'],
  sources: readonly (SourceFile & { readonly bytes: Uint8Array })[],
  options: TorrentOptions & { readonly pieceLength?: number; readonly single?: boolean } = {},
): Made {
  const { pieceLength = 32_768, single = false, ...rest } = options;
  const plan = planTorrent(sources, { version, name: 'made', single, pieceLength });
  const { geometry } = plan;
  const stream = new Uint8Array(geometry.length);
  for (const file of plan.files) {
    if (file.from !== undefined) stream.set(sources[file.from]?.bytes ?? [], file.offset);
  }
  const pieces = new Uint8Array(version === 'v2' ? 0 : 20 * geometry.pieceCount);
  const roots = new Uint8Array(version === 'v1' ? 0 : 32 * geometry.pieceCount);
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const at = piece * pieceLength;
    if (version !== 'v2') pieces.set(hashes.sha1(stream.subarray(at, at + geometry.pieceSize(piece))), 20 * piece);
    const file = plan.files.findLast(({ offset, length, padding }) => !padding && length > 0 && offset <= at);
    if (version === 'v1' || file === undefined) continue;
    const leaves = leavesOf(stream.subarray(at, Math.min(at + pieceLength, file.offset + file.length)), hashes);
    const width = powerOfTwo(Math.ceil(Math.min(file.length, pieceLength) / BLOCK));
    roots.set(merkleRoot(leaves, 0, width, hashes), 32 * piece);
  }
  return { torrent: buildTorrent(plan, { pieces, roots }, hashes, rest), plan, stream };
}

/** The info dictionary of a torrent and what stands beside it, to be changed and put together again. */
export function parts(torrent: Uint8Array): {
  root: Map<string, bencode.Encodable>;
  info: Map<string, bencode.Encodable>;
} {
  const value = bencode.decode(torrent);
  if (!(value instanceof bencode.BencodedDict)) throw new TypeError('no torrent');
  const info = bencode.dict(value, 'info');
  return { root: new Map(value.entries()), info: new Map(info?.entries()) };
}

/** {@link parts} with changes, as torrent. Undefined takes a key out. */
export function changed(
  torrent: Uint8Array,
  inInfo: Record<string, bencode.Encodable | undefined>,
  inRoot: Record<string, bencode.Encodable | undefined> = {},
): Uint8Array {
  const { root, info } = parts(torrent);
  for (const [target, changes] of [[info, inInfo] as const, [root, inRoot] as const]) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) target.delete(key);
      else target.set(key, value);
    }
  }
  return bencode.encode(new Map<string, bencode.Encodable>([...root, ['info', info]]));
}
