/**
 * The HTTP tracker, the server's half (BEP 3, 7, 23, 24, 48): query in, bencoded body out. Addresses in the query (`ip`,
 * `ipv4`, `ipv6`) are not believed: a peer is listed where it came from. Peer ids are not kept, so the long form of peers
 * (`compact=0`) goes without them.
 */
import { type Address, addressFrom, compareBytes } from '@kith/core';
import { encode, type Encodable } from '../bencode.ts';
import { mapped } from './compact.ts';
import { NONE } from './hash-index.ts';
import type { PeerTable } from './peer-table.ts';
import { REFUSALS, setAddress, type TrackerService } from './service.ts';

/** Hashes of one scrape that are looked at. */
const MOST_SCRAPED = 200;
/** Swarms in one chunk of a full scrape. */
const CHUNK = 1_000;

export class HttpResponder {
  readonly #service: TrackerService;
  #out = new Uint8Array(4_096);
  #at = 0;

  constructor(service: TrackerService) {
    this.#service = service;
  }

  /**
   * `query` is what follows `?`, one character per byte; `source` has 4 or 16 bytes.
   * @returns the body: a view that the next call overwrites
   */
  announce(query: string, source: Uint8Array, now: number): Uint8Array {
    const service = this.#service;
    const { visit } = service;
    service.counts.httpAnnounces++;
    const asked = this.#parse(query);
    if (typeof asked === 'string') {
      service.counts.malformed++;
      return this.#failure(asked);
    }
    setAddress(visit, source);
    const outcome = service.announce(now);
    if (outcome === 'refused' || outcome === 'full') return this.#failure(REFUSALS[outcome]);
    const wanted = service.wantedOf(asked.wanted);
    return asked.compact ? this.#compact(source, wanted) : this.#list(source, wanted);
  }

  /** Undefined for a scrape of everything: {@link fullScrape}, where it is allowed. */
  scrape(query: string): Uint8Array | undefined {
    const { swarms, counts } = this.#service;
    counts.httpScrapes++;
    const hash = new Uint8Array(20);
    const found = new Set<number>();
    let asked = 0;
    for (let from = 0; from < query.length && asked < MOST_SCRAPED;) {
      const end = endOf(query, from);
      if (query.startsWith('info_hash=', from)) {
        asked++;
        if (!percentDecode(query, from + 10, end, hash)) {
          counts.malformed++;
          return this.#failure('info_hash has not 20 bytes');
        }
        const swarm = swarms.find(hash, 0);
        if (swarm !== NONE) found.add(swarm);
      }
      from = end + 1;
    }
    if (asked === 0) return this.#service.fullScrape ? undefined : this.#failure('scrapes name their info_hash here');
    this.#begin('d5:filesd');
    const inOrder = [...found].sort((a, b) => compareBytes(swarms.hashOf(a), swarms.hashOf(b)));
    for (const swarm of inOrder) this.#scraped(swarm);
    this.#ascii('ee');
    return this.#finish();
  }

  /** A body in chunks, each of which is the caller's: a million swarms neither stop the tracker nor fill its memory. */
  *fullScrape(): Generator<Uint8Array> {
    const { swarms } = this.#service;
    this.#begin('d5:filesd');
    let count = 0;
    for (let swarm = swarms.walk(0); swarm !== NONE; swarm = swarms.walk(swarm + 1)) {
      this.#scraped(swarm);
      if (++count % CHUNK !== 0) continue;
      yield this.#finish().slice();
      this.#begin('');
    }
    this.#ascii('ee');
    yield this.#finish().slice();
  }

  /** Fills the visit; text is what is wrong with the query. */
  #parse(query: string): { wanted: number | undefined; compact: boolean } | string {
    const { visit } = this.#service;
    visit.port = -1;
    visit.seed = false;
    visit.event = undefined;
    let wanted: number | undefined;
    let compact = true;
    let hashSeen = false;
    for (let from = 0; from < query.length;) {
      const end = endOf(query, from);
      const equals = query.indexOf('=', from);
      const keyEnd = equals < 0 || equals > end ? end : equals;
      const start = Math.min(keyEnd + 1, end);
      switch (query.slice(from, keyEnd)) {
        case 'info_hash':
          if (!percentDecode(query, start, end, visit.infoHash)) return 'info_hash has not 20 bytes';
          hashSeen = true;
          break;
        case 'port':
          visit.port = numberOf(query, start, end);
          break;
        case 'left':
          visit.seed = numberOf(query, start, end) === 0;
          break;
        case 'numwant':
          wanted = numberOf(query, start, end);
          break;
        case 'compact':
          compact = query.slice(start, end) !== '0';
          break;
        case 'event': {
          const event = query.slice(start, end);
          if (event === 'started' || event === 'completed' || event === 'stopped') visit.event = event;
          break;
        }
        default:
      }
      from = end + 1;
    }
    if (!hashSeen) return 'info_hash is missing';
    if (visit.port < 0 || visit.port > 65_535) return 'port is missing or no port';
    return { wanted, compact };
  }

  #compact(source: Uint8Array, wanted: number): Uint8Array {
    const { swarms, visit } = this.#service;
    this.#head(source);
    const own = visit.family === 'ipv6' ? 'ipv6' : 'ipv4';
    const other = own === 'ipv4' ? 'ipv6' : 'ipv4';
    // Drawn of its own family first; drawing again overwrites, so each goes out before the next.
    if (own === 'ipv4') {
      const count = this.#service.draw(own, wanted);
      this.#peers('5:peers', swarms.ipv4, count);
      const rest = this.#service.draw(other, wanted - count);
      if (rest > 0) this.#peers('6:peers6', swarms.ipv6, rest);
    } else {
      // Keys go in order, but the other family gets only what its own leaves: so that is counted before.
      const { swarm } = visit;
      const owns = swarm === NONE ? 0 : visit.seed ? swarms.ipv6.leechers(swarm) : swarms.ipv6.total(swarm);
      this.#peers('5:peers', swarms.ipv4, this.#service.draw(other, Math.max(0, wanted - owns)));
      this.#peers('6:peers6', swarms.ipv6, this.#service.draw(own, wanted));
    }
    this.#ascii('e');
    return this.#finish();
  }

  #head(source: Uint8Array): void {
    const { swarms, visit, interval, minInterval } = this.#service;
    const gone = visit.swarm === NONE;
    this.#begin('d8:completei');
    this.#ascii(String(gone ? 0 : swarms.seeds(visit.swarm)));
    this.#ascii('e10:downloadedi');
    this.#ascii(String(gone ? 0 : swarms.completed(visit.swarm)));
    const from = mapped(source) ? 12 : 0;
    this.#ascii(`e11:external ip${source.length - from}:`);
    this.#room(16);
    for (let i = from; i < source.length; i++) this.#out[this.#at++] = source[i] as number;
    this.#ascii(`10:incompletei${gone ? 0 : swarms.leechers(visit.swarm)}e`);
    this.#ascii(`8:intervali${interval}e12:min intervali${minInterval}e`);
  }

  #peers(key: string, table: PeerTable, count: number): void {
    this.#ascii(`${key}${count * (4 * table.width + 2)}:`);
    this.#room(count * 18);
    for (let i = 0; i < count; i++) this.#at = table.write(this.#service.drawn[i] as number, this.#out, this.#at);
  }

  #list(source: Uint8Array, wanted: number): Uint8Array {
    const { swarms, visit, interval, minInterval } = this.#service;
    const peers: Encodable[] = [];
    const entry = new Uint8Array(18);
    for (const family of visit.family === 'ipv6' ? (['ipv6', 'ipv4'] as const) : (['ipv4', 'ipv6'] as const)) {
      const count = this.#service.draw(family, wanted - peers.length);
      for (let i = 0; i < count; i++) {
        const end = swarms.table(family).write(this.#service.drawn[i] as number, entry, 0);
        const ip: Address = addressFrom(entry.subarray(0, end - 2));
        peers.push({ ip, port: ((entry[end - 2] as number) << 8) | (entry[end - 1] as number) });
      }
    }
    const gone = visit.swarm === NONE;
    return encode({
      complete: gone ? 0 : swarms.seeds(visit.swarm),
      downloaded: gone ? 0 : swarms.completed(visit.swarm),
      'external ip': mapped(source) ? source.subarray(12) : source,
      incomplete: gone ? 0 : swarms.leechers(visit.swarm),
      interval,
      'min interval': minInterval,
      peers,
    });
  }

  #scraped(swarm: number): void {
    const { swarms } = this.#service;
    this.#ascii('20:');
    this.#room(20);
    this.#out.set(swarms.hashOf(swarm), this.#at);
    this.#at += 20;
    const counts = [swarms.seeds(swarm), swarms.completed(swarm), swarms.leechers(swarm)];
    this.#ascii(`d8:completei${counts[0]}e10:downloadedi${counts[1]}e10:incompletei${counts[2]}ee`);
  }

  #failure(reason: string): Uint8Array {
    this.#begin(`d14:failure reason${reason.length}:${reason}e`);
    return this.#finish();
  }

  #begin(text: string): void {
    this.#at = 0;
    this.#ascii(text);
  }

  #ascii(text: string): void {
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) this.#out[this.#at++] = text.charCodeAt(i);
  }

  #room(length: number): void {
    if (this.#at + length <= this.#out.length) return;
    const out = new Uint8Array(Math.max(this.#at + length, this.#out.length * 2));
    out.set(this.#out);
    this.#out = out;
  }

  #finish(): Uint8Array {
    return this.#out.subarray(0, this.#at);
  }
}

function endOf(query: string, from: number): number {
  const end = query.indexOf('&', from);
  return end < 0 ? query.length : end;
}

/** Exactly 20 bytes, or false. */
function percentDecode(text: string, from: number, to: number, out: Uint8Array): boolean {
  let at = 0;
  for (let i = from; i < to; i++) {
    if (at === out.length) return false;
    let code = text.charCodeAt(i);
    if (code === 0x25) {
      const high = hexDigit(text.charCodeAt(i + 1));
      const low = hexDigit(text.charCodeAt(i + 2));
      if (i + 2 >= to || high < 0 || low < 0) return false;
      code = 16 * high + low;
      i += 2;
    }
    out[at++] = code;
  }
  return at === out.length;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** -1 for what is no number. */
function numberOf(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return from === to ? -1 : value;
}
