/** Peers that others announced here (BEP 5), for a while and within bounds. */
import { type Address, fromHex, toHex } from '@kith/core';
import { type Contact, endpointKey, isLocal, type NodeAddress } from './contact.ts';
import type { DhtLimits } from './limits.ts';

interface StoredPeer {
  readonly address: NodeAddress;
  readonly until: number;
}

/** Longest list that is drawn from: what one answer holds several times over. */
const MOST_DRAWN = 1 << 16;

export class PeerStore {
  readonly #limits: DhtLimits;
  readonly #random: (length: number) => Uint8Array;
  /** By hex of the info-hash, the one announced longest ago first; peers likewise. */
  readonly #torrents = new Map<string, Map<string, StoredPeer>>();
  readonly #perSource = new Map<Address, number>();
  #samples: { readonly hashes: Uint8Array[]; readonly until: number } | undefined;

  constructor(limits: DhtLimits, random: (length: number) => Uint8Array) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Info-hashes with peers. */
  get size(): number {
    return this.#torrents.size;
  }

  /** False where the sender has too much here already. */
  add(infoHash: Uint8Array, address: Pick<Contact, 'ip' | 'port'>, now: number): boolean {
    const hash = toHex(infoHash);
    const key = endpointKey(address);
    const torrent = this.#torrents.get(hash);
    if (torrent?.has(key) === true) this.#drop(hash, key);
    else if (!isLocal(address.ip) && (this.#perSource.get(address.ip) ?? 0) >= this.#limits.peersPerSource)
      return false;
    const peers = this.#torrents.get(hash) ?? new Map<string, StoredPeer>();
    // Put last: maps remember the order in which they were filled.
    this.#torrents.delete(hash);
    this.#torrents.set(hash, peers);
    peers.set(key, { address: { ip: address.ip, port: address.port }, until: now + this.#limits.peerLife });
    this.#perSource.set(address.ip, (this.#perSource.get(address.ip) ?? 0) + 1);
    if (peers.size > this.#limits.peersPerTorrent) this.#drop(hash, firstKey(peers));
    if (this.#torrents.size > this.#limits.storedTorrents) this.#dropTorrent(firstKey(this.#torrents));
    return true;
  }

  /** At most `most` of its peers, drawn at random. */
  get(infoHash: Uint8Array, most: number, now: number): NodeAddress[] {
    const hash = toHex(infoHash);
    this.#expire(hash, now);
    const peers = [...(this.#torrents.get(hash)?.values() ?? [])].map(({ address }) => address);
    return draw(peers, most, this.#random);
  }

  /** Some info-hashes, the same ones for a while, so that asking often shows nobody everything (BEP 51). */
  sample(now: number): Uint8Array[] {
    if (this.#samples === undefined || now >= this.#samples.until) {
      const hashes = draw([...this.#torrents.keys()], this.#limits.samples, this.#random).map((hash) => fromHex(hash));
      this.#samples = { hashes, until: now + this.#limits.sampleInterval };
    }
    return this.#samples.hashes;
  }

  /** Forgets what is too old. */
  expire(now: number): void {
    for (const hash of this.#torrents.keys()) this.#expire(hash, now);
  }

  #expire(hash: string, now: number): void {
    const peers = this.#torrents.get(hash);
    if (peers === undefined) return;
    for (const [key, { until }] of peers) {
      if (until > now) break;
      this.#drop(hash, key);
    }
  }

  #dropTorrent(hash: string): void {
    for (const key of this.#torrents.get(hash)?.keys() ?? []) this.#drop(hash, key);
  }

  #drop(hash: string, key: string): void {
    const peers = this.#torrents.get(hash);
    const peer = peers?.get(key);
    if (peers === undefined || peer === undefined) return;
    peers.delete(key);
    if (peers.size === 0) this.#torrents.delete(hash);
    const left = (this.#perSource.get(peer.address.ip) ?? 1) - 1;
    if (left === 0) this.#perSource.delete(peer.address.ip);
    else this.#perSource.set(peer.address.ip, left);
  }
}

function firstKey(map: ReadonlyMap<string, unknown>): string {
  const [first = ''] = map.keys();
  return first;
}

/** Shuffles as much as is taken. */
function draw<T>(from: T[], most: number, random: (length: number) => Uint8Array): T[] {
  const count = Math.min(most, from.length, MOST_DRAWN);
  if (count === from.length) return from;
  const dice = random(4 * count);
  for (let i = 0; i < count; i++) {
    const word =
      (((dice[4 * i] as number) << 16) | ((dice[4 * i + 1] as number) << 8) | (dice[4 * i + 2] as number)) >>> 0;
    const other = i + Math.floor((word / 2 ** 24) * (from.length - i));
    [from[i], from[other]] = [from[other] as T, from[i] as T];
  }
  return from.slice(0, count);
}
