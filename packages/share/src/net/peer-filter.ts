/** Which addresses may be peers: asked before a connection is opened and when one has come. */
import { parseAddress, prefixContains, scopeOf, type Prefix } from '@kith/core';

export interface PeerFilter {
  /** `ip` as in `PeerAddress`. */
  allows(ip: string): boolean;
}

/** The whole Internet: for what its owner made public. */
export const EVERYBODY: PeerFilter = { allows: () => true };

/** This machine only: for tests and benchmarks. */
export const LOOPBACK_ONLY: PeerFilter = { allows: (ip) => scopeOf(parseAddress(ip)) === 'loopback' };

/** Addresses of these prefixes only: those of a mesh keep what is shared inside it. */
export function within(prefixes: readonly Prefix[]): PeerFilter {
  return {
    allows(ip: string): boolean {
      const address = parseAddress(ip);
      return prefixes.some((prefix) => prefixContains(prefix, address));
    },
  };
}
