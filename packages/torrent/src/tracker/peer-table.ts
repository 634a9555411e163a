/**
 * The peers of one address family in all swarms, without an object per peer. A peer is a slot of parallel arrays; each
 * swarm has one list of slots with its leechers first and its seeds behind them, so that "any" and "leechers only" are both
 * a range to draw from. One list in order of last announces replaces a timer per peer: all have the same time to live.
 *
 * Memory per peer (4 bytes per word of address): address, port 2, swarm 4, place in the list 4, time 4, order 8, hash 4;
 * its place in the index 5.3 to 10.7, in the list 4 to 8. Arrays grow by half, so up to a third of them waits for newcomers.
 * All in all below 80 bytes on IPv4 and 100 on IPv6, counts per address included (a test holds it).
 */
import { AddressCounts, grown } from './address-counts.ts';
import { Arena } from './arena.ts';
import type { Draw } from './draw.ts';
import { finish, HashIndex, mix, NONE } from './hash-index.ts';

const FIRST = 16;

export class PeerTable {
  /** Words of an address: 1 on IPv4 and for connections, 4 on IPv6. */
  readonly width: 1 | 4;
  /** Counts per IPv4 address or IPv6 /64. */
  addresses: AddressCounts;
  readonly #seed: number;
  #index = new HashIndex();
  #lists = new Arena();
  #count = 0;
  #used = 0;
  /** First free slot, linked through `#newer`. */
  #free = NONE;

  #address: Uint32Array;
  #ports = new Uint16Array(FIRST);
  #swarms = new Uint32Array(FIRST);
  #places = new Uint32Array(FIRST);
  #seen = new Uint32Array(FIRST);
  /** Neighbours in order of last announce, slot + 1. */
  #older = new Uint32Array(FIRST);
  #newer = new Uint32Array(FIRST);
  #oldest = 0;
  #newest = 0;

  /** Per swarm: where its list lies, the size of its segment, peers, leechers among them. */
  #listAt = new Uint32Array(FIRST);
  #listSize = new Uint32Array(FIRST);
  #totals = new Uint32Array(FIRST);
  #leechers = new Uint32Array(FIRST);

  constructor(width: 1 | 4, seed: number) {
    this.width = width;
    this.#seed = seed;
    this.#address = new Uint32Array(FIRST * width);
    this.addresses = new AddressCounts(seed ^ 0x5bd1e995);
  }

  get count(): number {
    return this.#count;
  }

  /** Memory of the arrays. */
  get bytes(): number {
    const perPeer = 4 * this.width + 2 + 5 * 4;
    return (
      this.#ports.length * perPeer +
      this.#listAt.length * 16 +
      this.#index.bytes +
      this.#lists.bytes +
      this.addresses.bytes
    );
  }

  total(swarm: number): number {
    return this.#totals[swarm] ?? 0;
  }

  leechers(swarm: number): number {
    return this.#leechers[swarm] ?? 0;
  }

  swarmOf(peer: number): number {
    return this.#swarms[peer] as number;
  }

  /** First word of a peer's address. */
  wordOf(peer: number): number {
    return this.#address[peer * this.width] as number;
  }

  isSeed(peer: number): boolean {
    return (this.#places[peer] as number) >= (this.#leechers[this.#swarms[peer] as number] as number);
  }

  /** The slot of a peer, or {@link NONE}. */
  find(swarm: number, address: Uint32Array, port: number): number {
    const index = this.#index;
    for (let at = index.first(this.#hash(swarm, address, port)); ; at = index.next(at)) {
      const peer = index.at(at);
      if (peer === NONE || this.#is(peer, swarm, address, port)) return peer;
    }
  }

  /** Adds a peer that is not there; `tick` must not be below that of any other call. */
  add(swarm: number, address: Uint32Array, port: number, seed: boolean, tick: number): number {
    const peer = this.#slot();
    const { width } = this;
    for (let i = 0; i < width; i++) this.#address[peer * width + i] = address[i] as number;
    this.#ports[peer] = port;
    this.#swarms[peer] = swarm;
    this.#index.add(peer, this.#hash(swarm, address, port));
    this.#append(swarm, peer);
    if (!seed) this.#toLeechers(peer);
    this.#link(peer, tick);
    this.addresses.add(this.#high(peer), this.#low(peer));
    this.#count++;
    return peer;
  }

  /** Notes that a peer is alive, and whether it has everything by now. */
  touch(peer: number, seed: boolean, tick: number): void {
    if (seed !== this.isSeed(peer)) {
      if (seed) this.#toSeeds(peer);
      else this.#toLeechers(peer);
    }
    this.#unlink(peer);
    this.#link(peer, tick);
  }

  remove(peer: number): void {
    const swarm = this.#swarms[peer] as number;
    if (!this.isSeed(peer)) this.#toSeeds(peer);
    const words = this.#lists.words;
    const start = this.#listAt[swarm] as number;
    const total = (this.#totals[swarm] as number) - 1;
    const last = words[start + total] as number;
    const place = this.#places[peer] as number;
    words[start + place] = last;
    this.#places[last] = place;
    this.#totals[swarm] = total;
    this.#shrink(swarm, total);
    this.#unlink(peer);
    this.#index.remove(peer);
    this.addresses.remove(this.#high(peer), this.#low(peer));
    this.#newer[peer] = this.#free + 1;
    this.#free = peer;
    if (--this.#count === 0) this.#reset();
  }

  /** The peer that was silent for longest if that is since before `tick`, otherwise {@link NONE}. */
  expired(tick: number): number {
    const peer = this.#oldest - 1;
    return peer !== NONE && (this.#seen[peer] as number) < tick ? peer : NONE;
  }

  /** Any peer of a swarm that has some. */
  someOf(swarm: number): number {
    return this.#lists.words[this.#listAt[swarm] as number] as number;
  }

  /**
   * Draws up to `wanted` different peers at random and calls nothing: their slots go to `out`. Cost is that of what is
   * drawn. The list, without the asking peer `self` (or {@link NONE}), is cut into as many stretches as are wanted, and one
   * is drawn of each; the cut begins anywhere, so all have the same chance.
   * @returns how many there are
   */
  pick(swarm: number, wanted: number, leechersOnly: boolean, self: number, draw: Draw, out: Uint32Array): number {
    const range = leechersOnly ? this.leechers(swarm) : this.total(swarm);
    const selfAt = self === NONE ? range : (this.#places[self] as number);
    const others = selfAt < range ? range - 1 : range;
    const take = Math.min(wanted, others, out.length);
    if (take <= 0) return 0;
    const words = this.#lists.words;
    const start = this.#listAt[swarm] as number;
    const shift = draw.below(others);
    for (let i = 0; i < take; i++) {
      const from = Math.floor((i * others) / take);
      const to = Math.floor(((i + 1) * others) / take);
      let at = from + shift + (to - from > 1 ? draw.below(to - from) : 0);
      if (at >= others) at -= others;
      out[i] = words[start + (at < selfAt ? at : at + 1)] as number;
    }
    return take;
  }

  /** Compact form: address and port in network order (BEP 23, BEP 7). @returns the offset behind it */
  write(peer: number, out: Uint8Array, at: number): number {
    let end = at;
    const from = peer * this.width;
    for (let i = 0; i < this.width; i++) {
      const word = this.#address[from + i] as number;
      out[end++] = word >>> 24;
      out[end++] = word >>> 16;
      out[end++] = word >>> 8;
      out[end++] = word;
    }
    const port = this.#ports[peer] as number;
    out[end++] = port >>> 8;
    out[end++] = port;
    return end;
  }

  #high(peer: number): number {
    return this.#address[peer * this.width] as number;
  }

  #low(peer: number): number {
    return this.width === 1 ? 0 : (this.#address[peer * this.width + 1] as number);
  }

  #hash(swarm: number, address: Uint32Array, port: number): number {
    let hash = mix(mix(this.#seed, swarm), port);
    for (let i = 0; i < this.width; i++) hash = mix(hash, address[i] as number);
    return finish(hash);
  }

  #is(peer: number, swarm: number, address: Uint32Array, port: number): boolean {
    if (this.#swarms[peer] !== swarm || this.#ports[peer] !== port) return false;
    const { width } = this;
    for (let i = 0; i < width; i++) if (this.#address[peer * width + i] !== address[i]) return false;
    return true;
  }

  #slot(): number {
    if (this.#free !== NONE) {
      const peer = this.#free;
      this.#free = (this.#newer[peer] as number) - 1;
      return peer;
    }
    const peer = this.#used++;
    if (peer === this.#ports.length) {
      this.#swarms = grown(this.#swarms, peer + 1);
      this.#places = grown(this.#places, peer + 1);
      this.#seen = grown(this.#seen, peer + 1);
      this.#older = grown(this.#older, peer + 1);
      this.#newer = grown(this.#newer, peer + 1);
      const { length } = this.#swarms;
      const ports = new Uint16Array(length);
      ports.set(this.#ports);
      this.#ports = ports;
      this.#address = grown(this.#address, length * this.width);
    }
    return peer;
  }

  #append(swarm: number, peer: number): void {
    if (swarm >= this.#totals.length) {
      this.#listAt = grown(this.#listAt, swarm + 1);
      this.#listSize = grown(this.#listSize, swarm + 1);
      this.#totals = grown(this.#totals, swarm + 1);
      this.#leechers = grown(this.#leechers, swarm + 1);
    }
    const total = this.#totals[swarm] as number;
    const size = this.#listSize[swarm] as number;
    if (total === 0) {
      this.#listAt[swarm] = this.#lists.take(0);
      this.#listSize[swarm] = 0;
    } else if (total === 2 ** size) {
      this.#listAt[swarm] = this.#lists.move(this.#listAt[swarm] as number, size, size + 1, total);
      this.#listSize[swarm] = size + 1;
    }
    this.#lists.words[(this.#listAt[swarm] as number) + total] = peer;
    this.#places[peer] = total;
    this.#totals[swarm] = total + 1;
  }

  #shrink(swarm: number, total: number): void {
    const size = this.#listSize[swarm] as number;
    const start = this.#listAt[swarm] as number;
    if (total === 0) this.#lists.give(start, size);
    else if (size > 1 && total * 4 <= 2 ** size) {
      this.#listAt[swarm] = this.#lists.move(start, size, size - 1, total);
      this.#listSize[swarm] = size - 1;
    }
  }

  /** Swaps the peer with the first seed and moves the border behind it. */
  #toLeechers(peer: number): void {
    const swarm = this.#swarms[peer] as number;
    const border = this.#leechers[swarm] as number;
    this.#swap(swarm, this.#places[peer] as number, border);
    this.#leechers[swarm] = border + 1;
  }

  /** Swaps the peer with the last leecher and moves the border before it. */
  #toSeeds(peer: number): void {
    const swarm = this.#swarms[peer] as number;
    const border = (this.#leechers[swarm] as number) - 1;
    this.#swap(swarm, this.#places[peer] as number, border);
    this.#leechers[swarm] = border;
  }

  #swap(swarm: number, a: number, b: number): void {
    const words = this.#lists.words;
    const start = this.#listAt[swarm] as number;
    const first = words[start + a] as number;
    const second = words[start + b] as number;
    words[start + a] = second;
    words[start + b] = first;
    this.#places[second] = a;
    this.#places[first] = b;
  }

  #link(peer: number, tick: number): void {
    this.#seen[peer] = tick;
    this.#older[peer] = this.#newest;
    this.#newer[peer] = 0;
    if (this.#newest === 0) this.#oldest = peer + 1;
    else this.#newer[this.#newest - 1] = peer + 1;
    this.#newest = peer + 1;
  }

  #unlink(peer: number): void {
    const older = this.#older[peer] as number;
    const newer = this.#newer[peer] as number;
    if (older === 0) this.#oldest = newer;
    else this.#newer[older - 1] = newer;
    if (newer === 0) this.#newest = older;
    else this.#older[newer - 1] = older;
  }

  /** The last one left: what a rush made grow is given back. */
  #reset(): void {
    this.addresses = new AddressCounts(this.#seed ^ 0x5bd1e995);
    this.#index = new HashIndex();
    this.#lists = new Arena();
    this.#used = 0;
    this.#free = NONE;
    this.#address = new Uint32Array(FIRST * this.width);
    this.#ports = new Uint16Array(FIRST);
    this.#swarms = new Uint32Array(FIRST);
    this.#places = new Uint32Array(FIRST);
    this.#seen = new Uint32Array(FIRST);
    this.#older = new Uint32Array(FIRST);
    this.#newer = new Uint32Array(FIRST);
    this.#listAt = new Uint32Array(FIRST);
    this.#listSize = new Uint32Array(FIRST);
    this.#totals = new Uint32Array(FIRST);
    this.#leechers = new Uint32Array(FIRST);
  }
}
