/**
 * The nodes that are known (BEP 5): bucket i holds nodes whose ids share exactly i leading bits with the own one. Only who
 * answered a question gets in. The first buckets, into which nearly all nodes fall, are larger: lookups get shorter.
 *
 * One party with many ids does not get far: an address has one place, a /24 or /64 one in each bucket and a few in all,
 * and ids that are right for their address (BEP 42) push others out. Local addresses are exempt where the owner says so.
 */
import { equalBytes } from '@kith/core';
import { commonPrefix, compareDistance, idBeside } from './distance.ts';
import { type Contact, endpointKey, ID_LENGTH, isLocal, netOf, type NodeAddress } from './contact.ts';
import { isSecureId } from './secure-id.ts';

export interface TableOptions {
  readonly closest: number;
  readonly perNetBucket: number;
  readonly perNetTable: number;
  readonly stale: number;
  /** Nodes of local networks may be as many as there are: small networks of one's own. */
  readonly exemptLocal: boolean;
  /** Nodes whose id is wrong for their address (BEP 42) are not taken at all. */
  readonly onlySecure: boolean;
}

export interface TableEntry {
  readonly contact: Contact;
  readonly secure: boolean;
  /** When it answered last, monotonic ms. */
  seen: number;
  /** Questions without an answer since. */
  failures: number;
}

interface Bucket {
  readonly entries: TableEntry[];
  /** Who answered when the bucket was full; the latest last. */
  readonly spare: TableEntry[];
  /** When a lookup last went there. */
  refreshed: number;
}

const FIRST_BUCKETS = [64, 32, 16];
const MOST_SPARE = 8;
/** Failures after which a node gives way to another one, and after which it is forgotten anyhow. */
const BAD = 2;
const GONE = 5;

export class RoutingTable {
  readonly id: Uint8Array;
  readonly #options: TableOptions;
  readonly #buckets: Bucket[];
  /** By address; by endpoint where the address is exempt. */
  readonly #byPlace = new Map<string, TableEntry>();
  readonly #perNet = new Map<string, number>();

  constructor(id: Uint8Array, options: TableOptions, now: number) {
    this.id = id;
    this.#options = options;
    this.#buckets = Array.from({ length: 8 * ID_LENGTH + 1 }, () => ({ entries: [], spare: [], refreshed: now }));
  }

  get size(): number {
    return this.#byPlace.size;
  }

  /** It answered. True where it is new. */
  answered(contact: Contact, now: number): boolean {
    if (equalBytes(contact.id, this.id)) return false;
    const known = this.#byPlace.get(this.#placeOf(contact));
    if (known !== undefined) {
      if (known.contact.port === contact.port && equalBytes(known.contact.id, contact.id)) {
        known.seen = now;
        known.failures = 0;
        return false;
      }
      // Another node at the same address while the first one is well: nobody needs two.
      if (known.contact.port !== contact.port && known.failures === 0) return false;
      this.#remove(known);
    }
    const secure = isSecureId(contact.id, contact.ip);
    if (this.#options.onlySecure && !secure) return false;
    return this.#insert({ contact, secure, seen: now, failures: 0 });
  }

  /** It did not answer. */
  failed(address: NodeAddress): void {
    const entry = this.#byPlace.get(this.#placeOf(address));
    if (entry === undefined || entry.contact.port !== address.port) return;
    entry.failures++;
    const bucket = this.#bucketOf(entry.contact.id);
    if (entry.failures >= GONE || (entry.failures >= BAD && bucket.spare.length > 0)) {
      this.#remove(entry);
      for (let next = bucket.spare.pop(); next !== undefined; next = bucket.spare.pop()) {
        if (!this.#byPlace.has(this.#placeOf(next.contact)) && this.#insert(next)) break;
      }
    }
  }

  /** Whether it is worth asking a node that is not known whether it is there. */
  wants(contact: Contact): boolean {
    if (equalBytes(contact.id, this.id) || this.#byPlace.has(this.#placeOf(contact))) return false;
    const secure = isSecureId(contact.id, contact.ip);
    if (this.#options.onlySecure && !secure) return false;
    const bucket = this.#bucketOf(contact.id);
    if (!this.#netHasRoom(bucket, contact)) return false;
    if (bucket.entries.length < this.#capacity(bucket)) return true;
    return bucket.entries.some((entry) => entry.failures >= BAD || (secure && !entry.secure));
  }

  /** The `count` closest to `target` of those that answered their last question. */
  closest(target: Uint8Array, count: number): Contact[] {
    const out: Contact[] = [];
    const shared = commonPrefix(this.id, target);
    const take = (buckets: readonly Bucket[]): void => {
      const found: Contact[] = [];
      for (const { entries } of buckets) {
        for (const entry of entries) if (entry.failures === 0) found.push(entry.contact);
      }
      found.sort((a, b) => compareDistance(target, a.id, b.id));
      for (const contact of found) if (out.length < count) out.push(contact);
    };
    // Nodes of the target's own bucket share most with it; those of all later buckets come next, together.
    take(this.#buckets.slice(shared, shared + 1));
    if (out.length < count) take(this.#buckets.slice(shared + 1));
    for (let i = shared - 1; i >= 0 && out.length < count; i--) take(this.#buckets.slice(i, i + 1));
    return out;
  }

  /** The node that was silent longest, and too long. */
  stalest(now: number): TableEntry | undefined {
    let stalest: TableEntry | undefined;
    for (const entry of this.#byPlace.values()) {
      const since = entry.failures > 0 ? now - entry.seen : now - entry.seen - this.#options.stale;
      if (since >= 0 && (stalest === undefined || entry.seen < stalest.seen)) stalest = entry;
    }
    return stalest;
  }

  /** A place to look around at, in a bucket where nothing was looked for lately; undefined where all is fresh. */
  refreshTarget(now: number, random: (length: number) => Uint8Array): Uint8Array | undefined {
    const deepest = this.#buckets.findLastIndex(({ entries }) => entries.length > 0);
    const last = Math.min(deepest + 1, 8 * ID_LENGTH - 1);
    for (let i = 0; i <= last; i++) {
      const bucket = this.#buckets[i] as Bucket;
      if (now - bucket.refreshed < this.#options.stale) continue;
      bucket.refreshed = now;
      return idBeside(this.id, i, random);
    }
    return undefined;
  }

  /** A lookup for `target` has begun. */
  touch(target: Uint8Array, now: number): void {
    this.#bucketOf(target).refreshed = now;
  }

  /** All nodes, the ones that answered last first. */
  contacts(): Contact[] {
    const entries = [...this.#byPlace.values()].filter(({ failures }) => failures < BAD);
    return entries.toSorted((a, b) => b.seen - a.seen).map(({ contact }) => contact);
  }

  #insert(entry: TableEntry): boolean {
    const bucket = this.#bucketOf(entry.contact.id);
    if (!this.#netHasRoom(bucket, entry.contact)) return false;
    if (bucket.entries.length >= this.#capacity(bucket)) {
      const bad = bucket.entries.find(({ failures }) => failures >= BAD);
      const victim = bad ?? (entry.secure ? bucket.entries.find(({ secure }) => !secure) : undefined);
      if (victim === undefined) {
        keepSpare(bucket.spare, entry);
        return false;
      }
      this.#remove(victim);
    }
    bucket.entries.push(entry);
    this.#byPlace.set(this.#placeOf(entry.contact), entry);
    const net = netOf(entry.contact.ip);
    this.#perNet.set(net, (this.#perNet.get(net) ?? 0) + 1);
    return true;
  }

  #remove(entry: TableEntry): void {
    const { entries } = this.#bucketOf(entry.contact.id);
    entries.splice(entries.indexOf(entry), 1);
    this.#byPlace.delete(this.#placeOf(entry.contact));
    const net = netOf(entry.contact.ip);
    const left = (this.#perNet.get(net) ?? 1) - 1;
    if (left === 0) this.#perNet.delete(net);
    else this.#perNet.set(net, left);
  }

  #netHasRoom(bucket: Bucket, { ip }: NodeAddress): boolean {
    if (this.#exempt(ip)) return true;
    const net = netOf(ip);
    const all = this.#perNet.get(net) ?? 0;
    if (all === 0) return true;
    if (all >= this.#options.perNetTable) return false;
    let here = 0;
    for (const { contact } of bucket.entries) if (netOf(contact.ip) === net) here++;
    return here < this.#options.perNetBucket;
  }

  #bucketOf(id: Uint8Array): Bucket {
    return this.#buckets[commonPrefix(this.id, id)] as Bucket;
  }

  #capacity(bucket: Bucket): number {
    const larger = FIRST_BUCKETS.findIndex((_, i) => this.#buckets[i] === bucket);
    return Math.max(this.#options.closest, FIRST_BUCKETS[larger] ?? 0);
  }

  #placeOf(address: NodeAddress): string {
    return this.#exempt(address.ip) ? endpointKey(address) : address.ip;
  }

  #exempt(ip: NodeAddress['ip']): boolean {
    return this.#options.exemptLocal && isLocal(ip);
  }
}

function keepSpare(spare: TableEntry[], entry: TableEntry): void {
  const { ip } = entry.contact;
  const same = spare.findIndex(({ contact }) => netOf(contact.ip) === netOf(ip) && !isLocal(ip));
  if (same >= 0) spare.splice(same, 1);
  else if (spare.length >= MOST_SPARE) spare.shift();
  spare.push(entry);
}
