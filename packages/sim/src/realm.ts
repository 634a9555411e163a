/**
 * A realm is a stretch of network in which addresses mean one thing: the Internet's core, the LAN behind a NAT, or the
 * addresses behind a firewall. Inside a realm packets go straight to the address; what has no owner there goes to the
 * realm's gateway.
 */
import { addressBytes, addressFrom, isIPv4, parseAddress, prefixContains, prefixParts } from '@kith/core';
import type { Address, Prefix } from '@kith/core';
import type { Box } from './box.ts';
import type { Host } from './host.ts';

/** Who answers for an address: a host, or a box with its outer side. */
export type Owner = { readonly kind: 'host'; readonly host: Host } | { readonly kind: 'box'; readonly box: Box };

/** Addresses for the core: the documentation and benchmark prefixes (RFC 5737, 2544, 3849), which no one owns. */
const CORE_POOLS: readonly Prefix[] = (
  ['203.0.113.0/24', '198.51.100.0/24', '192.0.2.0/24', '198.18.0.0/15', '2001:db8::/32'] as const
).map((text) => text as Prefix);

/** Remembered answers to "is this address on the link?". */
const ON_LINK_MEMORY = 4096;

export interface RealmOptions {
  readonly name: string;
  /** Prefixes from which addresses are given out, in order. Null: the outer realm's, and addresses show through. */
  readonly pools: readonly Prefix[] | null;
  /** One-way latency between two members in ms; null where the members' access links count. */
  readonly latency: number | null;
}

export class Realm {
  readonly name: string;
  readonly latency: number | null;
  /** The way out; null for the core. */
  gateway: Box | null = null;
  readonly #pools: readonly Prefix[] | null;
  readonly #given = new Map<Prefix, number>();
  readonly #owners = new Map<Address, Owner>();
  readonly #onLink = new Map<Address, boolean>();

  constructor(options: RealmOptions) {
    this.name = options.name;
    this.latency = options.latency;
    this.#pools = options.pools;
  }

  owner(address: Address): Owner | undefined {
    return this.#owners.get(address);
  }

  /** All owners, in the order in which they came. */
  owners(): Iterable<Owner> {
    return this.#owners.values();
  }

  /** Whether an address without an owner is on this link, so that asking the gateway is no use. */
  onLink(address: Address): boolean {
    const known = this.#onLink.get(address);
    if (known !== undefined) return known;
    const answer = this.gateway !== null && (this.#pools ?? []).some((pool) => prefixContains(pool, address));
    if (this.#onLink.size >= ON_LINK_MEMORY) this.#onLink.clear();
    this.#onLink.set(address, answer);
    return answer;
  }

  /**
   * Gives `owner` an address: the one asked for, or the next free one of the family.
   * @throws RangeError if the address is taken or none of the family is left
   */
  attach(owner: Owner, wanted: Address | 4 | 6): Address {
    let address: Address;
    if (this.#pools === null) {
      address = this.#gatewayOf().outer.attach({ kind: 'box', box: this.#gatewayOf() }, wanted);
    } else {
      address = typeof wanted === 'number' ? this.#allocate(this.#pools, wanted) : parseAddress(wanted);
    }
    if (this.#owners.has(address)) throw new RangeError(`${address} is taken in ${this.name}`);
    this.#owners.set(address, owner);
    return address;
  }

  detach(address: Address): void {
    if (!this.#owners.delete(address)) return;
    if (this.#pools === null) this.#gatewayOf().outer.detach(address);
  }

  #gatewayOf(): Box {
    if (this.gateway === null) throw new RangeError(`${this.name} has no gateway to lend it addresses`);
    return this.gateway;
  }

  #allocate(pools: readonly Prefix[], family: 4 | 6): Address {
    for (const pool of pools) {
      const { address: base, length } = prefixParts(pool);
      if (isIPv4(base) !== (family === 4)) continue;
      const spare = Math.min((family === 4 ? 32 : 128) - length, 24);
      const last = 2 ** spare - 2;
      // A LAN's first address is its router.
      for (let n = this.#given.get(pool) ?? (this.gateway === null ? 1 : 2); n <= last; n++) {
        const bytes = addressBytes(base);
        const end = bytes.length - 1;
        for (let i = 0, rest = n; i < 3; i++, rest >>>= 8) bytes[end - i] = (bytes[end - i] as number) | (rest & 0xff);
        const address = addressFrom(bytes);
        this.#given.set(pool, n + 1);
        if (!this.#owners.has(address)) return address;
      }
    }
    throw new RangeError(`${this.name} has no IPv${family} address left`);
  }
}

export function coreRealm(): Realm {
  return new Realm({ name: 'the internet', pools: CORE_POOLS, latency: null });
}
