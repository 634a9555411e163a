/**
 * Trees of hashes over a file's blocks (BEP 52). Layer 0 are the leaves: the SHA-256 of each block of 16 KiB, the last
 * one as short as it is. A tree is as wide as the next power of two; leaves beyond the file's end are 32 zero bytes, and
 * nodes above nothing but such leaves are the padding of their layer. A layer is kept as one array of 32 bytes per node,
 * its padding left out.
 */
import { BLOCK, type Hashes } from '../hashes.ts';

/** Bytes of a node. */
export const NODE = 32;

export function powerOfTwo(least: number): number {
  let width = 1;
  while (width < least) width *= 2;
  return width;
}

/** Leaves for the blocks in `bytes`. */
export function leavesOf(bytes: Uint8Array, hashes: Hashes): Uint8Array {
  const leaves = new Uint8Array(Math.ceil(bytes.length / BLOCK) * NODE);
  for (let i = 0; i * BLOCK < bytes.length; i++) {
    leaves.set(hashes.sha256(bytes.subarray(i * BLOCK, (i + 1) * BLOCK)), i * NODE);
  }
  return leaves;
}

/** The padding of a layer: what a node is that has no bytes of the file below it. */
export function padding(layer: number, hashes: Hashes): Uint8Array {
  let pad: Uint8Array = new Uint8Array(NODE);
  for (let i = 0; i < layer; i++) pad = parent(pad, pad, hashes);
  return pad;
}

export function parent(left: Uint8Array, right: Uint8Array, hashes: Hashes): Uint8Array {
  const pair = new Uint8Array(2 * NODE);
  pair.set(left);
  pair.set(right, NODE);
  return hashes.sha256(pair);
}

/** The layer above `nodes`, whose padding is `pad`. */
export function layerAbove(nodes: Uint8Array, pad: Uint8Array, hashes: Hashes): Uint8Array {
  const count = nodes.length / NODE;
  const above = new Uint8Array(Math.ceil(count / 2) * NODE);
  for (let i = 0; i + 1 < count; i += 2) {
    above.set(hashes.sha256(nodes.subarray(i * NODE, (i + 2) * NODE)), (i / 2) * NODE);
  }
  if (count % 2 === 1) above.set(parent(nodes.subarray(-NODE), pad, hashes), above.length - NODE);
  return above;
}

/**
 * Root of a (sub)tree that has `nodes` at its bottom.
 * @param layer which layer of the whole tree the nodes are from: 0 for leaves
 * @param width how many nodes the bottom has with its padding, a power of two
 */
export function merkleRoot(nodes: Uint8Array, layer: number, width: number, hashes: Hashes): Uint8Array {
  let pad = padding(layer, hashes);
  let current = nodes;
  for (let left = width; left > 1; left /= 2) {
    current = layerAbove(current, pad, hashes);
    pad = parent(pad, pad, hashes);
  }
  return current.length === 0 ? pad : current;
}

/** Climbs from a node to its ancestor by the siblings on the way ("uncles"), 32 bytes each, the lowest first. */
export function climb(node: Uint8Array, index: number, uncles: Uint8Array, hashes: Hashes): Uint8Array {
  let current = node;
  let at = index;
  for (let i = 0; i < uncles.length; i += NODE, at = Math.floor(at / 2)) {
    const uncle = uncles.subarray(i, i + NODE);
    current = at % 2 === 1 ? parent(uncle, current, hashes) : parent(current, uncle, hashes);
  }
  return current;
}
