/** Peers on a virtual network with a virtual clock: delay and loss from a seed, a trace of every datagram. */
import { generateSecret, utf8 } from '@kith/core';
import type { DeviceLimits, PeerOptions } from '@kith/wireguard';
import { fraction, seededCrypto } from './crypto.ts';
import { TestPeer } from './peer.ts';

export interface Delivery {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  readonly lost: boolean;
}

interface Node {
  readonly peer: TestPeer<string>;
  readonly received: { at: number; packet: Uint8Array }[];
  nextPoll: number;
  /** The address that others see now. */
  address: string;
}

export class World {
  now = 1;
  delay = 20;
  /** Share of datagrams that vanish. */
  loss = 0;
  /** Datagrams for which this says true vanish too. */
  cut: (delivery: Delivery) => boolean = () => false;
  readonly trace: Delivery[] = [];
  readonly #seed: string;
  readonly #dice;
  readonly #nodes = new Map<string, Node>();
  readonly #calls: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(seed: string) {
    this.#seed = seed;
    this.#dice = seededCrypto(`${seed}/network`);
  }

  /** A peer called `name` at the address `name`. */
  node(name: string, limits?: Partial<DeviceLimits>): Node {
    const crypto = seededCrypto(`${this.#seed}/${name}`);
    const node: Node = {
      received: [],
      nextPoll: this.now,
      address: name,
      peer: new TestPeer<string>({
        crypto,
        secret: generateSecret(crypto),
        sourceBytes: utf8,
        ...(limits && { limits }),
        transmit: (bytes, to) => this.transmit(node.address, to, bytes),
        deliver: (_, packet, now) => node.received.push({ at: now, packet }),
      }),
    };
    this.#nodes.set(name, node);
    return node;
  }

  /** Two peers that know each other as handle 1. */
  pair(options: Omit<PeerOptions, 'publicKey'> = {}, limits?: Partial<DeviceLimits>): [Node, Node] {
    const a = this.node('a', limits);
    const b = this.node('b', limits);
    a.peer.add(1, { ...options, publicKey: b.peer.publicKey }, 'b');
    b.peer.add(1, { ...options, publicKey: a.peer.publicKey }, 'a');
    return [a, b];
  }

  transmit(from: string, to: string, bytes: Uint8Array): void {
    const sent = { at: this.now, from, to, bytes, lost: false };
    const lost = fraction(this.#dice) < this.loss || this.cut(sent);
    this.trace.push({ ...sent, lost });
    if (lost) return;
    this.at(this.now + this.delay * (0.5 + fraction(this.#dice)), () => {
      for (const node of this.#nodes.values()) {
        if (node.address === to) node.peer.handleDatagram(bytes, from, this.now);
      }
    });
  }

  at(time: number, run: () => void): void {
    this.#calls.push({ at: time, order: this.#order++, run });
    this.#calls.sort((x, y) => x.at - y.at || x.order - y.order);
  }

  /** Runs `run` every `interval` ms from now until `end`. */
  every(interval: number, end: number, run: () => void): void {
    for (let time = this.now; time < end; time += interval) this.at(time, run);
  }

  runUntil(end: number): void {
    for (;;) {
      const due = this.#due();
      if (due > end) break;
      this.now = Math.max(this.now, due);
      const call = this.#calls[0];
      if (call !== undefined && call.at <= this.now) {
        this.#calls.shift();
        call.run();
      }
      for (const node of this.#nodes.values()) {
        if ((node.peer.device.wakeAt() ?? Infinity) <= this.now) node.peer.device.tick(this.now);
        if (node.nextPoll <= this.now) {
          node.nextPoll = this.now + 1000;
          node.peer.poll(this.now);
        }
      }
    }
    this.now = end;
  }

  /** For the message of a failed test. */
  printTrace(): string {
    return this.trace
      .map((d) => `${d.at.toFixed(0)} ${d.from}>${d.to} type ${d.bytes[0]} ${d.bytes.length} B${d.lost ? ' lost' : ''}`)
      .join('\n');
  }

  #due(): number {
    let due = this.#calls[0]?.at ?? Infinity;
    for (const { peer, nextPoll } of this.#nodes.values()) {
      due = Math.min(due, nextPoll, peer.device.wakeAt() ?? Infinity);
    }
    return due;
  }
}
