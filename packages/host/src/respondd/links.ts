/** The interfaces that routers are spoken with on, as the kernel has them now: they come and go while kith runs. */
import { networkInterfaces } from 'node:os';
import { type Address, parseAddress, type Prefix, prefixContains, scopeOf } from '@kith/core';

/** Where routers are: an interface, and the prefixes that they have addresses of besides link-local ones. */
export interface Segment {
  readonly interface: string;
  readonly prefixes: readonly Prefix[];
}

export interface Link {
  readonly name: string;
  /** The kernel's number of it: another one after it was made anew. */
  readonly index: number;
  /** Its link-local address. */
  readonly address: Address;
}

/** Null while the interface is not there, is down or has no link-local address yet. */
export function linkNamed(name: string): Link | null {
  const entries = networkInterfaces()[name] ?? [];
  for (const entry of entries) {
    if (entry.family !== 'IPv6' || !entry.address.startsWith('fe80:')) continue;
    return { name, index: entry.scopeid, address: parseAddress(entry.address) };
  }
  return null;
}

export function sameLink(a: Link | null, b: Link | null): boolean {
  return a?.index === b?.index && a?.address === b?.address;
}

/**
 * Whether a datagram with this source comes from a router on the segment: from its link, or in the name of an address of
 * its domain. Everything else would be answered, or believed, across networks.
 *
 * @param source as the kernel tells it: a link-local address has its interface behind a `%`
 */
export function isOnSegment(source: string, segment: Segment): boolean {
  const [text = '', zone] = source.split('%');
  try {
    const address = parseAddress(text);
    if (scopeOf(address) === 'link-local') return zone === segment.interface;
    return zone === undefined && segment.prefixes.some((prefix) => prefixContains(prefix, address));
  } catch {
    return false;
  }
}
