/**
 * The simulated network: hosts, boxes and realms, and the way of a packet through them.
 *
 *   sender → boxes in front of it (at once) → its uplink → core → the receiver's downlink → boxes → receiver
 *
 * Boxes stand next to their hosts: a packet opens its own NAT when it is sent, lost later or not, and meets the
 * receiver's NAT when it arrives. Inside a LAN the access links play no part.
 */
import type { Address, Endpoint, Prefix } from '@kith/core';
import { Box, NAT_KINDS } from './box.ts';
import type { BoxDrop, NatKind } from './box.ts';
import type { VirtualClock } from './clock.ts';
import { EndpointBook } from './endpoint-book.ts';
import { Host, realmOf } from './host.ts';
import type { Attachable, Carrier } from './host.ts';
import type { LinkDrop, LinkOptions } from './link.ts';
import type { Random } from './random.ts';
import { Realm, coreRealm } from './realm.ts';
import type { Owner } from './realm.ts';
import type { Fate, Trace } from './trace.ts';

export interface HostOptions {
  /** Where it is plugged in; the core by default. */
  readonly on?: Attachable;
  /** An address, or the family of which the next free one is taken; 4 by default. */
  readonly address?: Address | 4 | 6;
  readonly link?: LinkOptions;
}

export interface NatOptions extends Partial<NatKind> {
  readonly on?: Attachable;
  /** The outer address; the next free one by default. */
  readonly address?: Address;
  /** The prefix behind it. The default, as at everybody's home: 192.168.1.0/24. */
  readonly lan?: Prefix;
  /** One-way latency inside the LAN in ms. */
  readonly lanLatency?: number;
}

export interface FirewallOptions extends Partial<Pick<NatKind, 'filtering' | 'timeout' | 'inboundRefresh' | 'udp'>> {
  readonly on?: Attachable;
  /** One-way latency between hosts behind it in ms. */
  readonly lanLatency?: number;
}

/** What lies between two hosts beyond their access links. */
export interface PairQuality {
  /** One way, in ms. */
  readonly latency?: number;
  readonly loss?: number;
}

export interface NetworkParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly trace: Trace;
  readonly statsInterval: number;
}

interface Packet {
  readonly bytes: Uint8Array;
  readonly source: Host;
  readonly sent: number;
  /** As the sender wrote them. */
  readonly origin: Endpoint;
  readonly addressed: Endpoint;
  /** As boxes have changed them so far. */
  from: Endpoint;
  to: Endpoint;
  /** The realm in which `to` has an owner. */
  realm: Realm;
  /** Whether it never left the realm of its sender and that is a LAN. */
  local: boolean;
}

const DEFAULT_LAN = '192.168.1.0/24' as Prefix;
const LAN_LATENCY = 0.3;
/** Bytes of memory that are taken at once for copies of datagrams. */
const SLAB = 64 * 1024;

function pairKey(a: Host, b: Host): string {
  return a.index < b.index ? `${a.index}:${b.index}` : `${b.index}:${a.index}`;
}

export class Network implements Carrier {
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly statsInterval: number;
  /** The core: public addresses. */
  readonly internet: Realm = coreRealm();
  readonly #random: Random;
  readonly #draws: Random;
  readonly #book = new EndpointBook();
  readonly #hosts = new Map<string, Host>();
  readonly #boxes = new Map<string, Box>();
  readonly #pairs = new Map<string, PairQuality>();
  #slab: ArrayBuffer = new ArrayBuffer(0);
  #slabUsed: number = SLAB;
  #cuts: (readonly [ReadonlySet<Host>, ReadonlySet<Host>])[] = [];

  constructor(parts: NetworkParts) {
    this.clock = parts.clock;
    this.trace = parts.trace;
    this.statsInterval = parts.statsInterval;
    this.#random = parts.random;
    this.#draws = parts.random.fork('links');
  }

  /** All hosts, in the order in which they were made. */
  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** @throws RangeError if the name or the address is taken */
  host(name: string, options: HostOptions = {}): Host {
    this.#claim(name);
    const host = new Host(name, this.#hosts.size, this, options.link ?? {});
    host.attach(options.on ?? this.internet, options.address ?? 4);
    this.#hosts.set(name, host);
    return host;
  }

  /** A NAT with a LAN behind it; a port-restricted one unless `options` say otherwise. */
  nat(name: string, options: NatOptions = {}): Box {
    this.#claim(name);
    const { on, address, lan, lanLatency, ...kind } = options;
    const inner = new Realm({
      name: `the LAN of ${name}`,
      pools: [lan ?? DEFAULT_LAN],
      latency: lanLatency ?? LAN_LATENCY,
    });
    return this.#box(name, inner, on, true, { ...NAT_KINDS.portRestricted, ...kind }, address ?? 4);
  }

  /**
   * A stateful firewall without NAT: hosts behind it have addresses of the realm in front of it. Lets in what answers
   * to a packet outwards, by address and port unless `options` say otherwise.
   */
  firewall(name: string, options: FirewallOptions = {}): Box {
    this.#claim(name);
    const { on, lanLatency, ...kind } = options;
    const inner = new Realm({ name: `the inside of ${name}`, pools: null, latency: lanLatency ?? LAN_LATENCY });
    return this.#box(name, inner, on, false, { ...NAT_KINDS.portRestricted, ...kind }, 4);
  }

  /** Sets what lies between two hosts, both ways, on top of their access links. */
  between(a: Host, b: Host, quality: PairQuality): void {
    this.#pairs.set(pairKey(a, b), quality);
  }

  /**
   * Cuts every host of `a` off from every host of `b`, both ways.
   * @returns mends this cut alone
   */
  partition(a: Iterable<Host>, b: Iterable<Host>): () => void {
    const cut = [new Set(a), new Set(b)] as const;
    this.#cuts.push(cut);
    return () => {
      this.#cuts = this.#cuts.filter((one) => one !== cut);
    };
  }

  /** Mends all cuts. */
  heal(): void {
    this.#cuts = [];
  }

  /** Called by sockets; `from` is null where the host's own address is the source. */
  send(host: Host, from: Endpoint | null, port: number, to: Endpoint, bytes: Uint8Array): void {
    const { clock } = this;
    const target = this.#book.get(to);
    const way = host.sourceFor(target.address, port === 0 ? 1 : port);
    const origin = from ?? way?.from ?? to;
    const packet: Packet = {
      bytes: this.#copy(bytes),
      source: host,
      sent: clock.now,
      origin,
      addressed: to,
      from: origin,
      to,
      realm: way?.realm ?? this.internet,
      local: false,
    };
    if (host.isAsleep) return this.#end(packet, 'sender asleep', null, null);
    if (!host.isOnline) return this.#end(packet, 'sender offline', null, null);
    host.traffic.sent(bytes.length, clock.now);
    host.tap?.(packet.bytes, origin, to, 'out', host.now());
    if (way === null) return this.#end(packet, 'no route', null, null);
    if (target.group) this.#toGroup(packet, target.port);
    else this.#leave(packet);
  }

  #claim(name: string): void {
    if (this.#hosts.has(name) || this.#boxes.has(name)) throw new RangeError(`the name ${name} is taken`);
  }

  #box(
    name: string,
    lan: Realm,
    on: Attachable | undefined,
    translates: boolean,
    kind: NatKind,
    address: Address | 4,
  ): Box {
    const outer = on === undefined ? this.internet : realmOf(on);
    const random = this.#random.fork(`box ${name}`);
    const box = new Box({ name, outer, lan, translates, kind, random, book: this.#book }, address);
    this.#boxes.set(name, box);
    return box;
  }

  /** To every host of the LAN that has the port bound; groups do not cross boxes, and the core has none. */
  #toGroup(packet: Packet, port: number): void {
    const { realm } = packet;
    if (realm.latency === null) return this.#end(packet, 'no route', null, null);
    let listeners = 0;
    for (const owner of realm.owners()) {
      if (owner.kind !== 'host' || owner.host === packet.source || !owner.host.hasSocket(port)) continue;
      const copy = { ...packet, bytes: this.#copy(packet.bytes) };
      listeners++;
      this.clock.schedule(this.clock.now + realm.latency, () => this.#hand(copy, owner.host));
    }
    if (listeners === 0) this.#end(packet, 'no socket', null, null);
  }

  /** Goes outwards through the boxes in front of the sender until the destination has an owner, then onto the link. */
  #leave(first: Packet): void {
    let packet = first;
    let owner = this.#ownerIn(packet.realm, packet.to);
    packet.local = packet.realm.latency !== null && owner?.kind === 'host';
    while (owner === undefined) {
      const box: Box | null = packet.realm.gateway;
      if (box === null || packet.realm.onLink(this.#book.get(packet.to).address)) {
        return this.#end(packet, 'no route', null, null);
      }
      const passed = this.#pass(packet, box, 'out');
      if (passed === null) return;
      packet = passed;
      packet.realm = box.outer;
      owner = this.#ownerIn(packet.realm, packet.to);
      if (owner?.kind === 'box' && owner.box === box && box.translates && !box.kind.hairpin) {
        return this.#end(packet, 'no hairpin', null, box);
      }
    }
    this.#travel(packet, this.#peek(packet.realm, packet.to));
  }

  #ownerIn(realm: Realm, to: Endpoint): Owner | undefined {
    return realm.owner(this.#book.get(to).address);
  }

  /** Through a box: its tap, its rules, its interference. Null where the packet ended there. */
  #pass(packet: Packet, box: Box, direction: 'out' | 'in'): Packet | null {
    const { now } = this.clock;
    let { bytes } = packet;
    if (box.tap !== null || box.intercept !== null) {
      const seen = { bytes, from: packet.from, to: packet.to, direction, now };
      box.tap?.(seen);
      const kept = box.intercept === null ? bytes : box.intercept(seen);
      if (kept === null) {
        this.#end(packet, 'swallowed', null, box);
        return null;
      }
      bytes = kept;
    }
    const passed = bytes === packet.bytes ? packet : { ...packet, bytes };
    if (direction === 'out') {
      const answer = box.outbound(packet.from, packet.to, now);
      if (typeof answer === 'string') return this.#refused(passed, answer, box);
      passed.from = answer.source;
    } else {
      const answer = box.inbound(packet.from, packet.to, now);
      if (typeof answer === 'string') return this.#refused(passed, answer, box);
      passed.to = answer.destination;
    }
    return passed;
  }

  #refused(packet: Packet, why: BoxDrop, box: Box): null {
    this.#end(packet, why, this.#peek(packet.realm, packet.to), box);
    return null;
  }

  /** The host that a packet would reach if every filter let it. */
  #peek(realm: Realm, to: Endpoint): Host | null {
    let owner = this.#ownerIn(realm, to);
    let at = to;
    while (owner?.kind === 'box') {
      const next = owner.box.peek(at);
      if (next === null) return null;
      at = next;
      owner = this.#ownerIn(owner.box.lan, at);
    }
    return owner?.host ?? null;
  }

  #travel(packet: Packet, target: Host | null): void {
    const { clock } = this;
    if (packet.local && target !== null) {
      clock.schedule(clock.now + (packet.realm.latency ?? 0), () => this.#arrive(packet));
      return;
    }
    const { up } = packet.source.link;
    const taken = up.take(this.#wireSize(packet), clock.now, this.#draws);
    if (typeof taken === 'string') return this.#end(packet, taken, target, null);
    const pair =
      target === null || this.#pairs.size === 0 ? undefined : this.#pairs.get(pairKey(packet.source, target));
    if (pair?.loss !== undefined && this.#draws.chance(pair.loss)) return this.#end(packet, 'lost', target, null);
    const copies = this.#draws.chance(up.quality.duplicate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const down = target === null ? 0 : target.link.down.delay(this.#draws);
      const at = taken + up.delay(this.#draws) + (pair?.latency ?? 0) + down;
      const one = copy === 0 ? packet : { ...packet, bytes: this.#copy(packet.bytes) };
      clock.schedule(at, () => this.#arrive(one));
    }
  }

  /** Goes inwards through the boxes in front of the receiver. */
  #arrive(first: Packet): void {
    let packet = first;
    // A cut is in the core: the receiver's boxes must not see what it stops.
    const expected = this.#cuts.length === 0 ? null : this.#peek(packet.realm, packet.to);
    if (expected !== null && this.#isCut(packet.source, expected)) {
      return this.#end(packet, 'partitioned', expected, null);
    }
    let owner = this.#ownerIn(packet.realm, packet.to);
    while (owner?.kind === 'box') {
      const { box } = owner;
      const passed = this.#pass(packet, box, 'in');
      if (passed === null) return;
      packet = passed;
      packet.realm = box.lan;
      owner = this.#ownerIn(packet.realm, packet.to);
    }
    if (owner === undefined) return this.#end(packet, 'no route', null, null);
    this.#descend(packet, owner.host);
  }

  /** The receiver's downlink. */
  #descend(packet: Packet, target: Host): void {
    if (packet.local) return this.#hand(packet, target);
    const { down } = target.link;
    const taken: number | LinkDrop = down.take(this.#wireSize(packet), this.clock.now, this.#draws);
    if (typeof taken === 'string') return this.#end(packet, taken, target, null);
    if (this.#draws.chance(down.quality.duplicate)) {
      const copy = { ...packet, bytes: this.#copy(packet.bytes) };
      this.clock.schedule(taken, () => this.#hand(copy, target));
    }
    if (taken <= this.clock.now) this.#hand(packet, target);
    else this.clock.schedule(taken, () => this.#hand(packet, target));
  }

  #hand(packet: Packet, target: Host): void {
    if (this.#isCut(packet.source, target)) return this.#end(packet, 'partitioned', target, null);
    if (target.isAsleep) return this.#end(packet, 'receiver asleep', target, null);
    if (!target.isOnline) return this.#end(packet, 'receiver offline', target, null);
    const { port, group } = this.#book.get(packet.to);
    if (!target.hasSocket(port)) return this.#end(packet, 'no socket', target, null);
    if (!group && !target.owns(this.#book.get(packet.to).address)) return this.#end(packet, 'no route', target, null);
    // The record stands before the receiver's answers, and before the receiver decrypts in place.
    this.#end(packet, 'delivered', target, null);
    target.deliver(port, packet.bytes, packet.from, packet.to);
  }

  #isCut(a: Host, b: Host): boolean {
    if (this.#cuts.length === 0) return false;
    return this.#cuts.some(([one, other]) => (one.has(a) && other.has(b)) || (one.has(b) && other.has(a)));
  }

  /** A copy of its own, cut from a larger piece of memory: asking for a piece per packet takes most of its time. */
  #copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > SLAB / 8) return bytes.slice();
    if (this.#slabUsed + length > SLAB) {
      this.#slab = new ArrayBuffer(SLAB);
      this.#slabUsed = 0;
    }
    const copy = new Uint8Array(this.#slab, this.#slabUsed, length);
    this.#slabUsed += length;
    copy.set(bytes);
    return copy;
  }

  /** Bytes of IP: payload, UDP header, IP header. */
  #wireSize(packet: Packet): number {
    return packet.bytes.length + 8 + (this.#book.get(packet.to).family === 4 ? 20 : 40);
  }

  #end(packet: Packet, fate: Fate, target: Host | null, box: Box | null): void {
    const { origin, addressed, from, bytes } = packet;
    const endpoints =
      Math.imul(this.#book.get(origin).hash, 3) ^
      Math.imul(this.#book.get(addressed).hash, 5) ^
      Math.imul(this.#book.get(from).hash, 7);
    this.trace.add(
      {
        sent: packet.sent,
        time: this.clock.now,
        source: packet.source.name,
        target: target?.name ?? null,
        from: origin,
        to: addressed,
        seenAs: from,
        size: bytes.length,
        fate,
        place: box?.name ?? null,
      },
      bytes,
      endpoints,
    );
  }
}
