/** Hundreds of DHT nodes in virtual time: delays, loss, nodes that vanish; everything from one seed. */
import { type Address, parseAddress } from '@kith/core';
import { DhtNode, type DhtEvent, type DhtNodeOptions } from '../../src/dht/dht-node.ts';
import { secureId } from '../../src/dht/secure-id.ts';
import { Heap } from '../../src/swarm/heap.ts';
import { Draw } from '../../src/tracker/draw.ts';
import type { PeerAddress } from '../../src/wire/duplex.ts';
import { crypto, hashes, seeded } from './support.ts';

/** Anything that hears datagrams: nodes, and the hostile things that tests make. */
interface Host {
  handle(datagram: Uint8Array, from: PeerAddress, now: number): void;
  pollSend(): { readonly to: PeerAddress; readonly bytes: Uint8Array } | undefined;
  tick(now: number): void;
  nextWake(now: number): number;
}

interface Resident {
  readonly host: Host;
  readonly address: PeerAddress;
  wakeAt: number;
  alive: boolean;
}

export interface SimNode {
  readonly node: DhtNode;
  readonly address: PeerAddress;
  readonly events: DhtEvent[];
}

export interface WorldOptions {
  readonly seed: string;
  /** Share of datagrams that get lost. */
  readonly loss?: number;
}

export class World {
  now = 1000;
  datagrams = 0;
  loss: number;
  readonly random: (length: number) => Uint8Array;
  readonly #draw: Draw;
  readonly #residents = new Map<string, Resident>();
  readonly #events = new Heap<{ at: number; run: () => void }>((a, b) => a.at < b.at);
  #netsUsed = new Set<string>();

  constructor({ seed, loss = 0 }: WorldOptions) {
    this.random = seeded(seed);
    this.#draw = new Draw(this.random(16));
    this.loss = loss;
  }

  /** An address of its own /24, or /64. */
  freshIp(family: 4 | 6 = 4): Address {
    for (;;) {
      const part = () => this.#draw.below(200) + 20;
      const text = family === 4 ? `${part()}.${part()}.${part()}.${part()}` : `2001:${part()}:${part()}:${part()}::1`;
      const ip = parseAddress(text);
      const net = ip.slice(0, ip.lastIndexOf(family === 4 ? '.' : '::'));
      if (this.#netsUsed.has(net) || /^(?:100|127|169|172|192|198|203)\./.test(ip)) continue;
      this.#netsUsed.add(net);
      return ip;
    }
  }

  /** A node whose id fits its address, unless `state` says otherwise. */
  node(
    options: Partial<DhtNodeOptions> = {},
    at: PeerAddress = { ip: this.freshIp(options.family), port: 6881 },
  ): SimNode {
    const events: DhtEvent[] = [];
    const ip = parseAddress(at.ip);
    const node = new DhtNode(
      {
        family: 4,
        random: this.random,
        hashes,
        crypto,
        state: { id: secureId(ip, this.random), contacts: [] },
        listener: (event) => events.push(event),
        ...options,
      },
      this.now,
    );
    this.settle(node, at);
    return { node, address: at, events };
  }

  /** Puts something into the network. */
  settle(host: Host, address: PeerAddress): void {
    const resident = { host, address, wakeAt: Number.POSITIVE_INFINITY, alive: true };
    this.#residents.set(`${address.ip} ${address.port}`, resident);
    this.#after(resident);
  }

  /** Takes it out, without a word. */
  kill({ address }: { readonly address: PeerAddress }): void {
    const key = `${address.ip} ${address.port}`;
    const resident = this.#residents.get(key);
    if (resident !== undefined) resident.alive = false;
    this.#residents.delete(key);
  }

  /** Something outside of its turns was done to it. */
  poke({ address }: { readonly address: PeerAddress }): void {
    const resident = this.#residents.get(`${address.ip} ${address.port}`);
    if (resident !== undefined) this.#after(resident);
  }

  send(bytes: Uint8Array, from: PeerAddress, to: PeerAddress): void {
    this.datagrams++;
    if (this.#draw.next() / 2 ** 32 < this.loss) return;
    const delay = 20 + this.#draw.below(180);
    this.at(this.now + delay, () => {
      const resident = this.#residents.get(`${to.ip} ${to.port}`);
      if (resident === undefined) return;
      resident.host.handle(bytes, from, this.now);
      this.#after(resident);
    });
  }

  at(time: number, run: () => void): void {
    this.#events.push({ at: time, run });
  }

  run(duration: number): void {
    const end = this.now + duration;
    for (let event = this.#events.peek(); event !== undefined && event.at <= end; event = this.#events.peek()) {
      this.#events.pop();
      this.now = Math.max(this.now, event.at);
      event.run();
    }
    this.now = end;
  }

  /** Runs until `condition`, which is looked at every 100 ms. */
  until(condition: () => boolean, most: number, what: string): void {
    const end = this.now + most;
    while (!condition()) {
      if (this.now > end) throw new Error(`not within ${most} ms: ${what}`);
      this.run(100);
    }
  }

  /** So many nodes that know each other, begun one after the other from the first. */
  network(count: number, options: (i: number) => Partial<DhtNodeOptions> = () => ({})): SimNode[] {
    const nodes: SimNode[] = [];
    for (let i = 0; i < count; i++) {
      const made = this.node(options(i));
      const others = [0, 1, 2].map(() => nodes[this.#draw.below(nodes.length)]).filter((other) => other !== undefined);
      made.node.bootstrap(
        others.map(({ address }) => address),
        this.now,
      );
      nodes.push(made);
      this.poke(made);
      this.run(50);
    }
    this.run(20_000);
    return nodes;
  }

  #after(resident: Resident): void {
    const { host, address } = resident;
    for (let out = host.pollSend(); out !== undefined; out = host.pollSend()) this.send(out.bytes, address, out.to);
    const wake = Math.max(this.now + 1, host.nextWake(this.now));
    if (wake >= resident.wakeAt && resident.wakeAt > this.now) return;
    resident.wakeAt = wake;
    if (wake === Number.POSITIVE_INFINITY) return;
    this.at(wake, () => {
      if (!resident.alive || resident.wakeAt !== wake) return;
      resident.wakeAt = Number.POSITIVE_INFINITY;
      host.tick(this.now);
      this.#after(resident);
    });
  }
}
