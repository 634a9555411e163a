/** Lets the devices of one local network find this one: says when it comes and goes, and answers those that look for it. */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { TokenBucket } from '@kith/core';
import type { PeerFilter } from '../net/peer-filter.ts';
import {
  formatAlive,
  formatAnswer,
  formatByebye,
  MAX_AGE,
  parseSearch,
  SSDP_GROUP,
  SSDP_PORT,
  type SsdpDevice,
  targetsFor,
  targetsOf,
} from './ssdp-codec.ts';

export interface SsdpOptions {
  readonly device: SsdpDevice;
  /** IPv4 address of the interface that is used, and no other. */
  readonly address: string;
  /** Who is heard. */
  readonly filter: PeerFilter;
}

/** Datagrams a second that are read, of all others together. */
const RATE = 30;
const BURST = 100;
/** Answers that wait for their time; those above are not given, and whoever asked asks again. */
const MOST_WAITING = 100;
/** Datagrams get lost: what is said first is said this often, `GAP` ms apart. */
const REPEATS = 3;
const GAP = 300;
/** Hops: the local network is one; no router beyond it is passed (the specification allows four). */
const TTL = 1;

export class SsdpService {
  readonly #options: SsdpOptions;
  /** Hears the group. */
  readonly #ears: Socket = createSocket({ type: 'udp4', reuseAddr: true });
  /** Speaks from the interface's own address. */
  readonly #mouth: Socket = createSocket({ type: 'udp4' });
  readonly #rate: TokenBucket = new TokenBucket(RATE, BURST);
  readonly #timers: Set<NodeJS.Timeout> = new Set();
  #answers = 0;
  #closed = false;

  /** Rejects where the interface has no multicast or the address is gone. */
  static async start(options: SsdpOptions): Promise<SsdpService> {
    const service = new SsdpService(options);
    try {
      await service.#open();
    } catch (error) {
      await service.#shut();
      throw error;
    }
    for (let i = 0; i < REPEATS; i++) service.#after(i * GAP, () => service.#alive());
    service.#keepAlive();
    return service;
  }

  private constructor(options: SsdpOptions) {
    this.#options = options;
  }

  /** Says goodbye. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#stop();
    const { device } = this.#options;
    await Promise.all(targetsOf(device).map((target) => this.#say(formatByebye(device, target))));
    await this.#shut();
  }

  async #open(): Promise<void> {
    const { address } = this.#options;
    await Promise.all([bound(this.#ears, SSDP_PORT, SSDP_GROUP), bound(this.#mouth, 0, address)]);
    this.#ears.addMembership(SSDP_GROUP, address);
    this.#mouth.setMulticastInterface(address);
    this.#mouth.setMulticastTTL(TTL);
    for (const socket of [this.#ears, this.#mouth]) socket.on('error', () => undefined);
    this.#ears.on('message', (bytes, from) => this.#heard(bytes, from.address, from.port));
  }

  /** Nothing is said or heard by itself any more. */
  #stop(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #shut(): Promise<void> {
    this.#stop();
    await Promise.all(
      [this.#ears, this.#mouth].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  }

  #heard(bytes: Uint8Array, ip: string, port: number): void {
    const { device, filter } = this.#options;
    if (this.#closed || port === 0 || !filter.allows(ip) || !this.#rate.take(performance.now())) return;
    const search = parseSearch(bytes);
    if (search === undefined) return;
    // Everybody answers a search: spread, they do not drown the one who asked.
    for (const target of targetsFor(device, search)) {
      if (this.#answers >= MOST_WAITING) return;
      this.#answers++;
      this.#after(randomInt(search.within + 1), () => {
        this.#answers--;
        this.#mouth.send(formatAnswer(device, target), port, ip, () => undefined);
      });
    }
  }

  #alive(): void {
    const { device } = this.#options;
    for (const target of targetsOf(device)) void this.#say(formatAlive(device, target));
  }

  /** Again and again, well before what was said is old. */
  #keepAlive(): void {
    const half = MAX_AGE * 500;
    this.#after(half / 2 + randomInt(half / 2), () => {
      this.#alive();
      this.#keepAlive();
    });
  }

  /** What cannot be sent is like what got lost. */
  #say(datagram: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#mouth.send(datagram, SSDP_PORT, SSDP_GROUP, () => resolve()));
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

function bound(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
