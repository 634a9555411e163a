import { toHex } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import { HashTree } from '../metainfo/hash-tree.ts';
import type { Metainfo } from '../metainfo/metainfo.ts';
import type { HashRange } from '../wire/handler.ts';
import type { PeerNumber } from './partial.ts';

/** Ranges asked of one peer at a time. */
const AHEAD = 8;
const TIMEOUT = 15_000;

export interface HashSource {
  readonly number: PeerNumber;
  sendHashRequest(range: HashRange): void;
}

interface Waiting {
  readonly tree: HashTree;
  readonly range: HashRange;
  asked: PeerNumber;
  askedAt: number;
  /** Who rejected it. */
  readonly refused: Set<PeerNumber>;
}

/**
 * Piece layers of a v2 torrent (BEP 52): fetched from peers where a magnet link did not bring them, proved against the
 * files' roots, and served to peers.
 */
export class HashFetch {
  /** Hex of a file's root → its piece layer, filled as it comes. */
  readonly layers: Map<string, Uint8Array>;
  readonly #trees = new Map<string, { readonly tree: HashTree; readonly firstPiece: number }>();
  readonly #waiting = new Map<string, Waiting>();

  constructor(torrent: Metainfo, hashes: Hashes) {
    this.layers = new Map(torrent.pieceLayers);
    for (const file of torrent.files) {
      if (file.piecesRoot === undefined || file.length === 0) continue;
      const root = toHex(file.piecesRoot);
      const layer = this.layers.get(root);
      const options = { root: file.piecesRoot, length: file.length, pieceLength: torrent.pieceLength };
      const tree = new HashTree(layer === undefined ? options : { ...options, layer }, hashes);
      this.#trees.set(root, { tree, firstPiece: file.offset / torrent.pieceLength });
      for (const range of tree.missing()) {
        this.#waiting.set(keyOf(range), { tree, range, asked: 0, askedAt: 0, refused: new Set() });
      }
    }
  }

  /** All hashes of pieces are known. */
  get complete(): boolean {
    return this.#waiting.size === 0;
  }

  /** Pieces whose hash only peers can tell. */
  *unknownPieces(): Iterable<number> {
    for (const { tree, firstPiece } of this.#trees.values()) {
      if (tree.complete) continue;
      for (let i = 0; i < tree.pieces; i++) yield firstPiece + i;
    }
  }

  /** Asks a peer that speaks v2. */
  fill(source: HashSource, now: number): void {
    if (this.complete) return;
    let ahead = 0;
    for (const waiting of this.#waiting.values()) if (waiting.asked === source.number) ahead++;
    for (const waiting of this.#waiting.values()) {
      if (ahead >= AHEAD) return;
      if (waiting.asked !== 0 && now - waiting.askedAt < TIMEOUT) continue;
      if (waiting.refused.has(source.number)) continue;
      if (waiting.asked === source.number) waiting.refused.add(source.number);
      waiting.asked = source.number;
      waiting.askedAt = now;
      source.sendHashRequest(waiting.range);
      ahead++;
    }
  }

  /** @returns the pieces of the file whose hashes are all known now, if any; undefined where the peer's proof is false */
  received(range: HashRange, hashes: Uint8Array): number[] | undefined {
    const key = keyOf(range);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    if (!waiting.tree.add(range, hashes)) return undefined;
    this.#waiting.delete(key);
    const root = toHex(range.piecesRoot);
    const layer = waiting.tree.pieceLayer();
    if (layer === undefined) return [];
    this.layers.set(root, layer);
    const first = this.#trees.get(root)?.firstPiece ?? 0;
    return Array.from({ length: waiting.tree.pieces }, (_, i) => first + i);
  }

  rejected(number: PeerNumber, range: HashRange): void {
    const waiting = this.#waiting.get(keyOf(range));
    if (waiting === undefined || waiting.asked !== number) return;
    waiting.refused.add(number);
    waiting.asked = 0;
  }

  release(number: PeerNumber): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.asked === number) waiting.asked = 0;
      waiting.refused.delete(number);
    }
  }

  /** The hashes a peer asks for, or undefined to reject. Leaves are not kept and not served. */
  serve(range: HashRange): Uint8Array | undefined {
    return this.#trees.get(toHex(range.piecesRoot))?.tree.serve(range);
  }
}

function keyOf(range: HashRange): string {
  return `${toHex(range.piecesRoot)}:${range.baseLayer}:${range.index}:${range.length}:${range.proofLayers}`;
}
