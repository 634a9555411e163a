import { equalBytes } from '@kith/core';
import { BLOCK, type Hashes } from '../hashes.ts';
import type { HashRange } from '../wire/handler.ts';
import { climb, layerAbove, merkleRoot, NODE, padding, parent, powerOfTwo } from './merkle.ts';

/** Hashes that one request asks for: BEP 52 allows no more, but for the leaves of one piece. */
const CHUNK = 512;

/** One layer from the pieces upwards, as far as it is known. */
interface Layer {
  /** 32 bytes for each node that is no padding. */
  readonly nodes: Uint8Array;
  readonly known: Uint8Array;
  readonly padding: Uint8Array;
}

export interface HashTreeOptions {
  readonly root: Uint8Array;
  /** Bytes of the file, at least 1. */
  readonly length: number;
  readonly pieceLength: number;
  /** The whole piece layer, proved before; from a torrent file it is. */
  readonly layer?: Uint8Array;
}

/**
 * The hashes of one file of a v2 torrent: what is known of its piece layer, taken from a torrent file or from peers, who
 * have to prove what they say against the root. It answers other peers from what it knows. Hashes below the pieces are
 * not kept: who has a piece can make them.
 */
export class HashTree {
  readonly root: Uint8Array;
  /** Pieces that the file has. */
  readonly pieces: number;
  /** Leaves below the root of a piece, a power of two: fewer than fit into a piece where the file is shorter than one. */
  readonly leavesPerPiece: number;
  readonly #hashes: Hashes;
  readonly #leaves: number;
  /** Layers above the leaves: the root is the node of this one. */
  readonly #height: number;
  /** The layer whose nodes cover a piece each. */
  readonly #pieceLayer: number;
  /** A layer that was given whole: the ones above are made of it when somebody asks. */
  readonly #given: Uint8Array | undefined;
  /** From the piece layer to the one below the root. */
  #layers: readonly Layer[] | undefined;
  #unknown: number;

  constructor(options: HashTreeOptions, hashes: Hashes) {
    this.root = options.root;
    this.#hashes = hashes;
    this.#leaves = Math.ceil(options.length / BLOCK);
    const width = powerOfTwo(this.#leaves);
    this.#height = Math.log2(width);
    this.pieces = Math.ceil(options.length / options.pieceLength);
    this.leavesPerPiece = Math.min(width, options.pieceLength / BLOCK);
    this.#pieceLayer = Math.log2(this.leavesPerPiece);
    this.#given = this.pieces === 1 ? options.root : options.layer;
    this.#unknown = this.#given === undefined ? this.pieces : 0;
  }

  /** All roots of pieces are known. */
  get complete(): boolean {
    return this.#unknown === 0;
  }

  /** Root of the tree below one piece of this file, counted from 0; undefined while it is unknown. */
  pieceRoot(piece: number): Uint8Array | undefined {
    if (piece < 0 || piece >= this.pieces) return undefined;
    if (this.#given !== undefined) return this.#given.subarray(piece * NODE, (piece + 1) * NODE);
    return this.#node(this.#pieceLayer, piece);
  }

  /** The whole piece layer, undefined while a part is unknown. */
  pieceLayer(): Uint8Array | undefined {
    return this.#given ?? (this.complete ? this.#layers?.[0]?.nodes : undefined);
  }

  /** What to ask peers for until all roots of pieces are known, each range with the proof up to the root. */
  missing(): HashRange[] {
    const ranges: HashRange[] = [];
    for (let index = 0; index < this.pieces && !this.complete; index += CHUNK) {
      const count = Math.min(CHUNK, this.pieces - index);
      if (this.#allKnown(index, count)) continue;
      const length = Math.max(2, powerOfTwo(count));
      ranges.push(this.#range(this.#pieceLayer, index, length));
    }
    return ranges;
  }

  /** Asks for all leaves of a piece with the proof up to the root; undefined where the root of the piece is the leaf. */
  leavesRange(piece: number): HashRange | undefined {
    if (this.leavesPerPiece === 1) return undefined;
    return this.#range(0, piece * this.leavesPerPiece, this.leavesPerPiece);
  }

  /** Whether a peer's `hashes` for `range` (the nodes, then their uncles) fit what is known of this tree. */
  verify(range: HashRange, hashes: Uint8Array): boolean {
    return this.#prove(range, hashes) !== undefined;
  }

  /** {@link verify}, and keeps what a true answer tells of the piece layer. */
  add(range: HashRange, hashes: Uint8Array): boolean {
    const proof = this.#prove(range, hashes);
    if (proof === undefined) return false;
    if (!this.complete && range.baseLayer === this.#pieceLayer) this.#learn(range, hashes, proof);
    return true;
  }

  /**
   * Answers a peer's request: the nodes and their uncles, or undefined to reject it.
   * @param leaves where the range is of leaves: the leaves of the piece that {@link pieceOfLeaves} names, 32 bytes each
   */
  serve(range: HashRange, leaves?: Uint8Array): Uint8Array | undefined {
    const shape = this.#shape(range);
    if (shape === undefined) return undefined;
    if (range.baseLayer >= this.#pieceLayer) {
      return this.#collect(range, shape, (layer, index) => this.#node(layer, index));
    }
    if (leaves === undefined || this.pieceOfLeaves(range) === undefined) return undefined;
    const below = this.#layersBelow(leaves);
    const first = Math.floor(range.index / this.leavesPerPiece);
    return this.#collect(range, shape, (layer, index) => {
      if (layer >= this.#pieceLayer) return this.#node(layer, index);
      const at = (index - first * (this.leavesPerPiece >> layer)) * NODE;
      const nodes = below[layer] as Layer;
      return at >= nodes.nodes.length ? nodes.padding : nodes.nodes.subarray(at, at + NODE);
    });
  }

  /** Which piece's leaves it takes to answer a request for leaves; undefined where the request asks for something else. */
  pieceOfLeaves(range: HashRange): number | undefined {
    const shape = this.#shape(range);
    if (shape === undefined || range.baseLayer !== 0 || shape.width > this.leavesPerPiece) return undefined;
    const piece = Math.floor(range.index / this.leavesPerPiece);
    return piece < this.pieces ? piece : undefined;
  }

  #range(baseLayer: number, index: number, length: number): HashRange {
    return { piecesRoot: this.root, baseLayer, index, length, proofLayers: this.#height - baseLayer - 1 };
  }

  /**
   * How the answer to a range looks, undefined where this tree has no such range. The first layers of a proof are left
   * out, because they can be made of the nodes (BEP 52, "hashes"). A length may be cut short by the end of the layer.
   */
  #shape(range: HashRange): { width: number; uncles: number } | undefined {
    const { baseLayer, index, length, proofLayers } = range;
    if (baseLayer < 0 || baseLayer >= this.#height || proofLayers < 0 || proofLayers >= this.#height - baseLayer) {
      return undefined;
    }
    const most = baseLayer === 0 ? Math.max(CHUNK, this.leavesPerPiece) : CHUNK;
    if (length < 1 || length > most) return undefined;
    const count = Math.ceil(this.#leaves / 2 ** baseLayer);
    const width = Math.max(2, powerOfTwo(length));
    if (index < 0 || index % width !== 0 || index + width > 2 ** (this.#height - baseLayer)) {
      return undefined;
    }
    if (length !== width && index + length !== count) return undefined;
    return { width, uncles: Math.max(0, proofLayers - Math.log2(width) + 1) };
  }

  #prove(range: HashRange, hashes: Uint8Array): { width: number; uncles: number } | undefined {
    const shape = this.#shape(range);
    if (shape === undefined || hashes.length !== (range.length + shape.uncles) * NODE) return undefined;
    const nodes = hashes.subarray(0, range.length * NODE);
    const subtree = merkleRoot(nodes, range.baseLayer, shape.width, this.#hashes);
    const index = range.index / shape.width;
    const top = climb(subtree, index, hashes.subarray(nodes.length), this.#hashes);
    const layer = range.baseLayer + Math.log2(shape.width) + shape.uncles;
    const expected = this.#node(layer, Math.floor(index / 2 ** shape.uncles));
    return expected !== undefined && equalBytes(top, expected) ? shape : undefined;
  }

  /** A node of the piece layer or above, padding too; undefined while it is unknown. */
  #node(layer: number, index: number): Uint8Array | undefined {
    if (layer === this.#height) return this.root;
    if (layer < this.#pieceLayer) return undefined;
    this.#layers ??= this.#makeLayers();
    const { nodes, known, padding: pad } = this.#layers[layer - this.#pieceLayer] as Layer;
    const at = index * NODE;
    if (at >= nodes.length) return pad;
    return known[index] === 1 ? nodes.subarray(at, at + NODE) : undefined;
  }

  #makeLayers(): Layer[] {
    const layers: Layer[] = [];
    let pad = padding(this.#pieceLayer, this.#hashes);
    let nodes = this.#given;
    for (let layer = this.#pieceLayer; layer < this.#height; layer++) {
      const count = Math.ceil(this.#leaves / 2 ** layer);
      layers.push({
        nodes: nodes ?? new Uint8Array(count * NODE),
        known: new Uint8Array(count).fill(this.#given === undefined ? 0 : 1),
        padding: pad,
      });
      if (nodes !== undefined) nodes = layerAbove(nodes, pad, this.#hashes);
      pad = parent(pad, pad, this.#hashes);
    }
    return layers;
  }

  /** Keeps nodes that were proved, all that can be made of them, and their uncles. */
  #learn(range: HashRange, hashes: Uint8Array, shape: { width: number; uncles: number }): void {
    this.#layers ??= this.#makeLayers();
    let nodes = hashes.subarray(0, range.length * NODE);
    let index = range.index;
    let layer = range.baseLayer;
    for (let width = shape.width; width > 1; width /= 2, layer++, index /= 2) {
      this.#keep(layer, index, nodes);
      nodes = layerAbove(nodes, (this.#layers[layer - this.#pieceLayer] as Layer).padding, this.#hashes);
    }
    for (let i = range.length * NODE; i < hashes.length; i += NODE, layer++, index = Math.floor(index / 2)) {
      this.#keep(layer, index, nodes);
      const uncle = hashes.subarray(i, i + NODE);
      this.#keep(layer, index % 2 === 1 ? index - 1 : index + 1, uncle);
      nodes = climb(nodes, index, uncle, this.#hashes);
    }
  }

  #keep(layer: number, index: number, nodes: Uint8Array): void {
    const target = this.#layers?.[layer - this.#pieceLayer];
    if (target === undefined) return;
    const end = Math.min(index + nodes.length / NODE, target.known.length);
    for (let i = index; i < end; i++) {
      if (target.known[i] === 1) continue;
      target.known[i] = 1;
      target.nodes.set(nodes.subarray((i - index) * NODE, (i - index + 1) * NODE), i * NODE);
      if (layer === this.#pieceLayer) this.#unknown--;
    }
  }

  #allKnown(index: number, count: number): boolean {
    const known = this.#layers?.[0]?.known;
    return known !== undefined && known.subarray(index, index + count).every((bit) => bit === 1);
  }

  /** Layers of the tree below one piece, from its leaves up to below its root. */
  #layersBelow(leaves: Uint8Array): Layer[] {
    const layers: Layer[] = [];
    let nodes = leaves;
    let pad: Uint8Array = new Uint8Array(NODE);
    for (let layer = 0; layer < this.#pieceLayer; layer++) {
      layers.push({ nodes, known: new Uint8Array(0), padding: pad });
      nodes = layerAbove(nodes, pad, this.#hashes);
      pad = parent(pad, pad, this.#hashes);
    }
    return layers;
  }

  #collect(
    range: HashRange,
    shape: { width: number; uncles: number },
    node: (layer: number, index: number) => Uint8Array | undefined,
  ): Uint8Array | undefined {
    const out = new Uint8Array((range.length + shape.uncles) * NODE);
    for (let i = 0; i < range.length; i++) {
      const hash = node(range.baseLayer, range.index + i);
      if (hash === undefined) return undefined;
      out.set(hash, i * NODE);
    }
    let layer = range.baseLayer + Math.log2(shape.width);
    let index = range.index / shape.width;
    for (let i = 0; i < shape.uncles; i++, layer++, index = Math.floor(index / 2)) {
      const uncle = node(layer, index % 2 === 1 ? index - 1 : index + 1);
      if (uncle === undefined) return undefined;
      out.set(uncle, (range.length + i) * NODE);
    }
    return out;
  }
}
