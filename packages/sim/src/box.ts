/**
 * Boxes between two realms: NATs in the words of RFC 4787 (mapping in section 4.1, filtering in section 5, hairpinning
 * in section 6), and stateful firewalls, which filter alike and leave addresses alone.
 */
import { endpointOf } from '@kith/core';
import type { Address, Endpoint } from '@kith/core';
import type { EndpointBook } from './endpoint-book.ts';
import type { Random } from './random.ts';
import type { Realm } from './realm.ts';

/** On what of the remote side a NAT's mapping or filter depends. */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

export interface NatKind {
  readonly mapping: Dependence;
  readonly filtering: Dependence;
  /** Which outer port a new mapping gets. A port to be preserved that is taken falls back to a random one. */
  readonly ports: 'preserve' | 'random' | 'contiguous';
  /** Mappings and filter entries end this many ms after the last packet outwards (RFC 4787 REQ-5). */
  readonly timeout: number;
  /** Whether packets inwards keep a mapping alive too (RFC 4787 REQ-6 allows it, and it is rarely so). */
  readonly inboundRefresh: boolean;
  /** Whether inner hosts reach each other through their outer endpoints. */
  readonly hairpin: boolean;
  /** A NAT at this limit drops packets that need a new mapping. */
  readonly maxMappings: number;
  /** False: no UDP passes in either direction. */
  readonly udp: boolean;
}

const BASE: NatKind = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  ports: 'preserve',
  timeout: 120_000,
  inboundRefresh: false,
  hairpin: false,
  maxMappings: 16_384,
  udp: true,
};

/** Common kinds under their common names (RFC 3489 section 5), and those of Linux. */
export const NAT_KINDS: {
  readonly fullCone: NatKind;
  readonly addressRestricted: NatKind;
  readonly portRestricted: NatKind;
  readonly symmetric: NatKind;
  readonly linuxMasquerade: NatKind;
  readonly linuxRandom: NatKind;
} = {
  fullCone: { ...BASE, filtering: 'endpoint-independent' },
  addressRestricted: { ...BASE, filtering: 'address-dependent' },
  portRestricted: BASE,
  symmetric: { ...BASE, mapping: 'address-and-port-dependent', ports: 'random' },
  /** nftables `masquerade`. */
  linuxMasquerade: BASE,
  /** nftables `masquerade random` or `fully-random`; conntrack forgets a flow without answers after 30 s. */
  linuxRandom: { ...BASE, mapping: 'address-and-port-dependent', ports: 'random', timeout: 30_000 },
};

interface Mapping {
  readonly key: string;
  readonly inner: Endpoint;
  readonly outer: Endpoint;
  /** Last use that counts, in ms. */
  used: number;
  /** Remote addresses or endpoints (as the filter asks) → last packet towards them, in ms. */
  readonly contacts: Map<string, number>;
}

export type BoxDrop = 'udp blocked' | 'filtered' | 'no mapping' | 'mappings full' | 'no hairpin';

/** A packet as a box sees it on its way through. */
export interface PassingPacket {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly direction: 'out' | 'in';
  readonly now: number;
}

const FIRST_PORT = 1024;
const PORTS = 65536 - FIRST_PORT;
/** Contacts are swept of what is out of date once there are this many. */
const CONTACTS_SWEEP = 256;

export interface BoxParts {
  readonly name: string;
  readonly outer: Realm;
  readonly lan: Realm;
  readonly translates: boolean;
  readonly kind: NatKind;
  readonly random: Random;
  readonly book: EndpointBook;
}

export class Box {
  readonly name: string;
  /** The realm towards the core. */
  readonly outer: Realm;
  /** The realm of those behind the box. */
  readonly lan: Realm;
  /** True for a NAT, false for a firewall. */
  readonly translates: boolean;
  /** Sees each packet that reaches the box, in its form on the side it comes from. */
  tap: ((packet: PassingPacket) => void) | null = null;
  /** A hostile box: returns the bytes to go on with, or null to swallow the packet. */
  intercept: ((packet: PassingPacket) => Uint8Array | null) | null = null;
  #kind: NatKind;
  #address: Address | null = null;
  #nextPort = FIRST_PORT;
  #sweepAt = 64;
  readonly #random: Random;
  readonly #book: EndpointBook;
  readonly #byKey = new Map<string, Mapping>();
  readonly #byOuter = new Map<Endpoint, Mapping>();
  readonly #forwards = new Map<number, Endpoint>();

  constructor(parts: BoxParts, address: Address | 4) {
    this.name = parts.name;
    this.outer = parts.outer;
    this.lan = parts.lan;
    this.translates = parts.translates;
    this.#kind = parts.kind;
    this.#random = parts.random;
    this.#book = parts.book;
    this.lan.gateway = this;
    if (this.translates) this.#address = this.outer.attach({ kind: 'box', box: this }, address);
  }

  get kind(): NatKind {
    return this.#kind;
  }

  /** The outer address of a NAT; null for a firewall. */
  get address(): Address | null {
    return this.#address;
  }

  /** Mappings in use, those that ran out since the last packet included. */
  get mappings(): number {
    return this.#byKey.size;
  }

  /** A reboot: mappings and filters are lost, forwards stay. */
  reset(): void {
    this.#byKey.clear();
    this.#byOuter.clear();
    this.#nextPort = FIRST_PORT;
  }

  /** Another box in its place: the new kind, no mappings. */
  change(kind: Partial<NatKind>): void {
    this.#kind = { ...this.#kind, ...kind };
    this.reset();
  }

  /** A NAT gets another outer address, as after a reconnect. Mappings are lost. */
  changeAddress(address?: Address): void {
    if (this.#address === null) throw new RangeError(`${this.name} is a firewall: it has no address of its own`);
    const old = this.#address;
    this.#address = this.outer.attach({ kind: 'box', box: this }, address ?? 4);
    this.outer.detach(old);
    this.reset();
  }

  /** A static port forward, as by hand, PCP or UPnP: everybody reaches `inner` on `port`, and it sends from there. */
  forward(port: number, inner: Endpoint): void {
    if (!this.translates) throw new RangeError(`${this.name} is a firewall: it forwards no ports`);
    this.#forwards.set(port, inner);
  }

  unforward(port: number): void {
    this.#forwards.delete(port);
  }

  /**
   * A packet on its way out.
   * @returns the source endpoint that it has from here on
   */
  outbound(from: Endpoint, to: Endpoint, now: number): { readonly source: Endpoint } | BoxDrop {
    if (!this.#kind.udp) return 'udp blocked';
    for (const [port, inner] of this.#forwards) {
      if (inner === from) return { source: this.#outerEndpoint(port) };
    }
    const key = this.#key(this.#kind.mapping, from, to);
    let mapping = this.#byKey.get(key);
    if (mapping !== undefined && this.#isOver(mapping.used, now)) {
      this.#forget(mapping);
      mapping = undefined;
    }
    if (mapping === undefined) {
      const fresh = this.#open(key, from, now);
      if (fresh === null) return 'mappings full';
      mapping = fresh;
    }
    mapping.used = now;
    this.#contact(mapping, to, now);
    return { source: mapping.outer };
  }

  /**
   * A packet on its way in.
   * @returns the destination that it has from here on
   */
  inbound(from: Endpoint, to: Endpoint, now: number): { readonly destination: Endpoint } | BoxDrop {
    if (!this.#kind.udp) return 'udp blocked';
    const forwarded = this.#forwards.size > 0 ? this.#forwards.get(this.#book.get(to).port) : undefined;
    if (forwarded !== undefined) return { destination: forwarded };
    const { filtering } = this.#kind;
    // A firewall that filters nothing needs no state: it is a router.
    if (!this.translates && filtering === 'endpoint-independent') return { destination: to };
    const mapping = this.#byOuter.get(to);
    if (mapping === undefined || this.#isOver(mapping.used, now)) return this.translates ? 'no mapping' : 'filtered';
    if (filtering !== 'endpoint-independent') {
      const remote = this.#remote(from);
      const seen = mapping.contacts.get(remote);
      if (seen === undefined || this.#isOver(seen, now)) return 'filtered';
      if (this.#kind.inboundRefresh) mapping.contacts.set(remote, now);
    }
    if (this.#kind.inboundRefresh) mapping.used = now;
    return { destination: mapping.inner };
  }

  /** Whom a packet to `to` would be for if it passed the filter. */
  peek(to: Endpoint): Endpoint | null {
    if (!this.translates) return to;
    return this.#forwards.get(this.#book.get(to).port) ?? this.#byOuter.get(to)?.inner ?? null;
  }

  #isOver(used: number, now: number): boolean {
    return now - used >= this.#kind.timeout;
  }

  #key(dependence: Dependence, from: Endpoint, to: Endpoint): string {
    if (!this.translates || dependence === 'endpoint-independent') return from;
    return `${from}>${dependence === 'address-dependent' ? this.#book.get(to).address : to}`;
  }

  #remote(remote: Endpoint): string {
    return this.#kind.filtering === 'address-dependent' ? this.#book.get(remote).address : remote;
  }

  #contact(mapping: Mapping, to: Endpoint, now: number): void {
    if (this.#kind.filtering === 'endpoint-independent') return;
    const { contacts } = mapping;
    contacts.set(this.#remote(to), now);
    if (contacts.size % CONTACTS_SWEEP !== 0) return;
    for (const [remote, seen] of contacts) if (this.#isOver(seen, now)) contacts.delete(remote);
  }

  #open(key: string, inner: Endpoint, now: number): Mapping | null {
    if (this.#byKey.size >= Math.min(this.#sweepAt, this.#kind.maxMappings)) {
      for (const mapping of this.#byKey.values()) if (this.#isOver(mapping.used, now)) this.#forget(mapping);
      this.#sweepAt = Math.max(64, 2 * this.#byKey.size);
    }
    if (this.#byKey.size >= this.#kind.maxMappings) return null;
    const outer = this.translates ? this.#choosePort(inner, now) : inner;
    if (outer === null) return null;
    const mapping: Mapping = { key, inner, outer, used: now, contacts: new Map() };
    this.#byKey.set(key, mapping);
    this.#byOuter.set(outer, mapping);
    return mapping;
  }

  #choosePort(inner: Endpoint, now: number): Endpoint | null {
    const { ports } = this.#kind;
    let port = ports === 'preserve' ? this.#book.get(inner).port : this.#draw();
    for (let tries = 0; tries < 2 * PORTS; tries++) {
      const outer = this.#outerEndpoint(port);
      const holder = this.#byOuter.get(outer);
      if (holder !== undefined && this.#isOver(holder.used, now)) this.#forget(holder);
      if (!this.#byOuter.has(outer) && !this.#forwards.has(port)) return outer;
      port = this.#draw();
    }
    return null;
  }

  #draw(): number {
    if (this.#kind.ports !== 'contiguous') return FIRST_PORT + this.#random.int(PORTS);
    const port = this.#nextPort;
    this.#nextPort = port === 65535 ? FIRST_PORT : port + 1;
    return port;
  }

  #outerEndpoint(port: number): Endpoint {
    return endpointOf(this.#address as Address, port);
  }

  #forget(mapping: Mapping): void {
    this.#byKey.delete(mapping.key);
    this.#byOuter.delete(mapping.outer);
  }
}
