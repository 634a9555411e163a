/**
 * A set of keyed versions with a fingerprint for every key prefix, so that two nodes find what differs between their
 * sets in a few small messages. A node of the trie with at most {@link LEAF} entries hashes the entries in key order,
 * a larger one hashes the fingerprints of its 16 children: the fingerprints depend on the set alone, not on its history.
 */
import { fromHex, toHex } from '@kith/core';

const LEAF = 16;

/** 8 bytes of SHA-256, as 16 hexadecimal digits; all zero for an empty set. */
export type Fingerprint = string;

export const EMPTY_FINGERPRINT: Fingerprint = '0'.repeat(16);

interface TrieNode {
  count: number;
  /** Either children by nibble or entries, never both. */
  children: (TrieNode | undefined)[] | null;
  entries: Map<string, number>;
  fingerprint: Fingerprint | null;
}

export class MerkleTrie {
  readonly #sha256: (data: Uint8Array) => Uint8Array;
  readonly #keyDigits: number;
  readonly #root: TrieNode = emptyNode();

  /** @param keyBytes length of every key in bytes; keys are hexadecimal text of twice that */
  constructor(sha256: (data: Uint8Array) => Uint8Array, keyBytes: number) {
    this.#sha256 = sha256;
    this.#keyDigits = keyBytes * 2;
  }

  get size(): number {
    return this.#root.count;
  }

  /** @param version integer below 2^48 @throws RangeError for another one, or for a key of another length */
  set(key: string, version: number): void {
    if (key.length !== this.#keyDigits) throw new RangeError(`key ${key} does not have ${this.#keyDigits} digits`);
    if (!Number.isInteger(version) || version < 0 || version >= 2 ** 48)
      throw new RangeError(`version ${version} is no integer of 48 bits`);
    const known = this.get(key);
    if (known === version) return;
    const grows = known === undefined;
    let node = this.#root;
    for (let depth = 0; ; depth++) {
      node.fingerprint = null;
      if (grows) node.count++;
      if (node.children === null) break;
      node = childOf(node.children, key, depth);
    }
    node.entries.set(key, version);
    if (node.count > LEAF) split(node, this.#depthOf(key, node));
  }

  delete(key: string): void {
    if (this.get(key) === undefined) return;
    let node = this.#root;
    let shallowest: TrieNode | null = null;
    for (let depth = 0; ; depth++) {
      node.fingerprint = null;
      node.count--;
      if (node.children === null) break;
      if (node.count <= LEAF && shallowest === null) shallowest = node;
      node = childOf(node.children, key, depth);
    }
    node.entries.delete(key);
    if (shallowest !== null) {
      const entries = new Map(collect(shallowest));
      shallowest.children = null;
      shallowest.entries = entries;
    }
  }

  get(key: string): number | undefined {
    let node = this.#root;
    for (let depth = 0; node.children !== null; depth++) {
      const child = node.children[digit(key, depth)];
      if (child === undefined) return undefined;
      node = child;
    }
    return node.entries.get(key);
  }

  /** How many keys begin with `prefix` (hexadecimal digits). */
  count(prefix: string): number {
    const found = this.#find(prefix);
    return found.exact ? found.node.count : this.entries(prefix).length;
  }

  fingerprint(prefix = ''): Fingerprint {
    const found = this.#find(prefix);
    if (found.exact) return this.#fingerprintOf(found.node);
    return this.#hashEntries(this.entries(prefix));
  }

  /** Entries under `prefix` in key order. */
  entries(prefix = ''): (readonly [string, number])[] {
    const { node } = this.#find(prefix);
    return collect(node)
      .filter(([key]) => key.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  /** `exact`: the node stands for just this prefix; else it is a leaf that holds it among others. */
  #find(prefix: string): { node: TrieNode; exact: boolean } {
    let node = this.#root;
    for (let depth = 0; depth < prefix.length; depth++) {
      if (node.children === null) return { node, exact: false };
      node = node.children[digit(prefix, depth)] ?? emptyNode();
    }
    return { node, exact: true };
  }

  #depthOf(key: string, target: TrieNode): number {
    let depth = 0;
    let node = this.#root;
    while (node !== target && node.children !== null) node = childOf(node.children, key, depth++);
    return depth;
  }

  #fingerprintOf(node: TrieNode): Fingerprint {
    if (node.fingerprint !== null) return node.fingerprint;
    if (node.children === null) {
      node.fingerprint = this.#hashEntries(collect(node).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    } else {
      const parts = node.children.map((child) =>
        child === undefined ? EMPTY_FINGERPRINT : this.#fingerprintOf(child),
      );
      node.fingerprint = this.#digest(fromHex(parts.join('')));
    }
    return node.fingerprint;
  }

  #hashEntries(entries: readonly (readonly [string, number])[]): Fingerprint {
    if (entries.length === 0) return EMPTY_FINGERPRINT;
    return this.#digest(
      fromHex(entries.map(([key, version]) => key + version.toString(16).padStart(12, '0')).join('')),
    );
  }

  #digest(bytes: Uint8Array): Fingerprint {
    return toHex(this.#sha256(bytes).subarray(0, 8));
  }
}

function emptyNode(): TrieNode {
  return { count: 0, children: null, entries: new Map(), fingerprint: EMPTY_FINGERPRINT };
}

function digit(key: string, depth: number): number {
  return Number.parseInt(key[depth] as string, 16);
}

function childOf(children: (TrieNode | undefined)[], key: string, depth: number): TrieNode {
  const at = digit(key, depth);
  return (children[at] ??= emptyNode());
}

function split(node: TrieNode, depth: number): void {
  const children: (TrieNode | undefined)[] = Array.from({ length: 16 }, () => undefined);
  for (const [key, version] of node.entries) {
    const child = childOf(children, key, depth);
    child.entries.set(key, version);
    child.count++;
    child.fingerprint = null;
  }
  node.children = children;
  node.entries = new Map();
  for (const child of children) if (child !== undefined && child.count > LEAF) split(child, depth + 1);
}

function collect(node: TrieNode): (readonly [string, number])[] {
  if (node.children === null) return [...node.entries];
  return node.children.flatMap((child) => (child === undefined ? [] : collect(child)));
}
