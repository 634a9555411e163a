/**
 * The lists of files that an info dictionary has: the one of v1 (BEP 3), the tree of v2 (BEP 52), their attributes
 * (BEP 47), and whether the two of a hybrid torrent say the same.
 */
import { equalBytes } from '@kith/core';
import { BencodedDict, bytes, dict, fromBinaryString, int, isList, list, type Bencoded } from '../bencode.ts';
import { decodeUtf8 } from '../utf8.ts';
import { invalid, Refusal, refuseOver } from './refusal.ts';

/** A file as its torrent names it: nothing here is safe to create. */
export interface Entry {
  readonly components: readonly Uint8Array[];
  readonly length: number;
  readonly padding: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /** Components of a symbolic link's target, from the folder of the torrent on. */
  readonly symlink?: readonly Uint8Array[];
  readonly piecesRoot?: Uint8Array;
}

export interface EntryLimits {
  readonly files: number;
  /** Components of one path. */
  readonly components: number;
}

/** `single`: the torrent is one file, not a folder with one in it. */
export interface Entries {
  readonly single: boolean;
  readonly entries: readonly Entry[];
}

/** `name` is what a torrent of one file calls it. */
export function entriesV1(info: BencodedDict, name: Uint8Array, limits: EntryLimits): Entries {
  const files = list(info, 'files');
  if (files === undefined) {
    if (!info.has('length')) throw invalid('the info dictionary has neither "files" nor "length"');
    return { single: true, entries: [entryOf(info, [name])] };
  }
  if (info.has('length')) throw invalid('the info dictionary has both "files" and "length"');
  refuseOver(limits.files, files.length, 'files');
  return { single: false, entries: files.map((file, index) => entryV1(file, index, limits)) };
}

function entryV1(file: Bencoded, index: number, limits: EntryLimits): Entry {
  if (!(file instanceof BencodedDict)) throw invalid(`file ${index} is not described by a dictionary`);
  const components = strings(file, 'path.utf-8') ?? strings(file, 'path') ?? [];
  refuseOver(limits.components, components.length, `folders around file ${index}`);
  const entry = entryOf(file, components);
  if (components.length > 0 || entry.padding) return entry;
  throw invalid(`file ${index} has no path`);
}

/** @throws Refusal */
export function entriesV2(info: BencodedDict, limits: EntryLimits): Entries {
  const tree = dict(info, 'file tree');
  if (tree === undefined) throw invalid('the info dictionary is of version 2 and has no "file tree"');
  if (tree.has('')) throw invalid('the root of the file tree is a file');
  const entries: Entry[] = [];
  walk(tree, [], entries, limits);
  const only = entries.length === 1 ? entries[0] : undefined;
  return { single: only?.components.length === 1, entries };
}

function walk(tree: BencodedDict, above: readonly Uint8Array[], entries: Entry[], limits: EntryLimits): void {
  refuseOver(limits.components, above.length, 'folders inside each other');
  let last = '';
  for (const [key, value] of tree.entries()) {
    // The order of files is the order of keys, so another order would be another torrent to somebody else.
    if (key < last) throw invalid(`the file tree at byte ${tree.offset} is not in order`);
    last = key;
    if (!(value instanceof BencodedDict)) throw invalid(`the file tree at byte ${tree.offset} holds no dictionaries`);
    if (key !== '') {
      walk(value, [...above, fromBinaryString(key)], entries, limits);
      continue;
    }
    if (tree.size > 1) throw invalid(`the file tree at byte ${tree.offset} describes a file and a folder in one`);
    refuseOver(limits.files, entries.length + 1, 'files');
    entries.push(entryV2(value, above));
  }
}

function entryV2(leaf: BencodedDict, components: readonly Uint8Array[]): Entry {
  const entry = entryOf(leaf, components);
  if (entry.padding) throw invalid(`${shown(components)} is padding, which a file tree has no use for`);
  if (entry.length === 0) return entry;
  const piecesRoot = bytes(leaf, 'pieces root');
  if (piecesRoot?.length !== 32) throw invalid(`${shown(components)} has no "pieces root" of 32 bytes`);
  return { ...entry, piecesRoot };
}

function entryOf(from: BencodedDict, components: readonly Uint8Array[]): Entry {
  const attributes = from.get('attr');
  const attr = attributes instanceof Uint8Array ? decodeUtf8(attributes) : '';
  const executable = attr.includes('x');
  const hidden = attr.includes('h');
  if (attr.includes('l')) {
    const symlink = strings(from, 'symlink path') ?? [];
    return { components, length: 0, padding: false, executable, hidden, symlink };
  }
  const length = int(from, 'length');
  if (length === undefined || length < 0) throw invalid(`${shown(components)} has no valid "length"`);
  return { components, length, padding: attr.includes('p') || isOldPadding(components), executable, hidden };
}

/** BitComet marked padding by this name before there were attributes. */
function isOldPadding(components: readonly Uint8Array[]): boolean {
  const last = components.at(-1);
  return last !== undefined && last[0] === 0x5f && decodeUtf8(last).startsWith('_____padding_file_');
}

function strings(from: BencodedDict, key: string): readonly Uint8Array[] | undefined {
  const value = from.get(key);
  if (value === undefined || !isList(value)) return undefined;
  const out: Uint8Array[] = [];
  for (const item of value) {
    if (!(item instanceof Uint8Array)) throw invalid(`"${key}" at byte ${from.offset} is no list of strings`);
    out.push(item);
  }
  return out;
}

/**
 * The files of a hybrid torrent: those of v1, padding among them, with the roots of v2. Whoever serves one half must be
 * able to serve the other, so names, order, lengths and alignment have to be the same (BEP 52, "Upgrade Path").
 * @throws Refusal TORRENT_INCONSISTENT
 */
export function agreed(v1: Entries, v2: Entries, pieceLength: number): Entries {
  const entries: Entry[] = [];
  let offset = 0;
  let next = 0;
  for (const entry of v1.entries) {
    if (entry.padding) entries.push(entry);
    else {
      const other = v2.entries[next++];
      const difference = other === undefined ? 'is in v1 only' : differenceOf(entry, other);
      if (difference !== undefined) throw inconsistent(`${shown(entry.components)} ${difference}`);
      if (entry.length > 0 && offset % pieceLength !== 0) {
        throw inconsistent(`${shown(entry.components)} does not begin at a piece in v1`);
      }
      entries.push(other?.piecesRoot === undefined ? entry : { ...entry, piecesRoot: other.piecesRoot });
    }
    offset += entry.length;
  }
  const left = v2.entries[next];
  if (left !== undefined) throw inconsistent(`${shown(left.components)} is in v2 only`);
  return { single: v1.single, entries };
}

function differenceOf(a: Entry, b: Entry): string | undefined {
  const same = (x: readonly Uint8Array[], y: readonly Uint8Array[]): boolean =>
    x.length === y.length && x.every((component, i) => equalBytes(component, y[i] as Uint8Array));
  if (!same(a.components, b.components)) return `stands in v1 where v2 has ${shown(b.components)}`;
  if (a.length !== b.length) return `has ${a.length} bytes in v1 and ${b.length} in v2`;
  if (!same(a.symlink ?? [], b.symlink ?? [])) return 'links to something else in v2';
  return undefined;
}

function inconsistent(reason: string): Refusal {
  return new Refusal('TORRENT_INCONSISTENT', `the two halves of this hybrid torrent differ: ${reason}`);
}

/** For a message: printable and short. */
function shown(components: readonly Uint8Array[]): string {
  const text = components.map((component) => decodeUtf8(component.subarray(0, 80))).join('/');
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
