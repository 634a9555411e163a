/**
 * Magnet links (BEP 9, BEP 52, BEP 53):
 *
 *     magnet:?xt=urn:btih:<SHA-1: 40 hex or 32 base32>     v1
 *             &xt=urn:btmh:1220<SHA-256: 64 hex>            v2, both for a hybrid torrent
 *             &dn=<name>&xl=<bytes>&tr=<tracker>…&ws=<web seed>…
 *             &x.pe=<host>:<port>…&so=<file>,<first>-<last>,…
 *
 * One hash has to be there and right. Everything else is a hint: what is malformed in it is left out.
 */
import { fromHex, KithError, toHex, utf8 } from '@kith/core';
import { decodeUtf8 } from '../utf8.ts';
import type { Metainfo } from './metainfo.ts';

export interface MagnetPeer {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface Magnet {
  /** 20 bytes. At least one of the hashes is there. */
  readonly infoHash?: Uint8Array;
  /** 32 bytes. */
  readonly infoHashV2?: Uint8Array;
  readonly name?: string;
  /** Bytes. */
  readonly length?: number;
  /** Tiers as in {@link Metainfo}: a link can't group its trackers, so each is a tier of its own, in order. */
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly peers: readonly MagnetPeer[];
  /** Indices of files to download, as ranges with both ends included, in order and apart. Absent for all of them. */
  readonly select?: readonly (readonly [number, number])[];
}

/** Characters of a link, entries of a list: what is over is left out, a longer link refused. */
const MOST = { characters: 65_536, trackers: 200, webSeeds: 200, peers: 100, ranges: 10_000 };

/** @throws KithError MAGNET_INVALID, MAGNET_NO_HASH */
export function parseMagnet(text: string): Magnet {
  const link = text.trim();
  if (link.length > MOST.characters) {
    throw new KithError('MAGNET_INVALID', `a magnet link of ${link.length} characters: at most ${MOST.characters}`);
  }
  if (!/^magnet:\?/i.test(link)) {
    throw new KithError('MAGNET_INVALID', `${shown(link)} is no magnet link: it does not begin with "magnet:?"`);
  }
  const fields = fieldsOf(link.slice('magnet:?'.length));
  const { infoHash, infoHashV2 } = hashesOf(fields.get('xt') ?? [], link);
  const name = fields.get('dn')?.find((value) => value !== '');
  const length = fields.get('xl')?.find((value) => /^\d{1,15}$/.test(value));
  const select = rangesOf(fields.get('so') ?? []);
  return {
    ...(infoHash === undefined ? {} : { infoHash }),
    ...(infoHashV2 === undefined ? {} : { infoHashV2 }),
    ...(name === undefined ? {} : { name }),
    ...(length === undefined ? {} : { length: Number(length) }),
    trackers: addresses(fields.get('tr'), /^(?:udp|https?|wss?):\/\//i, MOST.trackers).map((url) => [url]),
    webSeeds: addresses(fields.get('ws'), /^(?:https?|ftp):\/\//i, MOST.webSeeds),
    peers: peersOf(fields.get('x.pe') ?? []),
    ...(select === undefined ? {} : { select }),
  };
}

/** The link of a magnet; parsed again it says the same, each tracker as a tier of its own. */
export function formatMagnet(magnet: Magnet): string {
  const fields: string[] = [];
  if (magnet.infoHash !== undefined) fields.push(`xt=urn:btih:${toHex(magnet.infoHash)}`);
  if (magnet.infoHashV2 !== undefined) fields.push(`xt=urn:btmh:1220${toHex(magnet.infoHashV2)}`);
  if (magnet.name !== undefined) fields.push(`dn=${escaped(magnet.name)}`);
  if (magnet.length !== undefined) fields.push(`xl=${magnet.length}`);
  for (const url of magnet.trackers.flat()) fields.push(`tr=${escaped(url)}`);
  for (const url of magnet.webSeeds) fields.push(`ws=${escaped(url)}`);
  for (const { host, port } of magnet.peers) {
    fields.push(`x.pe=${host.includes(':') ? `[${host}]` : escaped(host)}:${port}`);
  }
  const ranges = magnet.select?.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  if (ranges !== undefined) fields.push(`so=${ranges.join(',')}`);
  return `magnet:?${fields.join('&')}`;
}

/** The magnet that leads to a torrent. */
export function magnetOf(metainfo: Metainfo): Magnet {
  const length = metainfo.files.reduce((sum, file) => sum + (file.padding ? 0 : file.length), 0);
  return {
    ...(metainfo.infoHash === undefined ? {} : { infoHash: metainfo.infoHash }),
    ...(metainfo.infoHashV2 === undefined ? {} : { infoHashV2: metainfo.infoHashV2 }),
    name: metainfo.name,
    length,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    peers: [],
  };
}

/** Values of each field in order. Fields may be numbered (`tr.1`), and programs escape more or less of a value. */
function fieldsOf(query: string): ReadonlyMap<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const part of query.split('&')) {
    const at = part.indexOf('=');
    if (at <= 0) continue;
    const key = part
      .slice(0, at)
      .toLowerCase()
      .replace(/^(xt|tr|ws)\.\d+$/, '$1');
    const value = part.slice(at + 1);
    const decoded = unescaped(key === 'dn' ? value.replaceAll('+', ' ') : value);
    const values = fields.get(key);
    if (values === undefined) fields.set(key, [decoded]);
    else values.push(decoded);
  }
  return fields;
}

function hashesOf(topics: readonly string[], link: string): { infoHash?: Uint8Array; infoHashV2?: Uint8Array } {
  const found: { infoHash?: Uint8Array; infoHashV2?: Uint8Array } = {};
  for (const topic of topics) {
    const [, kind, value] = /^urn:(btih|btmh):(.*)$/i.exec(topic) ?? [];
    if (kind === undefined || value === undefined) continue;
    const isV1 = kind.toLowerCase() === 'btih';
    const hash = isV1 ? hashV1(value) : hashV2(value);
    const known = isV1 ? found.infoHash : found.infoHashV2;
    if (known !== undefined && toHex(known) !== toHex(hash)) {
      throw new KithError('MAGNET_INVALID', `the magnet link has two different hashes of one kind (${kind})`);
    }
    if (isV1) found.infoHash = hash;
    else found.infoHashV2 = hash;
  }
  if (found.infoHash !== undefined || found.infoHashV2 !== undefined) return found;
  const others = topics.length === 0 ? 'it has no "xt"' : `its "xt" is ${shown(topics.join(', '))}`;
  throw new KithError('MAGNET_NO_HASH', `${shown(link)} names no torrent: ${others}`);
}

function hashV1(value: string): Uint8Array {
  if (/^[0-9a-f]{40}$/i.test(value)) return fromHex(value);
  if (/^[a-z2-7]{32}$/i.test(value)) return fromBase32(value.toUpperCase());
  throw new KithError(
    'MAGNET_INVALID',
    `the hash ${shown(value)} of the magnet link has ${value.length} characters: 40 hexadecimal or 32 base32 are right`,
  );
}

/** A multihash: 12 is SHA-256, 20 its length, both in hexadecimal. */
function hashV2(value: string): Uint8Array {
  if (/^1220[0-9a-f]{64}$/i.test(value)) return fromHex(value.slice(4));
  throw new KithError(
    'MAGNET_INVALID',
    `the hash ${shown(value)} of the magnet link is no multihash of SHA-256: 1220 and 64 hexadecimal digits are right`,
  );
}

/** RFC 4648 section 6, for lengths that leave no spare bits. */
function fromBase32(text: string): Uint8Array {
  const out = new Uint8Array((text.length * 5) / 8);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    word = ((word << 5) | 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = word >> bits;
  }
  return out;
}

function addresses(values: readonly string[] | undefined, scheme: RegExp, most: number): string[] {
  const found = new Set<string>();
  for (const value of values ?? []) {
    const url = value.trim();
    if (found.size < most && scheme.test(url)) found.add(url);
  }
  return [...found];
}

function peersOf(values: readonly string[]): MagnetPeer[] {
  const peers = new Map<string, MagnetPeer>();
  for (const value of values) {
    const [, v6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(value) ?? [];
    const host = v6 ?? name;
    const port = Number(digits);
    if (host === undefined || port < 1 || port > 65_535 || peers.size >= MOST.peers) continue;
    if (v6 !== undefined && !v6.includes(':')) continue;
    peers.set(`${host} ${port}`, { host, port });
  }
  return [...peers.values()];
}

function rangesOf(values: readonly string[]): (readonly [number, number])[] | undefined {
  const ranges: [number, number][] = [];
  for (const part of values.flatMap((value) => value.split(','))) {
    const [, first, last] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || ranges.length >= MOST.ranges) continue;
    const range: [number, number] = [Number(first), Number(last ?? first)];
    if (range[0] <= range[1]) ranges.push(range);
  }
  if (ranges.length === 0) return undefined;
  ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const apart: [number, number][] = [];
  for (const range of ranges) {
    const before = apart.at(-1);
    if (before !== undefined && range[0] <= before[1] + 1) before[1] = Math.max(before[1], range[1]);
    else apart.push(range);
  }
  return apart;
}

/** Never throws: a percent sign that begins no escape stands for itself. */
function unescaped(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => decodeUtf8(fromHex(run.replaceAll('%', ''))));
}

function escaped(text: string): string {
  let out = '';
  for (const byte of utf8(text)) {
    const character = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9._~:/-]/.test(character);
    out += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** What a person gave, printable and short. */
function shown(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short.replace(/[\u0000-\u001f\u007f-\u009f]/g, '�'));
}
