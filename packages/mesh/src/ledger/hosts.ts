/** Host addresses of an IPv4 prefix as numbers: what a member may have, and which one is free. */
import { addressBytes, addressFrom, isIPv4, prefixParts } from '@kith/core';
import type { Address, Prefix } from '@kith/core';

/** The hosts of a prefix: `base + 1 … base + count`; network and broadcast address are none. */
export interface Hosts {
  readonly base: number;
  readonly count: number;
}

export function hostsOf(prefix: Prefix): Hosts {
  const { address, length } = prefixParts(prefix);
  return { base: addressNumber(address), count: 2 ** (32 - length) - 2 };
}

export function addressNumber(address: Address): number {
  const [a, b, c, d] = addressBytes(address) as Uint8Array & [number, number, number, number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export function addressOf(number: number): Address {
  return addressFrom(Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number));
}

export function isHost(prefix: Prefix, address: Address): boolean {
  return isIPv4(address) && isHostNumber(hostsOf(prefix), addressNumber(address));
}

export function isHostNumber(hosts: Hosts, number: number): boolean {
  const offset = number - hosts.base;
  return offset >= 1 && offset <= hosts.count;
}

/** The first host that is not taken, counted upward from `start` (0-based) and around; null if there is none. */
export function freeHost(hosts: Hosts, taken: ReadonlySet<number>, start: number): number | null {
  for (let i = 0; i < hosts.count && i <= taken.size; i++) {
    const candidate = hosts.base + 1 + ((start + i) % hosts.count);
    if (!taken.has(candidate)) return candidate;
  }
  return null;
}
