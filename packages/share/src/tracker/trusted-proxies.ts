/** Whose word about a client's address counts: X-Forwarded-For is anybody's to write, so it is read from known proxies only. */
import {
  type Address,
  addressBytes,
  KithError,
  parseAddress,
  parsePrefix,
  type Prefix,
  prefixContains,
  prefixOf,
} from '@kith/core';

export class TrustedProxies {
  readonly #prefixes: readonly Prefix[];

  /** Prefixes such as `10.0.0.0/8`, or single addresses. @throws KithError `ADDRESS_INVALID` */
  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes.map((text) => {
      if (text.includes('/')) return parsePrefix(text);
      const address = parseAddress(text);
      return prefixOf(address, addressBytes(address).length * 8);
    });
  }

  has(address: Address): boolean {
    return this.#prefixes.some((prefix) => prefixContains(prefix, address));
  }

  /**
   * The client's address: that of the connection, unless it is a trusted proxy; then the last one of the header that is none.
   * What is no address ends the search, because what stands before it was not written by a trusted one either.
   */
  clientOf(connection: Address, forwarded: readonly string[]): Address {
    let client = connection;
    for (const text of forwarded.toReversed()) {
      if (!this.has(client)) break;
      const said = addressOf(text);
      if (said === undefined) break;
      client = said;
    }
    return client;
  }
}

/** The address that Node or a header names; IPv4 inside IPv6 as IPv4, without zone. Undefined for anything else. */
export function addressOf(text: string): Address | undefined {
  const bare = text
    .replace(/%.*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:(?=\d+\.)/i, '');
  try {
    return parseAddress(bare);
  } catch (error) {
    if (error instanceof KithError) return undefined;
    throw error;
  }
}
