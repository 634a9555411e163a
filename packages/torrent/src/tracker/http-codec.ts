/**
 * Announces and scrapes over HTTP, the client's half (BEP 3, 7, 23, 24, 31, 48): a query of percent-encoded bytes there, a
 * bencoded dictionary back.
 *
 *     GET <announce URL>?info_hash=…&peer_id=…&port=…&uploaded=…&downloaded=…&left=…&compact=1&numwant=…&key=…&event=…
 *     failure reason | interval, min interval, tracker id, complete, incomplete, downloaded, external ip, warning message,
 *                      peers (6 bytes each, or a list of dictionaries with ip and port), peers6 (18 bytes each)
 */
import { type Address, KithError, parseAddress, scopeOf } from '@kith/core';
import {
  BencodedDict,
  type Bencoded,
  BencodeError,
  bytes as bytesOf,
  decode,
  dict,
  fromBinaryString,
  int,
  isList,
  text,
} from '../bencode.ts';
import type { PeerAddress } from '../wire/duplex.ts';
import { type AnnounceAnswer, type AnnounceRequest, type ScrapeEntry, shown, TrackerError } from './announce.ts';
import { readPeers } from './compact.ts';

/** Bounds for what an answer may hold. */
export const ANSWER_LIMITS = {
  /** Bytes of an answer. */
  bytes: 2_097_152,
  /** Peers taken of one answer; the rest is passed over. */
  peers: 2_000,
  /** Seconds: an interval outside is moved to the nearer end. */
  leastInterval: 30,
  mostInterval: 86_400,
  /** Hashes of one scrape. */
  scrapes: 10_000,
} as const;

/** The URL of an announce. A query that the URL has already stays: private trackers know their users by it. */
export function announceUrl(tracker: string, request: AnnounceRequest): string {
  const fields = [
    `info_hash=${percent(request.infoHash)}`,
    `peer_id=${percent(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${request.uploaded}`,
    `downloaded=${request.downloaded}`,
    `left=${request.left}`,
    'compact=1',
    `key=${(request.key >>> 0).toString(16).padStart(8, '0')}`,
  ];
  if (request.wanted !== undefined) fields.push(`numwant=${request.wanted}`);
  if (request.event !== undefined) fields.push(`event=${request.event}`);
  if (request.trackerId !== undefined) fields.push(`trackerid=${percent(request.trackerId)}`);
  return withQuery(tracker, fields);
}

/**
 * The URL of a scrape (BEP 48): "announce" at the start of the last part of the path becomes "scrape". Undefined where there
 * is none, which means that the tracker has no scrape.
 */
export function scrapeUrl(tracker: string, infoHashes: readonly Uint8Array[]): string | undefined {
  const pathEnd = tracker.search(/[?#]|$/);
  const slash = tracker.lastIndexOf('/', pathEnd);
  if (!tracker.startsWith('announce', slash + 1)) return undefined;
  const url = `${tracker.slice(0, slash + 1)}scrape${tracker.slice(slash + 1 + 'announce'.length)}`;
  return withQuery(
    url,
    infoHashes.map((hash) => `info_hash=${percent(hash)}`),
  );
}

/** @throws TrackerError `malformed` or `refused` */
export function parseHttpAnnounce(body: Uint8Array): AnnounceAnswer {
  const top = answerOf(body);
  return reading(() => {
    const interval = int(top, 'interval');
    if (interval === undefined) throw new TrackerError('malformed', 'the answer has no interval');
    const minInterval = int(top, 'min interval');
    const peers = peersOf(top.get('peers'), ANSWER_LIMITS.peers);
    const six = bytesOf(top, 'peers6');
    if (six !== undefined) peers.push(...readPeers(six, 6, ANSWER_LIMITS.peers - peers.length));
    const externalIp = bytesOf(top, 'external ip');
    const trackerId = bytesOf(top, 'tracker id');
    const warning = text(top, 'warning message');
    const seeds = countOf(top, 'complete');
    const leechers = countOf(top, 'incomplete');
    const downloaded = countOf(top, 'downloaded');
    return {
      interval: boundInterval(interval),
      peers,
      ...(minInterval === undefined ? {} : { minInterval: boundInterval(minInterval) }),
      ...(seeds === undefined ? {} : { seeds }),
      ...(leechers === undefined ? {} : { leechers }),
      ...(downloaded === undefined ? {} : { downloaded }),
      ...(externalIp?.length === 4 || externalIp?.length === 16 ? { externalIp: Uint8Array.from(externalIp) } : {}),
      // It comes back in a query: longer ones than URLs can bear are left out.
      ...(trackerId !== undefined && trackerId.length <= 256 ? { trackerId: Uint8Array.from(trackerId) } : {}),
      ...(warning === undefined ? {} : { warning: shown(warning) }),
    };
  });
}

/** @throws TrackerError `malformed` or `refused` */
export function parseHttpScrape(body: Uint8Array): ScrapeEntry[] {
  const top = answerOf(body);
  return reading(() => {
    const files = dict(top, 'files');
    if (files === undefined) throw new TrackerError('malformed', 'the answer has no files');
    const entries: ScrapeEntry[] = [];
    for (const [key, value] of files.entries()) {
      if (entries.length >= ANSWER_LIMITS.scrapes) break;
      if (key.length !== 20 || !(value instanceof BencodedDict)) continue;
      entries.push({
        infoHash: fromBinaryString(key),
        seeds: countOf(value, 'complete') ?? 0,
        leechers: countOf(value, 'incomplete') ?? 0,
        downloaded: countOf(value, 'downloaded') ?? 0,
      });
    }
    return entries;
  });
}

/** An interval within reason: a tracker can neither make this node hammer nor silence it for good. */
export function boundInterval(seconds: number): number {
  return Math.min(Math.max(seconds, ANSWER_LIMITS.leastInterval), ANSWER_LIMITS.mostInterval);
}

function answerOf(body: Uint8Array): BencodedDict {
  const top = reading(() => decode(body, { bytes: ANSWER_LIMITS.bytes, depth: 8, values: 100_000 }));
  if (!(top instanceof BencodedDict)) throw new TrackerError('malformed', 'the answer is no dictionary');
  const reason = reading(() => text(top, 'failure reason'));
  if (reason === undefined) return top;
  const retryIn = retryOf(top.get('retry in'));
  throw new TrackerError('refused', shown(reason), retryIn === undefined ? {} : { retryIn });
}

/** BEP 31: minutes, or the word "never". */
function retryOf(value: Bencoded | undefined): number | 'never' | undefined {
  if (typeof value === 'number') return value > 0 ? boundInterval(value * 60) : undefined;
  if (!(value instanceof Uint8Array)) return undefined;
  const said = String.fromCharCode(...value.subarray(0, 10));
  if (said === 'never') return 'never';
  return /^\d{1,6}$/.test(said) ? boundInterval(Number(said) * 60) : undefined;
}

function peersOf(value: Bencoded | undefined, most: number): PeerAddress[] {
  if (value === undefined) return [];
  if (value instanceof Uint8Array) return readPeers(value, 4, most);
  if (!isList(value)) throw new TrackerError('malformed', 'peers are neither bytes nor a list');
  const peers: PeerAddress[] = [];
  for (const entry of value) {
    if (peers.length >= most) break;
    if (!(entry instanceof BencodedDict)) throw new TrackerError('malformed', 'a peer is no dictionary');
    const peer = peerOf(text(entry, 'ip'), int(entry, 'port'));
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/** Names instead of addresses are passed over: nobody should be made to look names up by a tracker. */
function peerOf(ip: string | undefined, port: number | undefined): PeerAddress | undefined {
  if (ip === undefined || port === undefined || port < 1 || port > 65535) return undefined;
  const mappedTo = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  let address: Address;
  try {
    address = parseAddress(mappedTo ?? ip);
  } catch (error) {
    if (error instanceof KithError) return undefined;
    throw error;
  }
  return scopeOf(address) === 'unusable' ? undefined : { ip: address, port };
}

function countOf(from: BencodedDict, key: string): number | undefined {
  const value = from.get(key);
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BencodeError) throw new TrackerError('malformed', shown(error.message), { cause: error });
    throw error;
  }
}

function withQuery(url: string, fields: readonly string[]): string {
  const fragment = url.indexOf('#');
  const base = fragment < 0 ? url : url.slice(0, fragment);
  const glue = base.includes('?') ? (/[?&]$/.test(base) ? '' : '&') : '?';
  return base + glue + fields.join('&');
}

/** Everything but the unreserved characters of RFC 3986 section 2.3. */
function percent(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return out;
}
