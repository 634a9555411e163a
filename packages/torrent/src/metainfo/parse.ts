/**
 * Torrent files and info dictionaries (BEP 3, 12, 19, 27, 47, 52) to {@link Metainfo}. What decides about content is
 * strict; optional fields that are malformed, a comment for example, count as absent.
 */
import { equalBytes, KithError, toHex } from '@kith/core';
import {
  BencodedDict,
  BencodeError,
  binaryString,
  bytes,
  decode,
  dict,
  int,
  isList,
  type Bencoded,
  type BencodeLimits,
} from '../bencode.ts';
import { BLOCK, type Hashes } from '../hashes.ts';
import { decodeUtf8 } from '../utf8.ts';
import { agreed, entriesV1, entriesV2, type Entries, type Entry } from './entries.ts';
import { cutAligned, cutStream } from './geometry.ts';
import { merkleRoot, NODE, powerOfTwo } from './merkle.ts';
import type { Metainfo, TorrentFile } from './metainfo.ts';
import { Places, safeComponent, type NameRules } from './paths.ts';
import { invalid, Refusal, refuseOver } from './refusal.ts';

export interface TorrentLimits {
  /** Bytes of a torrent file. Default 64 MiB. */
  readonly bytes?: number;
  /** Bytes of the info dictionary, which peers ask for by pieces of 16 KiB (BEP 9). Default 32 MiB. */
  readonly infoBytes?: number;
  /** Default 200,000, padding included. */
  readonly files?: number;
  /** Default 2,097,152: what tables per piece cost depends on it. */
  readonly pieces?: number;
  /** Bytes of a piece, which is held in memory while it arrives. Default 128 MiB. */
  readonly pieceLength?: number;
  /** Folders around a file, itself counted. Default 64. */
  readonly components?: number;
  /** Trackers in all tiers, and web seeds: those above are left out. Default 200 of each. */
  readonly urls?: number;
}

export interface ParseOptions {
  /** What messages call the torrent, for example the name of its file. */
  readonly source?: string;
  /** Default `portable`. */
  readonly names?: NameRules;
  readonly limits?: TorrentLimits;
}

/** What the limits are where nothing else is said; new torrents keep to them, so that others take them. */
export const TORRENT_LIMITS: Required<TorrentLimits> = {
  bytes: 64 << 20,
  infoBytes: 32 << 20,
  files: 200_000,
  pieces: 2_097_152,
  pieceLength: 128 << 20,
  components: 64,
  urls: 200,
};

/**
 * Parses a torrent file. Of a v2 or hybrid torrent the piece layers are proved against the roots of the files.
 * @throws KithError TORRENT_INVALID, TORRENT_UNSUPPORTED, TORRENT_LIMIT, TORRENT_INCONSISTENT
 */
export function parseTorrent(torrent: Uint8Array, hashes: Hashes, options: ParseOptions = {}): Metainfo {
  return explained(options, () => {
    const limits = { ...TORRENT_LIMITS, ...options.limits };
    const mistake = commonMistake(torrent);
    if (mistake !== undefined) throw invalid(`not a torrent: ${mistake}`);
    const root = decoded(torrent, limits.bytes, limits);
    const info = dict(root, 'info');
    if (info === undefined) throw invalid('not a torrent: there is no "info" dictionary in it');
    refuseOver(limits.infoBytes, info.raw.length, 'bytes of the info dictionary');
    const metainfo = parsedInfo(info, hashes, limits, options.names ?? 'portable');
    const comment = optionalText(root, 'comment.utf-8') ?? optionalText(root, 'comment');
    const createdBy = optionalText(root, 'created by');
    const created = root.get('creation date');
    return {
      ...metainfo,
      pieceLayers: provedLayers(root, metainfo, hashes),
      trackers: trackersOf(root, limits.urls),
      webSeeds: urls(root.get('url-list'), /^(?:https?|ftp):\/\//i, limits.urls),
      ...(comment === undefined ? {} : { comment }),
      ...(createdBy === undefined ? {} : { createdBy }),
      ...(typeof created === 'number' && created >= 0 ? { creationDate: created } : {}),
    };
  });
}

/**
 * Parses an info dictionary as peers send it (BEP 9). Its hash is the caller's to compare; piece layers, trackers and web
 * seeds are empty.
 * @throws KithError as {@link parseTorrent}
 */
export function parseInfo(infoBytes: Uint8Array, hashes: Hashes, options: ParseOptions = {}): Metainfo {
  return explained(options, () => {
    const limits = { ...TORRENT_LIMITS, ...options.limits };
    return parsedInfo(decoded(infoBytes, limits.infoBytes, limits), hashes, limits, options.names ?? 'portable');
  });
}

function explained(options: ParseOptions, parse: () => Metainfo): Metainfo {
  const source = options.source ?? 'torrent';
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof Refusal) throw new KithError(cause.code, `${source}: ${cause.message}`, { cause });
    if (!(cause instanceof BencodeError)) throw cause;
    throw new KithError('TORRENT_INVALID', `${source}: not a torrent: ${cause.message}`, { cause });
  }
}

/** What people take for a torrent file, told by how it begins. */
function commonMistake(content: Uint8Array): string | undefined {
  if (content.length === 0) return 'the file is empty';
  const start = binaryString(content.subarray(0, 64)).replace(/^\xef\xbb\xbf/, '');
  if (start.startsWith('\x1f\x8b')) return 'it is compressed with gzip: unpack it first';
  if (start.startsWith('PK\x03\x04')) return 'it is a zip archive: unpack it first';
  if (/^\s*magnet:/i.test(start)) return 'it holds a magnet link: give the link itself';
  if (/^\s*</.test(start)) return 'it is a web page: the site sent a page, maybe an error or a login, in its place';
  if (/^\s*https?:/i.test(start)) return 'it holds an address: download what is there';
  return undefined;
}

function decoded(content: Uint8Array, mostBytes: number, limits: Required<TorrentLimits>): BencodedDict {
  refuseOver(mostBytes, content.length, 'bytes');
  // A file of v1 has about six values; the depth is the one of a file tree inside its dictionaries.
  const bencode: BencodeLimits = { bytes: mostBytes, values: 8 * limits.files + 10_000, depth: limits.components + 8 };
  const value = decode(content, bencode);
  if (!(value instanceof BencodedDict)) throw new BencodeError(0, 'a dictionary', 'something else');
  return value;
}

function parsedInfo(info: BencodedDict, hashes: Hashes, limits: Required<TorrentLimits>, names: NameRules): Metainfo {
  const version = versionOf(info);
  const name = bytes(info, 'name.utf-8') ?? bytes(info, 'name');
  if (name === undefined) throw invalid('the info dictionary has no "name"');
  const pieceLength = pieceLengthOf(info, version, limits);
  const { single, entries } = entriesOf(info, version, name, pieceLength, limits);
  let total = 0;
  for (const entry of entries) total += entry.length;
  if (!Number.isSafeInteger(total)) throw new Refusal('TORRENT_LIMIT', 'the files have more than 2^53 bytes in all');
  const lengths = entries.map((entry) => entry.length);
  const { geometry, offsets } = version === 'v2' ? cutAligned(lengths, pieceLength) : cutStream(lengths, pieceLength);
  refuseOver(limits.pieces, geometry.pieceCount, 'pieces');
  const pieces = version === 'v2' ? new Uint8Array(0) : (bytes(info, 'pieces') ?? new Uint8Array(0));
  if (version !== 'v2' && pieces.length !== 20 * geometry.pieceCount) {
    throw invalid(`"pieces" has ${pieces.length} bytes where ${geometry.pieceCount} pieces need 20 each`);
  }
  const raw = info.raw;
  return {
    ...geometry,
    version,
    ...(version === 'v2' ? {} : { infoHash: hashes.sha1(raw) }),
    ...(version === 'v1' ? {} : { infoHashV2: hashes.sha256(raw) }),
    name: safeComponent(name, names),
    private: info.get('private') === 1,
    files: placed(entries, offsets, single ? undefined : name, names),
    pieces,
    pieceLayers: new Map(),
    trackers: [],
    webSeeds: [],
    info: raw,
  };
}

/** Looks at the version before anything else: a newer torrent must not be called broken (BEP 52). */
function versionOf(info: BencodedDict): Metainfo['version'] {
  const version = int(info, 'meta version');
  if (version !== undefined && version !== 2) {
    throw new Refusal('TORRENT_UNSUPPORTED', `it is of version ${version}; 1 and 2 are known here`);
  }
  if (version === undefined) {
    if (!info.has('pieces')) throw invalid('the info dictionary has no "pieces"');
    return 'v1';
  }
  return info.has('pieces') ? 'hybrid' : 'v2';
}

function pieceLengthOf(info: BencodedDict, version: Metainfo['version'], limits: Required<TorrentLimits>): number {
  const length = int(info, 'piece length');
  if (length === undefined || length < 1) throw invalid('the info dictionary has no valid "piece length"');
  refuseOver(limits.pieceLength, length, 'bytes of a piece');
  if (version !== 'v1' && (length < BLOCK || powerOfTwo(length) !== length)) {
    throw invalid(`"piece length" is ${length}, which is no power of two from ${BLOCK} on`);
  }
  return length;
}

function entriesOf(
  info: BencodedDict,
  version: Metainfo['version'],
  name: Uint8Array,
  pieceLength: number,
  limits: Required<TorrentLimits>,
): Entries {
  if (version === 'v1') return entriesV1(info, name, limits);
  const v2 = entriesV2(info, limits);
  return version === 'v2' ? v2 : agreed(entriesV1(info, name, limits), v2, pieceLength);
}

/** Gives every file its safe place. `folder` is the name of a torrent of several files. */
function placed(
  entries: readonly Entry[],
  offsets: readonly number[],
  folder: Uint8Array | undefined,
  names: NameRules,
): TorrentFile[] {
  const places = new Places(names);
  const root = folder === undefined ? [] : [safeComponent(folder, names)];
  const targets = entries.some((entry) => entry.symlink !== undefined)
    ? new Map<string, readonly string[]>()
    : undefined;
  const paths = entries.map((entry) => {
    if (entry.padding) return [...root, '.pad', String(entry.length)];
    const path = places.take([...root, ...entry.components.map((component) => safeComponent(component, names))]);
    for (let n = 1; targets !== undefined && n <= entry.components.length; n++) {
      targets.set(rawKey(entry.components.slice(0, n)), path.slice(0, root.length + n));
    }
    return path;
  });
  return entries.map((entry, i) => {
    const path = paths[i] ?? [];
    const original = entry.padding ? undefined : changedFrom(entry, folder, path);
    const target = entry.symlink === undefined ? undefined : (targets?.get(rawKey(entry.symlink)) ?? []);
    return {
      path,
      length: entry.length,
      offset: offsets[i] ?? 0,
      padding: entry.padding,
      executable: entry.executable,
      hidden: entry.hidden,
      ...(original === undefined ? {} : { original }),
      ...(entry.piecesRoot === undefined ? {} : { piecesRoot: entry.piecesRoot }),
      ...(target === undefined ? {} : { symlink: target.join('/') === path.join('/') ? [] : target }),
    };
  });
}

function rawKey(components: readonly Uint8Array[]): string {
  return components.map((component) => binaryString(component)).join('\0');
}

function changedFrom(entry: Entry, folder: Uint8Array | undefined, path: readonly string[]): string[] | undefined {
  const named = (folder === undefined ? entry.components : [folder, ...entry.components]).map(decodeUtf8);
  return named.length === path.length && named.every((component, i) => component === path[i]) ? undefined : named;
}

/** @throws Refusal where the layer of a file is missing or does not lead to its root */
function provedLayers(root: BencodedDict, metainfo: Metainfo, hashes: Hashes): ReadonlyMap<string, Uint8Array> {
  const proved = new Map<string, Uint8Array>();
  if (metainfo.version === 'v1') return proved;
  const layers = dict(root, 'piece layers');
  const baseLayer = Math.log2(metainfo.pieceLength / BLOCK);
  for (const { length, piecesRoot, path } of metainfo.files) {
    if (piecesRoot === undefined || length <= metainfo.pieceLength) continue;
    const file = JSON.stringify(path.join('/'));
    const layer = layers === undefined ? undefined : bytes(layers, binaryString(piecesRoot));
    if (layer === undefined) throw invalid(`"piece layers" has nothing for ${file}`);
    const count = Math.ceil(length / metainfo.pieceLength);
    if (layer.length !== count * NODE) {
      throw invalid(`"piece layers" has ${layer.length} bytes for ${file}, whose ${count} pieces need ${NODE} each`);
    }
    const key = toHex(piecesRoot);
    // Files with the same content share their layer; equal lengths were checked above.
    if (proved.has(key)) continue;
    if (!equalBytes(merkleRoot(layer, baseLayer, powerOfTwo(count), hashes), piecesRoot)) {
      throw new Refusal('TORRENT_INCONSISTENT', `the piece layer of ${file} does not lead to its root`);
    }
    proved.set(key, layer);
  }
  return proved;
}

function trackersOf(root: BencodedDict, most: number): readonly (readonly string[])[] {
  const scheme = /^(?:udp|https?|wss?):\/\//i;
  const tiers: string[][] = [];
  const seen = new Set<string>();
  const given = root.get('announce-list');
  for (const tier of given !== undefined && isList(given) ? given : []) {
    const trackers = urls(tier, scheme, most - seen.size).filter((url) => !seen.has(url));
    for (const url of trackers) seen.add(url);
    if (trackers.length > 0) tiers.push(trackers);
  }
  if (tiers.length > 0) return tiers;
  const only = urls(root.get('announce'), scheme, 1);
  return only.length === 0 ? [] : [only];
}

/** Addresses of a string or a list of strings, in order, each once; what is none is left out. */
function urls(value: Bencoded | undefined, scheme: RegExp, most: number): string[] {
  const found = new Set<string>();
  if (value === undefined) return [];
  for (const item of isList(value) ? value : [value]) {
    if (!(item instanceof Uint8Array) || item.length > 4096 || found.size >= most) continue;
    const url = decodeUtf8(item).trim();
    if (scheme.test(url)) found.add(url);
  }
  return [...found];
}

function optionalText(from: BencodedDict, key: string): string | undefined {
  const value = from.get(key);
  return value instanceof Uint8Array ? decodeUtf8(value) : undefined;
}
