/**
 * The UDP tracker protocol (BEP 15, BEP 41), all numbers big endian:
 *
 *     connect    there  magic 8, action 0 4, transaction 4                          back  action 0 4, transaction 4, id 8
 *     announce   there  id 8, action 1 4, transaction 4, info-hash 20, peer id 20, downloaded 8, left 8, uploaded 8,
 *                       event 4, ip 4, key 4, wanted 4, port 2, options (BEP 41)
 *                back   action 1 4, transaction 4, interval 4, leechers 4, seeds 4, peers of 6 bytes, over IPv6 of 18
 *     scrape     there  id 8, action 2 4, transaction 4, info-hashes of 20
 *                back   action 2 4, transaction 4, per hash: seeds 4, downloaded 4, leechers 4
 *     error      back   action 3 4, transaction 4, text
 */
import { readUint16BE } from '@kith/core';
import { decodeUtf8 } from '../utf8.ts';
import { type AnnounceAnswer, type AnnounceEvent, type AnnounceRequest, shown, TrackerError } from './announce.ts';
import { readPeers } from './compact.ts';
import { ANSWER_LIMITS, boundInterval } from './http-codec.ts';

export const ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const;
/** Offsets of an announce. */
export const AT = {
  hash: 16,
  peerId: 36,
  downloaded: 56,
  left: 64,
  uploaded: 72,
  event: 80,
  ip: 84,
  key: 88,
  wanted: 92,
  port: 96,
} as const;
export const LENGTH = { connect: 16, announce: 98, answerHead: 20, scrapeHead: 8, scrapeEntry: 12 } as const;
const MAGIC_HIGH = 0x417;
const MAGIC_LOW = 0x27101980;
/** Hashes that fit into one scrape (BEP 15). */
export const MOST_SCRAPED = 74;
const OPTION = { end: 0, nothing: 1, urlData: 2 } as const;

export type UdpAnswer =
  | { readonly kind: 'connect'; readonly transaction: number; readonly connectionId: Uint8Array }
  | { readonly kind: 'announce'; readonly transaction: number; readonly answer: AnnounceAnswer }
  | {
      readonly kind: 'scrape';
      readonly transaction: number;
      readonly counts: readonly { readonly seeds: number; readonly downloaded: number; readonly leechers: number }[];
    }
  | { readonly kind: 'error'; readonly transaction: number; readonly reason: string };

export function encodeConnect(transaction: number): Uint8Array {
  const out = new Uint8Array(LENGTH.connect);
  write32(out, 0, MAGIC_HIGH);
  write32(out, 4, MAGIC_LOW);
  write32(out, 12, transaction);
  return out;
}

/** `urlData` is path and query of the tracker's URL (BEP 41): trackers that serve several of them tell them apart by it. */
export function encodeUdpAnnounce(
  connectionId: Uint8Array,
  transaction: number,
  request: AnnounceRequest,
  urlData: Uint8Array,
): Uint8Array {
  const chunks = Math.ceil(urlData.length / 255);
  const out = new Uint8Array(LENGTH.announce + urlData.length + 2 * chunks + (chunks > 0 ? 1 : 0));
  head(out, connectionId, ACTION.announce, transaction);
  out.set(request.infoHash, AT.hash);
  out.set(request.peerId, AT.peerId);
  write64(out, AT.downloaded, request.downloaded);
  write64(out, AT.left, request.left);
  write64(out, AT.uploaded, request.uploaded);
  write32(out, AT.event, request.event === undefined ? 0 : EVENTS.indexOf(request.event));
  write32(out, AT.key, request.key);
  write32(out, AT.wanted, request.wanted ?? 0xffffffff);
  out[AT.port] = request.port >>> 8;
  out[AT.port + 1] = request.port;
  let at: number = LENGTH.announce;
  for (let from = 0; from < urlData.length; from += 255) {
    const part = urlData.subarray(from, from + 255);
    out[at] = OPTION.urlData;
    out[at + 1] = part.length;
    out.set(part, at + 2);
    at += 2 + part.length;
  }
  if (chunks > 0) out[at] = OPTION.end;
  return out;
}

/** For up to {@link MOST_SCRAPED} hashes. */
export function encodeUdpScrape(
  connectionId: Uint8Array,
  transaction: number,
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  const out = new Uint8Array(LENGTH.connect + 20 * infoHashes.length);
  head(out, connectionId, ACTION.scrape, transaction);
  for (const [i, hash] of infoHashes.entries()) out.set(hash, LENGTH.connect + 20 * i);
  return out;
}

/**
 * `family` is that of the socket: over IPv6 the peers have 18 bytes (BEP 15).
 * @throws TrackerError `malformed`
 */
export function parseUdpAnswer(bytes: Uint8Array, family: 4 | 6): UdpAnswer {
  if (bytes.length < 8) throw new TrackerError('malformed', `an answer of ${bytes.length} bytes`);
  const action = read32(bytes, 0);
  const transaction = read32(bytes, 4);
  if (action === ACTION.error) {
    return { kind: 'error', transaction, reason: shown(decodeUtf8(bytes.subarray(8, 1024))) };
  }
  if (action === ACTION.connect) {
    if (bytes.length < 16) throw new TrackerError('malformed', `a connect answer of ${bytes.length} bytes`);
    return { kind: 'connect', transaction, connectionId: Uint8Array.from(bytes.subarray(8, 16)) };
  }
  if (action === ACTION.announce) {
    // opentracker's way to say that a torrent is not on its list.
    if (bytes.length === 8)
      throw new TrackerError('refused', 'the answer is empty: the tracker does not take this torrent');
    if (bytes.length < LENGTH.answerHead) {
      throw new TrackerError('malformed', `an announce answer of ${bytes.length} bytes`);
    }
    const answer: AnnounceAnswer = {
      interval: boundInterval(read32(bytes, 8)),
      leechers: read32(bytes, 12),
      seeds: read32(bytes, 16),
      peers: readPeers(bytes.subarray(LENGTH.answerHead), family, ANSWER_LIMITS.peers),
    };
    return { kind: 'announce', transaction, answer };
  }
  if (action === ACTION.scrape) {
    const body = bytes.length - LENGTH.scrapeHead;
    if (body % LENGTH.scrapeEntry !== 0)
      throw new TrackerError('malformed', `a scrape answer of ${bytes.length} bytes`);
    const counts = Array.from({ length: body / LENGTH.scrapeEntry }, (_, i) => {
      const at = LENGTH.scrapeHead + i * LENGTH.scrapeEntry;
      return { seeds: read32(bytes, at), downloaded: read32(bytes, at + 4), leechers: read32(bytes, at + 8) };
    });
    return { kind: 'scrape', transaction, counts };
  }
  throw new TrackerError('malformed', `an answer with the unknown action ${action}`);
}

/** Whether a packet is a request to connect. */
export function isConnect(packet: Uint8Array): boolean {
  return (
    packet.length >= LENGTH.connect &&
    read32(packet, 0) === MAGIC_HIGH &&
    read32(packet, 4) === MAGIC_LOW &&
    read32(packet, 8) === ACTION.connect
  );
}

/** Undefined also for a number that means nothing. */
export function eventOf(code: number): AnnounceEvent | undefined {
  return EVENTS[code];
}

export function read32(bytes: Uint8Array, at: number): number {
  return readUint16BE(bytes, at) * 0x10000 + readUint16BE(bytes, at + 2);
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** In the order of their numbers. */
const EVENTS: readonly (AnnounceEvent | undefined)[] = [undefined, 'completed', 'started', 'stopped'];

function head(out: Uint8Array, connectionId: Uint8Array, action: number, transaction: number): void {
  out.set(connectionId, 0);
  write32(out, 8, action);
  write32(out, 12, transaction);
}

function write64(bytes: Uint8Array, at: number, value: number): void {
  write32(bytes, at, Math.floor(value / 0x1_0000_0000));
  write32(bytes, at + 4, value % 0x1_0000_0000);
}
