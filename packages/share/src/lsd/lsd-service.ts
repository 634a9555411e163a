/** Peers in the local network (BEP 14): says what this node has to multicast groups, and hears what others say. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { TokenBucket } from '@kith/core';
import type { PeerAddress } from '@kith/torrent';
import type { PeerFilter } from '../net/peer-filter.ts';
import { formatLsd, parseLsd } from './lsd-codec.ts';
import { LsdSchedule } from './lsd-schedule.ts';

export interface LsdOptions {
  /** Where this node takes peers: TCP. */
  readonly port: number;
  /** Whose word counts. */
  readonly filter: PeerFilter;
  /** Names of the interfaces to use; all that have addresses, loopback left out, without it. */
  readonly interfaces?: readonly string[];
  readonly onPeer: (infoHash: Uint8Array, peer: PeerAddress) => void;
}

const PORT = 6771;
const GROUP4 = '239.192.152.143';
const GROUP6 = 'ff15::efc0:988f';
/** Datagrams a second that are read, of all others together. */
const RATE = 50;
const BURST = 200;
/** Longest time that Node's timers take, ms. */
const LONGEST = 2 ** 31 - 1;

interface Group {
  readonly socket: Socket;
  readonly family: 4 | 6;
  readonly group: string;
}

export class LsdService {
  readonly #options: LsdOptions;
  readonly #cookie: string = `kith-${randomBytes(4).toString('hex')}`;
  readonly #schedule: LsdSchedule = new LsdSchedule();
  readonly #rate: TokenBucket = new TokenBucket(RATE, BURST);
  readonly #groups: Group[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Joins the groups on every interface that can; none is no error, as a machine may have no network. */
  static async start(options: LsdOptions): Promise<LsdService> {
    const service = new LsdService(options);
    for (const { family, address, name } of interfacesOf(options.interfaces))
      await service.#join(family, address, name);
    return service;
  }

  private constructor(options: LsdOptions) {
    this.#options = options;
  }

  /** Groups that were joined, counted for each interface. */
  get joined(): number {
    return this.#groups.length;
  }

  /** Announces a torrent from now on and hears of its peers. Private ones are the caller's to keep away (BEP 27). */
  add(infoHash: Uint8Array): void {
    this.#schedule.add(infoHash, performance.now());
    this.#plan();
  }

  delete(infoHash: Uint8Array): void {
    this.#schedule.delete(infoHash);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#groups.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  /** A socket for each interface: what it sends leaves there, whatever the routes say. */
  async #join(family: 4 | 6, address: string, name: string): Promise<void> {
    const socket = createSocket({ type: `udp${family}`, reuseAddr: true, ipv6Only: family === 6 });
    const [bindTo, group, via] = family === 4 ? [GROUP4, GROUP4, address] : ['::', `${GROUP6}`, `::%${name}`];
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ port: PORT, address: bindTo }, () => {
          socket.off('error', reject);
          resolve();
        });
      });
      socket.addMembership(group, via);
      socket.setMulticastInterface(via);
      socket.setMulticastTTL(1);
      socket.setMulticastLoopback(true);
    } catch {
      // This interface has no multicast, or no such family.
      socket.close();
      return;
    }
    socket.on('error', () => undefined);
    socket.on('message', (bytes, from) => this.#heard(bytes, from.address.replace(/%.*$/, '')));
    this.#groups.push({ socket, family, group });
  }

  #heard(bytes: Uint8Array, ip: string): void {
    const { filter, onPeer } = this.#options;
    if (this.#closed || !this.#rate.take(performance.now()) || !filter.allows(ip)) return;
    const announce = parseLsd(bytes);
    if (announce === undefined || announce.cookie === this.#cookie) return;
    for (const infoHash of announce.infoHashes) {
      if (this.#schedule.has(infoHash)) onPeer(infoHash, { ip, port: announce.port });
    }
  }

  #plan(): void {
    clearTimeout(this.#timer);
    const next = this.#schedule.nextWake();
    if (this.#closed || next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#announce(), Math.min(LONGEST, Math.max(0, next - performance.now())));
  }

  #announce(): void {
    const infoHashes = this.#schedule.take(performance.now());
    if (infoHashes.length > 0) {
      const { port } = this.#options;
      for (const { socket, family, group } of this.#groups) {
        const host = family === 4 ? `${GROUP4}:${PORT}` : `[${GROUP6}]:${PORT}`;
        // What cannot be sent is like what got lost.
        socket.send(formatLsd(host, { port, infoHashes, cookie: this.#cookie }), PORT, group, () => undefined);
      }
    }
    this.#plan();
  }
}

interface Interface {
  readonly name: string;
  readonly family: 4 | 6;
  readonly address: string;
}

/** One of each family for every interface. */
function interfacesOf(names: readonly string[] | undefined): Interface[] {
  const found: Interface[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, family: text, internal } of addresses ?? []) {
      if (names === undefined ? internal : !names.includes(name)) continue;
      const family = text === 'IPv4' ? 4 : 6;
      if (!found.some((known) => known.name === name && known.family === family)) found.push({ name, family, address });
    }
  }
  return found;
}
