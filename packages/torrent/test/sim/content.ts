import assert from 'node:assert/strict';
import {
  Bits,
  MemoryStore,
  parseTorrent,
  pieceCheck,
  type AddOptions,
  type Metainfo,
  type PieceStore,
  type Torrent,
} from '@kith/torrent';
import { content, hashes, made } from '../metainfo/support.ts';
import type { SimNode } from './network.ts';

export interface Content {
  readonly metainfo: Metainfo;
  /** The stream of pieces. */
  readonly stream: Uint8Array;
}

/** A torrent of so many bytes in one file, or in files of these lengths. */
export function makeContent(
  lengths: number | readonly number[],
  pieceLength: number,
  options: { readonly version?: Metainfo['version']; readonly private?: boolean } = {},
): Content {
  const files = typeof lengths === 'number' ? [lengths] : lengths;
  const sources = files.map((length, i) => ({ path: [`file-${i}`], length, bytes: content(length, i + 1) }));
  const single = files.length === 1;
  const isPrivate = options.private === true;
  const { torrent, stream } = made(options.version ?? 'v1', sources, { pieceLength, single, private: isPrivate });
  return { metainfo: parseTorrent(torrent, hashes), stream };
}

/** A store that has everything. */
export async function fullStore({ metainfo, stream }: Content): Promise<MemoryStore> {
  const store = new MemoryStore(metainfo, hashes);
  for (let piece = 0; piece < metainfo.pieceCount; piece++) {
    const buffer = store.acquire(piece);
    const check = pieceCheck(metainfo, piece);
    assert.ok(buffer !== undefined && check !== undefined);
    const begin = piece * metainfo.pieceLength;
    buffer.bytes.set(stream.subarray(begin, begin + buffer.bytes.length));
    assert.ok((await store.commit(buffer, check, false)).ok);
  }
  return store;
}

export async function addSeed(
  node: SimNode,
  what: Content,
  options: AddOptions & { store?: PieceStore } = {},
): Promise<Torrent> {
  const store = options.store ?? (await fullStore(what));
  const have = Bits.full(what.metainfo.pieceCount);
  return node.session.add({ metainfo: what.metainfo, have, ...options, store }, node.network.now);
}

export function addLeech(node: SimNode, what: Content, options: AddOptions = {}): Torrent {
  const store = options.store ?? new MemoryStore(what.metainfo, hashes);
  return node.session.add({ metainfo: what.metainfo, ...options, store }, node.network.now);
}

/** Everybody hears of everybody. */
export function introduce(torrents: readonly (readonly [SimNode, Torrent])[]): void {
  for (const [node, torrent] of torrents) {
    const others = torrents.filter(([other]) => other !== node).map(([other]) => other.address);
    node.session.addPeers(torrent, others, 'tracker', node.network.now);
  }
}

export function introduceTo(node: SimNode, torrent: Torrent, others: readonly SimNode[]): void {
  const addresses = others.map((other) => other.address);
  node.session.addPeers(torrent, addresses, 'tracker', node.network.now);
}

/** What the torrent's store holds is the content. */
export async function assertContent(torrent: Torrent, { metainfo, stream }: Content): Promise<void> {
  assert.ok(torrent.have.complete, `${torrent.have.count} of ${metainfo.pieceCount} pieces`);
  for (let piece = 0; piece < metainfo.pieceCount; piece++) {
    const size = metainfo.pieceSize(piece);
    const begin = piece * metainfo.pieceLength;
    const bytes = await torrent.store?.read(piece, 0, size);
    assert.deepEqual(bytes, stream.subarray(begin, begin + size), `piece ${piece}`);
  }
}
