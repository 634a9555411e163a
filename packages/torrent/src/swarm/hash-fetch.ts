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
  /** Who rejected it, or did not answer. */
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
  /** Those that nobody is asked for. A torrent may have a hundred thousand: none is looked at without need. */
  #free: Waiting[] = [];
  /** Those under way: a few per peer. */
  readonly #asked = new Set<Waiting>();

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
        const waiting = { tree, range, asked: 0, askedAt: 0, refused: new Set<PeerNumber>() };
        this.#waiting.set(keyOf(range), waiting);
        this.#free.push(waiting);
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
    for (const waiting of this.#asked) {
      if (now - waiting.askedAt >= TIMEOUT) {
        waiting.refused.add(waiting.asked);
        this.#setFree(waiting);
      } else if (waiting.asked === source.number) {
        ahead++;
      }
    }
    const refused: Waiting[] = [];
    while (ahead < AHEAD && refused.length < AHEAD) {
      const waiting = this.#free.pop();
      if (waiting === undefined) break;
      if (waiting.refused.has(source.number)) {
        refused.push(waiting);
        continue;
      }
      waiting.asked = source.number;
      waiting.askedAt = now;
      this.#asked.add(waiting);
      source.sendHashRequest(waiting.range);
      ahead++;
    }
    // To the other end, so that the next look finds others.
    if (refused.length > 0) this.#free = [...refused, ...this.#free];
  }

  /** @returns the pieces of the file whose hashes are all known now, if any; undefined where the peer's proof is false */
  received(range: HashRange, hashes: Uint8Array): number[] | undefined {
    const key = keyOf(range);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    if (!waiting.tree.add(range, hashes)) return undefined;
    this.#waiting.delete(key);
    if (!this.#asked.delete(waiting)) this.#free = this.#free.filter((other) => other !== waiting);
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
    this.#setFree(waiting);
  }

  release(number: PeerNumber): void {
    for (const waiting of this.#asked) if (waiting.asked === number) this.#setFree(waiting);
  }

  /** The hashes a peer asks for, or undefined to reject. Leaves are not kept and not served. */
  serve(range: HashRange): Uint8Array | undefined {
    return this.#trees.get(toHex(range.piecesRoot))?.tree.serve(range);
  }

  #setFree(waiting: Waiting): void {
    waiting.asked = 0;
    this.#asked.delete(waiting);
    this.#free.push(waiting);
  }
}

function keyOf(range: HashRange): string {
  return `${toHex(range.piecesRoot)}:${range.baseLayer}:${range.index}:${range.length}:${range.proofLayers}`;
}
