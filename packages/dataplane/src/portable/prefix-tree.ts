/**
 * Allowed prefixes of all peers of one address family: longest prefix match over a path-compressed binary tree, as in
 * cryptokey routing (WireGuard white paper, section 2). A lookup costs at most one step per prefix that nests.
 */

interface Node<Value> {
  readonly bits: Uint8Array;
  readonly length: number;
  value: Value | null;
  zero: Node<Value> | null;
  one: Node<Value> | null;
}

function bitAt(bytes: Uint8Array, at: number, index: number): number {
  return ((bytes[at + (index >> 3)] as number) >> (7 - (index & 7))) & 1;
}

/** How many leading bits of `bits` and of the address at `at` in `bytes` agree, at most `limit`. */
function commonBits(bits: Uint8Array, bytes: Uint8Array, at: number, limit: number): number {
  for (let i = 0; 8 * i < limit; i++) {
    const difference = (bits[i] as number) ^ (bytes[at + i] as number);
    if (difference !== 0) return Math.min(limit, 8 * i + Math.clz32(difference) - 24);
  }
  return limit;
}

function leaf<Value>(bits: Uint8Array, length: number, value: Value | null): Node<Value> {
  return { bits, length, value, zero: null, one: null };
}

function attach<Value>(parent: Node<Value>, child: Node<Value>): void {
  if (bitAt(child.bits, 0, parent.length) === 0) parent.zero = child;
  else parent.one = child;
}

function insert<Value>(node: Node<Value> | null, bits: Uint8Array, length: number, value: Value): Node<Value> {
  if (node === null) return leaf(bits, length, value);
  const common = commonBits(node.bits, bits, 0, Math.min(node.length, length));
  if (common === node.length) {
    if (length === node.length) node.value = value;
    else if (bitAt(bits, 0, node.length) === 0) node.zero = insert(node.zero, bits, length, value);
    else node.one = insert(node.one, bits, length, value);
    return node;
  }
  const parent = leaf<Value>(bits, common, common === length ? value : null);
  attach(parent, node);
  if (common < length) attach(parent, leaf(bits, length, value));
  return parent;
}

function remove<Value>(node: Node<Value> | null, bits: Uint8Array, length: number, value: Value): Node<Value> | null {
  if (node === null || node.length > length || commonBits(node.bits, bits, 0, node.length) < node.length) return node;
  if (node.length === length) {
    if (node.value === value) node.value = null;
  } else if (bitAt(bits, 0, node.length) === 0) node.zero = remove(node.zero, bits, length, value);
  else node.one = remove(node.one, bits, length, value);
  if (node.value !== null || (node.zero !== null && node.one !== null)) return node;
  return node.zero ?? node.one;
}

/** Prefixes of one family → value; `null` is no value. */
export class PrefixTree<Value> {
  #root: Node<Value> | null = null;
  readonly #width: number;

  /** @param width bits of an address: 32 or 128 */
  constructor(width: 32 | 128) {
    this.#width = width;
  }

  /** @param bits the prefix's address in full, host bits zero; kept, not copied */
  set(bits: Uint8Array, length: number, value: Value): void {
    this.#root = insert(this.#root, bits, length, value);
  }

  /** Removes the prefix if `value` is what it leads to. */
  delete(bits: Uint8Array, length: number, value: Value): void {
    this.#root = remove(this.#root, bits, length, value);
  }

  /** Value of the longest prefix that holds the address at `at` in `bytes`; null without one. */
  find(bytes: Uint8Array, at: number): Value | null {
    let best: Value | null = null;
    let node = this.#root;
    while (node !== null && commonBits(node.bits, bytes, at, node.length) === node.length) {
      if (node.value !== null) best = node.value;
      if (node.length === this.#width) break;
      node = bitAt(bytes, at, node.length) === 0 ? node.zero : node.one;
    }
    return best;
  }
}
