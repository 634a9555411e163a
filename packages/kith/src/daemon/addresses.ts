/** This machine's addresses, as far as other machines may reach it by them. */
import { networkInterfaces } from 'node:os';
import { type Address, isIPv4, parseAddress, type Prefix, prefixesOverlap, prefixOf, scopeOf } from '@kith/core';

export interface LocalAddress {
  readonly interface: string;
  readonly address: Address;
  /** The prefix of the interface that the address is in. */
  readonly prefix: Prefix;
}

/** Addresses of all interfaces that are up, without loopback and link-local, sorted. */
export function localAddresses(): LocalAddress[] {
  const out: LocalAddress[] = [];
  for (const [name, entries] of Object.entries(networkInterfaces())) {
    for (const entry of entries ?? []) {
      const address = parseAddress(entry.address);
      const scope = scopeOf(address);
      if (entry.internal || (scope !== 'private' && scope !== 'global')) continue;
      const length = Number(entry.cidr?.split('/')[1] ?? (isIPv4(address) ? 32 : 128));
      out.push({ interface: name, address, prefix: prefixOf(address, length) });
    }
  }
  return out.toSorted((a, b) => (a.interface + a.address < b.interface + b.address ? -1 : 1));
}

/** The candidates for the mesh: what is on kith's own interfaces, this network's or another's, leads in circles. */
export function reachableAddresses(all: readonly LocalAddress[], own: readonly string[]): Address[] {
  return all
    .filter((local) => !own.includes(local.interface) && !local.interface.startsWith('kith'))
    .map((local) => local.address);
}

/** A private /24 that overlaps none of `used`: the first of 10.0.0.0/24, 10.0.1.0/24 … */
export function freePrefix(used: readonly Prefix[]): Prefix | null {
  for (let i = 0; i < 65536; i++) {
    const prefix = `10.${i >> 8}.${i & 255}.0/24` as Prefix;
    if (!used.some((other) => prefixesOverlap(other, prefix))) return prefix;
  }
  return null;
}
