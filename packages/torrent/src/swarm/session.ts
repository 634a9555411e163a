import { KithError, toHex } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import type { Magnet } from '../metainfo/magnet.ts';
import type { Metainfo } from '../metainfo/metainfo.ts';
import type { PieceStore } from '../storage/piece-store.ts';
import type { Duplex, PeerAddress } from '../wire/duplex.ts';
import type { Handshake } from '../wire/handshake.ts';
import { torrentKey, type Encryption } from '../wire/mse.ts';
import { PeerWire, type Attachment, type WireLookup } from '../wire/peer-wire.ts';
import { encryptionFor } from './admission.ts';
import { BanList, type PeerIdentity } from './ban-list.ts';
import type { Bits } from './bits.ts';
import { canonicalPriority } from './canonical-priority.ts';
import { Dice } from './dice.ts';
import type { SwarmEvent } from './event.ts';
import { SWARM_LIMITS, type SwarmLimits } from './limits.ts';
import type { PeerSource } from './peer-book.ts';
import type { PickOrder } from './piece-picker.ts';
import { Throttle } from './throttle.ts';
import { Torrent, type TorrentContext } from './torrent.ts';
import { WakeList } from './wake-list.ts';

export interface SessionOptions {
  readonly hashes: Hashes;
  /** That many fresh bytes. */
  readonly random: (length: number) => Uint8Array;
  /** 20 bytes (BEP 20). */
  readonly peerId: Uint8Array;
  /** Name and version that peers get to see (BEP 10). */
  readonly client?: string;
  /** Where peers are accepted; 0 for nowhere. */
  readonly port?: number;
  /** How others see this node, for the canonical priority (BEP 40). */
  readonly externalIp?: string;
  /** A DHT node listens on the same port number (BEP 5). */
  readonly dht?: boolean;
  readonly encryption?: Encryption;
  readonly limits?: Partial<SwarmLimits>;
  /** Of all torrents together, bytes per second. */
  readonly downLimit?: number;
  readonly upLimit?: number;
  /** Who may be a peer of a torrent; asked for every candidate, before a dial and for who comes. Default everybody. */
  readonly permits?: (torrent: Torrent, ip: string) => boolean;
  /** Hears everything that happens. It may call the session. */
  readonly listener?: (event: SwarmEvent) => void;
  /** The session wants `tick` earlier than it said before: at that time, monotonic ms. */
  readonly wake?: (at: number) => void;
}

export interface AddOptions {
  /** What to share: one of the two. */
  readonly metainfo?: Metainfo;
  readonly magnet?: Magnet;
  /** Without it the torrent waits in `checking` for `Torrent.attach`. */
  readonly store?: PieceStore;
  /** Pieces that the store has, verified. None without it. */
  readonly have?: Bits;
  readonly paused?: boolean;
  /** Priority per file, 0..7, 0 for not wanted; files beyond the end of the list are wanted. */
  readonly priorities?: readonly number[];
  readonly order?: PickOrder;
  /** Peers that get blocks at once. */
  readonly uploadSlots?: number | 'adaptive';
  /** Bytes per second. */
  readonly downLimit?: number;
  readonly upLimit?: number;
}

/** What the shell is to connect to; it answers each with `connected` or `dialFailed`. */
export interface Dial {
  readonly torrent: Torrent;
  readonly address: PeerAddress;
}

/**
 * Many torrents that share connections, rates and an identity. Pure: the shell brings connections and the time, dials what
 * `dials` says and calls `tick` when `nextWake` comes.
 */
export class Session implements TorrentContext, WireLookup {
  readonly hashes: Hashes;
  readonly dice: Dice;
  readonly limits: SwarmLimits;
  readonly peerId: Uint8Array;
  readonly client: string;
  readonly port: number;
  readonly dht: boolean;
  readonly encryption: Encryption | undefined;
  readonly downThrottle: Throttle;
  readonly upThrottle: Throttle;
  readonly #options: SessionOptions;
  readonly #torrents = new Set<Torrent>();
  /** By the hex of each info-hash, cut to 20 bytes. */
  readonly #byHash = new Map<string, Torrent>();
  /** By the hex of what an encrypted connection says instead. */
  readonly #byKey = new Map<string, Uint8Array>();
  readonly #wakes = new WakeList<Torrent>();
  readonly #bans: BanList;
  /** Incoming connections that have not said whom they want, and since when; the oldest first. */
  readonly #handshaking = new Map<PeerWire, number>();
  /** Torrents that may have somebody to dial. */
  readonly #hungry = new Set<Torrent>();
  #now: number;
  #connections = 0;
  #dialing = 0;
  #announced: number = Number.POSITIVE_INFINITY;
  #ordering = false;

  constructor(options: SessionOptions, now: number) {
    this.#options = options;
    this.#now = now;
    this.hashes = options.hashes;
    this.dice = new Dice(options.random);
    this.limits = { ...SWARM_LIMITS, ...options.limits };
    this.peerId = options.peerId;
    this.client = options.client ?? 'kith';
    this.port = options.port ?? 0;
    this.dht = options.dht === true;
    this.encryption = options.encryption;
    this.downThrottle = new Throttle(options.downLimit ?? Number.POSITIVE_INFINITY, now);
    this.upThrottle = new Throttle(options.upLimit ?? Number.POSITIVE_INFINITY, now);
    this.#bans = new BanList(this.limits.bans);
  }

  get now(): number {
    return this.#now;
  }

  get torrents(): ReadonlySet<Torrent> {
    return this.#torrents;
  }

  /** Connections of all torrents, and incoming ones that have not said whom they want. */
  get connections(): number {
    return this.#connections + this.#handshaking.size;
  }

  /** @throws KithError TORRENT_DUPLICATE */
  add(options: AddOptions, now: number): Torrent {
    this.#setNow(now);
    const named = options.metainfo ?? options.magnet;
    if (named === undefined) throw new RangeError('a torrent needs its metainfo or a magnet link');
    const known = hashesOf(named).find((hash) => this.#byHash.has(toHex(hash)));
    if (known !== undefined) {
      const name = this.#byHash.get(toHex(known))?.name ?? '';
      throw new KithError('TORRENT_DUPLICATE', `${named.name ?? toHex(known)} is shared already, as ${name}`);
    }
    const torrent = new Torrent(
      this,
      {
        ...options,
        metainfo: options.metainfo,
        infoHash: named.infoHash,
        infoHashV2: named.infoHashV2,
        name: named.name ?? toHex(hashesOf(named)[0] ?? this.peerId),
        paused: options.paused === true,
      },
      now,
    );
    this.#torrents.add(torrent);
    for (const hash of hashesOf(named)) {
      this.#byHash.set(toHex(hash), torrent);
      this.#byKey.set(toHex(torrentKey(this.hashes, hash)), hash);
    }
    if (options.store !== undefined) torrent.attach(options.store, options.have, now);
    this.#orderTurns(now);
    return torrent;
  }

  /** Ends its connections and forgets it. Its store is the caller's to close. */
  remove(torrent: Torrent, now: number): void {
    this.#setNow(now);
    torrent.stop(now);
    this.#torrents.delete(torrent);
    this.#hungry.delete(torrent);
    this.#wakes.delete(torrent);
    for (const hash of hashesOf(torrent)) {
      this.#byHash.delete(toHex(hash));
      this.#byKey.delete(toHex(torrentKey(this.hashes, hash)));
    }
    this.#orderTurns(now);
  }

  /** @param infoHash 20 bytes, or 32 of v2 */
  find(infoHash: Uint8Array): Torrent | undefined {
    return this.#byHash.get(toHex(infoHash.subarray(0, 20)));
  }

  /** Somebody connected. @param only the torrent that they may name, where they came by a way of its own */
  accept(duplex: Duplex, now: number, only?: Torrent): void {
    this.#setNow(now);
    const full = this.connections >= this.limits.connections || this.#handshaking.size >= this.limits.handshaking;
    if (full || this.#bans.hasAddress(duplex.remote.ip, now)) {
      duplex.close(full ? 'too many connections' : 'banned');
      return;
    }
    const encryption = encryptionFor(duplex, this.encryption);
    const lookup = only === undefined ? this : this.#lookupOf(only);
    const wire = PeerWire.accepted(duplex, lookup, encryption === undefined ? {} : { encryption });
    this.#handshaking.set(wire, now);
    this.#announce(now + this.limits.handshakeTime);
  }

  /** A dial succeeded. @param address as `dials` gave it */
  connected(duplex: Duplex, torrent: Torrent, now: number, address: PeerAddress = duplex.remote): void {
    this.#setNow(now);
    this.#dialEnded(torrent, address);
    if (!this.#torrents.has(torrent) || !torrent.active || this.#bans.hasAddress(address.ip, now)) {
      torrent.book.ended(address, { useful: true, retryPlain: false }, now);
      duplex.close('not wanted any more');
      return;
    }
    torrent.admission.dialed(duplex, address, torrent.book.get(address)?.plain === true, now);
  }

  dialFailed(torrent: Torrent, address: PeerAddress, now: number): void {
    this.#setNow(now);
    this.#dialEnded(torrent, address);
    torrent.book.ended(address, { useful: false, retryPlain: false }, now);
    this.roomChanged(torrent);
  }

  /** Somebody told of peers. Private torrents take them from their trackers and from the user alone (BEP 27). */
  addPeers(
    torrent: Torrent,
    peers: readonly (PeerAddress & { readonly seed?: boolean })[],
    source: PeerSource,
    now: number,
  ): void {
    this.#setNow(now);
    if (torrent.private && source !== 'tracker' && source !== 'user' && source !== 'mesh') return;
    const ours = { ip: this.#options.externalIp ?? '', port: this.port };
    for (const { ip, port, seed } of peers) {
      if (this.#bans.hasAddress(ip, now) || !this.#permits(torrent, ip)) continue;
      const priority = ours.ip === '' ? this.dice.below(2 ** 32) : canonicalPriority(ours, { ip, port });
      torrent.book.add({ ip, port }, source, priority, seed === true);
    }
    this.roomChanged(torrent);
  }

  /** Whom to connect to now. */
  dials(now: number): Dial[] {
    this.#setNow(now);
    const dials: Dial[] = [];
    // One of each torrent in turn, so that one with many candidates does not starve the others.
    while (this.#hungry.size > 0 && this.#mayDial()) {
      for (const torrent of this.#hungry) {
        if (!this.#mayDial()) break;
        const address = this.#nextDial(torrent, now);
        if (address === undefined) this.#hungry.delete(torrent);
        else dials.push({ torrent, address });
      }
    }
    return dials;
  }

  /** Does what is due. Ask for `dials` after it. */
  tick(now: number): void {
    this.#setNow(now);
    this.#announced = Number.POSITIVE_INFINITY;
    for (const [wire, since] of this.#handshaking) {
      if (now - since < this.limits.handshakeTime) break;
      this.#handshaking.delete(wire);
      wire.close('no handshake');
    }
    // What is put off to this very moment while ticking comes in the next tick.
    const due: Torrent[] = [];
    for (let torrent = this.#wakes.take(now); torrent !== undefined; torrent = this.#wakes.take(now)) due.push(torrent);
    for (const torrent of due) {
      torrent.tick(now);
      this.roomChanged(torrent);
    }
  }

  /** When `tick` is to be called next, monotonic ms; infinity where nothing is to be done. */
  nextWake(): number {
    let next = this.#wakes.next;
    for (const since of this.#handshaking.values()) {
      next = Math.min(next, since + this.limits.handshakeTime);
      break;
    }
    this.#announced = next;
    return next;
  }

  /** Bytes per second for all torrents together; infinity for no limit. */
  setRateLimits(limits: { readonly down?: number; readonly up?: number }, now: number): void {
    this.#setNow(now);
    if (limits.down !== undefined) this.downThrottle.setRate(limits.down, now);
    if (limits.up !== undefined) this.upThrottle.setRate(limits.up, now);
    for (const torrent of this.#torrents) if (torrent.peers.size > 0) this.wakeAt(torrent, now);
  }

  // What torrents ask for.

  emit(event: SwarmEvent): void {
    this.#options.listener?.(event);
  }

  wakeAt(torrent: Torrent, at: number): void {
    if (!this.#torrents.has(torrent)) return;
    this.#wakes.setEarlier(torrent, at);
    this.#announce(at);
  }

  isBanned(id: Uint8Array, now: number): boolean {
    return this.#bans.hasId(id, now);
  }

  ban(torrent: Torrent, peer: PeerIdentity, reason: string, now: number): void {
    if (!this.#bans.ban(peer, now, now + this.limits.banTime)) return;
    this.emit({ kind: 'banned', torrent, ip: peer.ip, reason });
  }

  connectionOpened(): void {
    this.#connections++;
  }

  connectionClosed(torrent: Torrent): void {
    this.#connections--;
    this.roomChanged(torrent);
  }

  roomChanged(torrent: Torrent): void {
    if (!this.#torrents.has(torrent) || !torrent.active) return;
    const at = torrent.book.nextAt;
    if (at === Number.POSITIVE_INFINITY) return;
    if (at <= this.#now) {
      this.#hungry.add(torrent);
      this.#announce(this.#now);
    } else {
      this.wakeAt(torrent, at);
    }
  }

  stateChanged(torrent: Torrent, now: number): void {
    if (torrent.active) this.roomChanged(torrent);
    else this.#hungry.delete(torrent);
    this.#orderTurns(now);
  }

  // What incoming connections ask for.

  findTorrent(key: Uint8Array, remote: PeerAddress): Uint8Array | undefined {
    const infoHash = this.#byKey.get(toHex(key));
    const torrent = infoHash === undefined ? undefined : this.find(infoHash);
    return torrent !== undefined && this.#permits(torrent, remote.ip) ? infoHash : undefined;
  }

  attach(wire: PeerWire, handshake: Handshake, now: number): Attachment | undefined {
    this.#setNow(now);
    this.#handshaking.delete(wire);
    const torrent = this.find(handshake.infoHash);
    if (torrent === undefined || !this.#permits(torrent, wire.remote.ip)) return undefined;
    return torrent.admission.accepted(wire, handshake, now);
  }

  closed(wire: PeerWire): void {
    this.#handshaking.delete(wire);
  }

  #lookupOf(only: Torrent): WireLookup {
    const isIt = (infoHash: Uint8Array): boolean => this.find(infoHash) === only;
    return {
      findTorrent: (key, remote) => {
        const infoHash = this.findTorrent(key, remote);
        return infoHash !== undefined && isIt(infoHash) ? infoHash : undefined;
      },
      attach: (wire, handshake, now) => {
        if (isIt(handshake.infoHash)) return this.attach(wire, handshake, now);
        this.closed(wire);
        return undefined;
      },
      closed: (wire) => this.closed(wire),
    };
  }

  #permits(torrent: Torrent, ip: string): boolean {
    return this.#options.permits?.(torrent, ip) !== false;
  }

  #setNow(now: number): void {
    if (now > this.#now) this.#now = now;
  }

  #announce(at: number): void {
    if (at >= this.#announced) return;
    this.#announced = at;
    this.#options.wake?.(at);
  }

  #mayDial(): boolean {
    return this.#dialing < this.limits.dialing && this.connections + this.#dialing < this.limits.connections;
  }

  #nextDial(torrent: Torrent, now: number): PeerAddress | undefined {
    if (!torrent.active || torrent.connections.size + torrent.dialing >= this.limits.connectionsPerTorrent)
      return undefined;
    for (;;) {
      const candidate = torrent.book.next(now, torrent.seeding);
      if (candidate === undefined) break;
      if (this.#bans.hasAddress(candidate.address.ip, now) || !this.#permits(torrent, candidate.address.ip)) {
        torrent.book.refuse(candidate.address);
        continue;
      }
      this.#dialing++;
      torrent.dialing++;
      return candidate.address;
    }
    if (torrent.book.nextAt !== Number.POSITIVE_INFINITY) this.wakeAt(torrent, torrent.book.nextAt);
    return undefined;
  }

  /** Also for connections that nobody asked the shell to make. */
  #dialEnded(torrent: Torrent, address: PeerAddress): void {
    if (torrent.book.get(address)?.state !== 'dialing') return;
    this.#dialing--;
    torrent.dialing--;
  }

  /** The first so many, in the order in which they were added, have their turn. */
  #orderTurns(now: number): void {
    const { activeDownloads, activeSeeds } = this.limits;
    if (activeDownloads === Number.POSITIVE_INFINITY && activeSeeds === Number.POSITIVE_INFINITY) return;
    if (this.#ordering) return;
    this.#ordering = true;
    let downloads = 0;
    let seeds = 0;
    for (const torrent of this.#torrents) {
      const turn = torrent.wantsTurn;
      if (turn === 'download') torrent.setQueued(++downloads > activeDownloads, now);
      else if (turn === 'seed') torrent.setQueued(++seeds > activeSeeds, now);
    }
    this.#ordering = false;
  }
}

/** 20 bytes each. */
function hashesOf(named: {
  readonly infoHash?: Uint8Array | undefined;
  readonly infoHashV2?: Uint8Array | undefined;
}): Uint8Array[] {
  return [named.infoHash, named.infoHashV2].filter((hash) => hash !== undefined).map((hash) => hash.subarray(0, 20));
}
