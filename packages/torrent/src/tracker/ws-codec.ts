/**
 * What WebTorrent peers and trackers say over a WebSocket: JSON in text frames, in which info-hash, peer ids and offer ids are
 * binary strings, one character per byte. There is no written specification; this is what the programs do.
 *
 *     peer → tracker   {action: "announce", info_hash, peer_id, numwant, uploaded, downloaded, left, event?,
 *                       offers?: [{offer: {type: "offer", sdp}, offer_id}]}
 *                      {action: "announce", info_hash, peer_id, to_peer_id, offer_id, answer: {type: "answer", sdp}}
 *                      {action: "scrape", info_hash?: one or a list}
 *     tracker → peer   {action: "announce", info_hash, interval, complete, incomplete}
 *                      {action: "announce", info_hash, peer_id, offer_id, offer}        somebody offers a connection
 *                      {action: "announce", info_hash, peer_id, offer_id, answer}       somebody took an offer
 *                      {action: "scrape", files: {<info_hash>: {complete, incomplete, downloaded}}}
 *                      {"failure reason": text} , and "warning message" in any
 */
import { binaryString, fromBinaryString } from '../bencode.ts';
import { type AnnounceEvent, type AnnounceRequest, type ScrapeEntry, shown, TrackerError } from './announce.ts';
import { ANSWER_LIMITS, boundInterval } from './http-codec.ts';

export const RELAY_LIMITS = {
  /** Characters of one message. */
  message: 262_144,
  /** Characters of a session description. */
  sdp: 16_384,
  /** Offers of one announce that are looked at. */
  offers: 20,
  /** Hashes of one scrape that are looked at. */
  scrapes: 200,
} as const;

export interface Offer {
  /** Binary string that comes back with the answer. */
  readonly offerId: string;
  readonly sdp: string;
}

/** Hashes and ids are binary strings. */
export type RelayRequest =
  | {
      readonly kind: 'announce';
      readonly infoHash: string;
      readonly peerId: string;
      readonly seed: boolean;
      readonly event: AnnounceEvent | undefined;
      readonly wanted: number | undefined;
      readonly offers: readonly Offer[];
    }
  | {
      readonly kind: 'answer';
      readonly infoHash: string;
      readonly peerId: string;
      readonly toPeerId: string;
      readonly offerId: string;
      readonly sdp: string;
    }
  | { readonly kind: 'scrape'; readonly infoHashes: readonly string[] };

export type RelayMessage =
  | {
      readonly kind: 'announced';
      /** Binary string. */
      readonly infoHash: string;
      readonly interval: number;
      readonly seeds: number | undefined;
      readonly leechers: number | undefined;
      readonly warning: string | undefined;
    }
  | {
      readonly kind: 'offer' | 'answer';
      readonly infoHash: string;
      readonly peerId: string;
      readonly offerId: string;
      readonly sdp: string;
    }
  | { readonly kind: 'scraped'; readonly entries: readonly ScrapeEntry[] }
  | { readonly kind: 'failure'; readonly infoHash: string | undefined; readonly reason: string };

/** @throws TrackerError `malformed` */
export function parseRelayRequest(text: string): RelayRequest {
  const top = objectOf(text);
  if (top.action === 'scrape') return { kind: 'scrape', infoHashes: scraped(top.info_hash) };
  if (top.action !== 'announce') throw new TrackerError('malformed', 'unknown action');
  const infoHash = hashOf(top.info_hash);
  const peerId = binary(top.peer_id, 'peer_id', 20);
  // Some clients send every field, with null for those that do not apply.
  if (top.answer !== undefined && top.answer !== null) {
    return {
      kind: 'answer',
      infoHash,
      peerId,
      toPeerId: binary(top.to_peer_id, 'to_peer_id', 20),
      offerId: binary(top.offer_id, 'offer_id', undefined),
      sdp: sdpOf(top.answer, 'answer'),
    };
  }
  const { event, numwant, left } = top;
  return {
    kind: 'announce',
    infoHash,
    peerId,
    // What is not known yet comes as null: JSON has no Infinity.
    seed: left === 0 || left === '0',
    event: event === 'started' || event === 'completed' || event === 'stopped' ? event : undefined,
    wanted: typeof numwant === 'number' && numwant >= 0 ? Math.floor(numwant) : undefined,
    offers: offersOf(top.offers),
  };
}

/** @throws TrackerError `malformed` */
export function parseRelayMessage(text: string): RelayMessage {
  const top = objectOf(text);
  const infoHash = typeof top.info_hash === 'string' ? hashOf(top.info_hash) : undefined;
  const failure = top['failure reason'];
  if (typeof failure === 'string') return { kind: 'failure', infoHash, reason: shown(failure) };
  // A scrape is known by its files too: one server leaves the action out of its answers.
  if (top.action === 'scrape' || isObject(top.files)) return { kind: 'scraped', entries: entriesOf(top.files) };
  if (top.action !== 'announce' || infoHash === undefined) throw new TrackerError('malformed', 'unknown action');
  for (const kind of ['offer', 'answer'] as const) {
    if (top[kind] === undefined || top[kind] === null) continue;
    return {
      kind,
      infoHash,
      peerId: binary(top.peer_id, 'peer_id', 20),
      offerId: binary(top.offer_id, 'offer_id', undefined),
      sdp: sdpOf(top[kind], kind),
    };
  }
  const warning = top['warning message'];
  return {
    kind: 'announced',
    infoHash,
    interval: boundInterval(count(top.interval) ?? 120),
    seeds: count(top.complete),
    leechers: count(top.incomplete),
    warning: typeof warning === 'string' ? shown(warning) : undefined,
  };
}

export function formatRelayAnnounce(request: AnnounceRequest, offers: readonly Offer[]): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: binaryString(request.infoHash),
    peer_id: binaryString(request.peerId),
    numwant: offers.length,
    uploaded: request.uploaded,
    downloaded: request.downloaded,
    left: request.left,
    event: request.event,
    offers: offers.map(({ offerId, sdp }) => ({ offer: { type: 'offer', sdp }, offer_id: offerId })),
  });
}

export function formatRelayAnswer(
  infoHash: string,
  peerId: string,
  to: { readonly peerId: string; readonly offerId: string },
  sdp: string,
): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: infoHash,
    peer_id: peerId,
    to_peer_id: to.peerId,
    offer_id: to.offerId,
    answer: { type: 'answer', sdp },
  });
}

/** For given hashes; without any for everything, where the tracker lets one. */
export function formatRelayScrape(infoHashes: readonly Uint8Array[]): string {
  return JSON.stringify({ action: 'scrape', info_hash: infoHashes.map(binaryString) });
}

/** What a tracker passes on: rebuilt from what was understood, so that nothing else rides along. */
export function formatRelayed(
  kind: 'offer' | 'answer',
  infoHash: string,
  peerId: string,
  offerId: string,
  sdp: string,
): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: infoHash,
    peer_id: peerId,
    offer_id: offerId,
    [kind]: { type: kind, sdp },
  });
}

export function formatAnnounced(infoHash: string, interval: number, seeds: number, leechers: number): string {
  return `{"action":"announce","info_hash":${JSON.stringify(infoHash)},"interval":${interval},"complete":${seeds},"incomplete":${leechers}}`;
}

export function formatScraped(
  files: readonly {
    readonly infoHash: string;
    readonly seeds: number;
    readonly leechers: number;
    readonly downloaded: number;
  }[],
): string {
  const entries = files.map((file) => [
    file.infoHash,
    { complete: file.seeds, incomplete: file.leechers, downloaded: file.downloaded },
  ]);
  return JSON.stringify({ action: 'scrape', files: Object.fromEntries(entries) });
}

export function formatFailure(reason: string, infoHash?: string): string {
  return JSON.stringify({ action: 'announce', info_hash: infoHash, 'failure reason': reason });
}

type JsonObject = { readonly [key: string]: unknown };

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(text: string): JsonObject {
  if (text.length > RELAY_LIMITS.message) {
    throw new TrackerError('malformed', `a message of ${text.length} characters`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TrackerError('malformed', 'the message is no JSON', { cause });
  }
  if (!isObject(value)) throw new TrackerError('malformed', 'the message is no object');
  return value;
}

/** A binary string of 20 bytes; hexadecimal, which some write by mistake, is understood. */
function hashOf(value: unknown): string {
  if (typeof value === 'string' && value.length === 40 && /^[0-9a-fA-F]{40}$/.test(value)) {
    return value.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  }
  return binary(value, 'info_hash', 20);
}

function binary(value: unknown, name: string, length: number | undefined): string {
  if (typeof value !== 'string') throw new TrackerError('malformed', `${name} is missing or no string`);
  if (length === undefined ? value.length < 1 || value.length > 64 : value.length !== length) {
    throw new TrackerError('malformed', `${name} has ${value.length} bytes`);
  }
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0xff) throw new TrackerError('malformed', `${name} is no binary string`);
  }
  return value;
}

function sdpOf(value: unknown, kind: 'offer' | 'answer'): string {
  if (!isObject(value) || value.type !== kind || typeof value.sdp !== 'string') {
    throw new TrackerError('malformed', `${kind} is no session description`);
  }
  if (value.sdp.length > RELAY_LIMITS.sdp) throw new TrackerError('malformed', `${kind} of ${value.sdp.length} bytes`);
  return value.sdp;
}

function offersOf(value: unknown): Offer[] {
  if (!Array.isArray(value)) return [];
  const entries: readonly unknown[] = value;
  return entries.slice(0, RELAY_LIMITS.offers).map((entry) => {
    if (!isObject(entry)) throw new TrackerError('malformed', 'an offer is no object');
    return { offerId: binary(entry.offer_id, 'offer_id', undefined), sdp: sdpOf(entry.offer, 'offer') };
  });
}

function scraped(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [hashOf(value)];
  const hashes: readonly unknown[] = value;
  return hashes.slice(0, RELAY_LIMITS.scrapes).map(hashOf);
}

function entriesOf(files: unknown): ScrapeEntry[] {
  if (!isObject(files)) throw new TrackerError('malformed', 'the answer has no files');
  const entries: ScrapeEntry[] = [];
  for (const [key, value] of Object.entries(files)) {
    if (entries.length >= ANSWER_LIMITS.scrapes) break;
    if (!isObject(value)) continue;
    entries.push({
      infoHash: fromBinaryString(hashOf(key)),
      seeds: count(value.complete) ?? 0,
      leechers: count(value.incomplete) ?? 0,
      downloaded: count(value.downloaded) ?? 0,
    });
  }
  return entries;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined;
}
