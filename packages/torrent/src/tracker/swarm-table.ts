/**
 * All swarms of a tracker: who is in which, in memory that is counted in bytes (see peer-table.ts) and with work per announce
 * that does not depend on how many peers or swarms there are.
 *
 * What happens when a limit is reached: nobody who is listed is pushed out. A newcomer to a full swarm or table, or one
 * whose address has its share, gets peers but is not listed; a swarm more than the limit, and one that the lists or the
 * filter do not permit, is refused.
 *
 * A swarm costs 20 bytes of hash, 12 for its counts, 4 for its hash, 5 to 11 in the index, 16 per family that it has had
 * peers of; it is freed with its last peer, and its count of completed downloads with it.
 */
import { grown } from './address-counts.ts';
import { Draw } from './draw.ts';
import { finish, HashIndex, mix, NONE } from './hash-index.ts';
import { PeerTable } from './peer-table.ts';

/** Where peers are reached: IPv4, IPv6, or through a connection that the tracker holds (WebTorrent). */
export type Family = 'ipv4' | 'ipv6' | 'connection';

export interface SwarmLimits {
  /** Swarms at once. Default 1,000,000. */
  readonly swarms?: number;
  /** Listed peers of all swarms and families. Default 4,000,000. */
  readonly peers?: number;
  /** Listed peers of one swarm and family. Default 100,000. */
  readonly peersPerSwarm?: number;
  /** Listed peers per IPv4 address or IPv6 /64, over all swarms. Default 2,000, 0 for no limit. */
  readonly peersPerAddress?: number;
  /** Time to live without an announce, in seconds. Default 2,700. */
  readonly silence?: number;
}

/**
 * One announce. A caller on the hot path keeps one and fills it again: nothing of it is kept here. `swarm`, `peer` are
 * filled by {@link SwarmTable.announce}.
 */
export class Visit {
  family: Family = 'ipv4';
  readonly infoHash: Uint8Array = new Uint8Array(20);
  /** IPv4 and connections use the first word only. */
  readonly address: Uint32Array = new Uint32Array(4);
  /** 0: cannot be reached, therefore not listed. Connections have 0 and are. */
  port = 0;
  seed = false;
  event: 'started' | 'completed' | 'stopped' | undefined = undefined;
  /** The swarm, or {@link NONE}: refused, or gone with this peer. */
  swarm: number = NONE;
  /** The asking peer's slot in its family, or {@link NONE} when it is not listed. */
  peer: number = NONE;
}

export type VisitOutcome = 'listed' | 'unlisted' | 'stopped' | 'refused' | 'full';

export interface SwarmTableOptions extends SwarmLimits {
  /** At least 16 random bytes are drawn once. */
  readonly random: (length: number) => Uint8Array;
  /** Asked once per swarm, when its first peer comes; false refuses it. */
  readonly permits?: (infoHash: Uint8Array) => boolean;
  /** A peer was silent for too long; it is still there during the call. */
  readonly expired?: (family: Family, peer: number) => void;
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6', 'connection'];
const FIRST = 16;
const HASH = 20;

export class SwarmTable {
  readonly ipv4: PeerTable;
  readonly ipv6: PeerTable;
  readonly connection: PeerTable;
  readonly draw: Draw;
  readonly #options: SwarmTableOptions;
  readonly #seed: number;
  readonly #swarmLimit: number;
  readonly #peerLimit: number;
  readonly #perSwarm: number;
  readonly #perAddress: number;
  readonly #silence: number;
  #index = new HashIndex();
  #hashes = new Uint8Array(FIRST * HASH);
  #completed = new Uint32Array(FIRST);
  /** Stack of free swarms, linked; id + 1. */
  #free = 0;
  #used = 0;
  #swarms = 0;
  #completedEver = 0;
  /** Marks those in use, so that a full scrape can walk. */
  #live = new Uint8Array(FIRST);

  constructor(options: SwarmTableOptions) {
    this.#options = options;
    const seed = options.random(16);
    this.draw = new Draw(seed);
    this.#seed = this.draw.next();
    this.ipv4 = new PeerTable(1, this.draw.next());
    this.ipv6 = new PeerTable(4, this.draw.next());
    this.connection = new PeerTable(1, this.draw.next());
    this.#swarmLimit = options.swarms ?? 1_000_000;
    this.#peerLimit = options.peers ?? 4_000_000;
    this.#perSwarm = options.peersPerSwarm ?? 100_000;
    this.#perAddress = options.peersPerAddress ?? 2_000;
    this.#silence = options.silence ?? 2_700;
  }

  get swarms(): number {
    return this.#swarms;
  }

  get peers(): number {
    return this.ipv4.count + this.ipv6.count + this.connection.count;
  }

  /** Downloads that were reported complete since the start, also of swarms that are gone. */
  get completedEver(): number {
    return this.#completedEver;
  }

  /** Memory of all arrays. */
  get bytes(): number {
    const own = this.#hashes.byteLength + this.#completed.byteLength + this.#live.byteLength + this.#index.bytes;
    return own + this.ipv4.bytes + this.ipv6.bytes + this.connection.bytes;
  }

  table(family: Family): PeerTable {
    if (family === 'ipv4') return this.ipv4;
    return family === 'ipv6' ? this.ipv6 : this.connection;
  }

  seeds(swarm: number): number {
    let seeds = 0;
    for (const family of FAMILIES) {
      const table = this.table(family);
      seeds += table.total(swarm) - table.leechers(swarm);
    }
    return seeds;
  }

  leechers(swarm: number): number {
    return this.ipv4.leechers(swarm) + this.ipv6.leechers(swarm) + this.connection.leechers(swarm);
  }

  /** Peers that said "completed" while they were known as leechers. */
  completed(swarm: number): number {
    return this.#completed[swarm] as number;
  }

  /** The swarm of the 20 bytes at `at`, or {@link NONE}. */
  find(bytes: Uint8Array, at: number): number {
    const index = this.#index;
    for (let place = index.first(this.#hash(bytes, at)); ; place = index.next(place)) {
      const swarm = index.at(place);
      if (swarm === NONE || this.#is(swarm, bytes, at)) return swarm;
    }
  }

  /** `now` in ms, monotonic and not negative. */
  announce(visit: Visit, now: number): VisitOutcome {
    const table = this.table(visit.family);
    const tick = Math.floor(now / 1000);
    visit.peer = NONE;
    visit.swarm = this.find(visit.infoHash, 0);
    const known = visit.swarm === NONE ? NONE : table.find(visit.swarm, visit.address, visit.port);
    if (visit.event === 'stopped') {
      if (known !== NONE) this.remove(visit.family, known);
      if (visit.swarm !== NONE && this.#live[visit.swarm] === 0) visit.swarm = NONE;
      return 'stopped';
    }
    if (known !== NONE) {
      if (visit.event === 'completed' && !table.isSeed(known)) {
        this.#completed[visit.swarm] = (this.#completed[visit.swarm] as number) + 1;
        this.#completedEver++;
      }
      table.touch(known, visit.seed, tick);
      visit.peer = known;
      return 'listed';
    }
    if (visit.swarm === NONE && this.#options.permits?.(visit.infoHash) === false) return 'refused';
    if (visit.port === 0 && visit.family !== 'connection') return 'unlisted';
    if (this.peers >= this.#peerLimit || this.#addressIsFull(table, visit.address)) return 'unlisted';
    if (visit.swarm === NONE) {
      if (this.#swarms >= this.#swarmLimit) return 'full';
      visit.swarm = this.#open(visit.infoHash);
    } else if (table.total(visit.swarm) >= this.#perSwarm) return 'unlisted';
    visit.peer = table.add(visit.swarm, visit.address, visit.port, visit.seed, tick);
    return 'listed';
  }

  remove(family: Family, peer: number): void {
    const table = this.table(family);
    const swarm = table.swarmOf(peer);
    table.remove(peer);
    this.#closeIfEmpty(swarm);
  }

  /**
   * Removes those who were silent for too long, at most `most` of them.
   * @returns how many; `most` of them means that there may be more
   */
  expire(now: number, most = 10_000): number {
    const before = Math.floor(now / 1000) - this.#silence;
    let removed = 0;
    for (const family of FAMILIES) {
      const table = this.table(family);
      for (let peer = table.expired(before); peer !== NONE && removed < most; peer = table.expired(before)) {
        this.#options.expired?.(family, peer);
        this.remove(family, peer);
        removed++;
      }
    }
    return removed;
  }

  /** Ends a swarm at once, for example because it is denied from now on. False if there is none. */
  end(infoHash: Uint8Array): boolean {
    const swarm = this.find(infoHash, 0);
    if (swarm === NONE) return false;
    for (const family of FAMILIES) {
      const table = this.table(family);
      while (table.total(swarm) > 0) {
        const peer = table.someOf(swarm);
        this.#options.expired?.(family, peer);
        this.remove(family, peer);
      }
    }
    return true;
  }

  /** The 20 bytes of a swarm's info-hash: a view, valid until the next announce. */
  hashOf(swarm: number): Uint8Array {
    return this.#hashes.subarray(swarm * HASH, swarm * HASH + HASH);
  }

  /** The first swarm at `from` or after it, or {@link NONE}: walks all of them in as many steps as the caller likes. */
  walk(from: number): number {
    for (let swarm = from; swarm < this.#used; swarm++) if (this.#live[swarm] === 1) return swarm;
    return NONE;
  }

  #addressIsFull(table: PeerTable, address: Uint32Array): boolean {
    if (this.#perAddress === 0 || table === this.connection) return false;
    const low = table.width === 1 ? 0 : (address[1] as number);
    return table.addresses.get(address[0] as number, low) >= this.#perAddress;
  }

  #open(infoHash: Uint8Array): number {
    let swarm = this.#free - 1;
    if (swarm !== NONE) this.#free = this.#completed[swarm] as number;
    else {
      swarm = this.#used++;
      if (swarm === this.#completed.length) {
        this.#completed = grown(this.#completed, swarm + 1);
        const { length } = this.#completed;
        this.#hashes = grownBytes(this.#hashes, length * HASH);
        this.#live = grownBytes(this.#live, length);
      }
    }
    this.#hashes.set(infoHash, swarm * HASH);
    this.#completed[swarm] = 0;
    this.#live[swarm] = 1;
    this.#index.add(swarm, this.#hash(infoHash, 0));
    this.#swarms++;
    return swarm;
  }

  #closeIfEmpty(swarm: number): void {
    if (this.ipv4.total(swarm) + this.ipv6.total(swarm) + this.connection.total(swarm) > 0) return;
    this.#index.remove(swarm);
    this.#live[swarm] = 0;
    this.#completed[swarm] = this.#free;
    this.#free = swarm + 1;
    if (--this.#swarms > 0) return;
    this.#index = new HashIndex();
    this.#hashes = new Uint8Array(FIRST * HASH);
    this.#completed = new Uint32Array(FIRST);
    this.#live = new Uint8Array(FIRST);
    this.#free = 0;
    this.#used = 0;
  }

  #hash(bytes: Uint8Array, at: number): number {
    let hash = this.#seed;
    for (let i = at; i < at + HASH; i += 4) {
      const word =
        (bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24);
      hash = mix(hash, word);
    }
    return finish(hash);
  }

  #is(swarm: number, bytes: Uint8Array, at: number): boolean {
    const from = swarm * HASH;
    for (let i = 0; i < HASH; i++) if (this.#hashes[from + i] !== bytes[at + i]) return false;
    return true;
  }
}

function grownBytes(old: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  out.set(old);
  return out;
}
