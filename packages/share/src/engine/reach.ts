import { type Address, type AddressScope, type Prefix, prefixContains, scopeOf } from '@kith/core';
import type { PeerFilter } from '../net/peer-filter.ts';
import { addressOf } from '../tracker/trusted-proxies.ts';

/** Who one share may talk to, besides whom every share may. */
export interface Audience {
  /** Everybody. */
  readonly public: boolean;
  /** Addresses that the user named for it. */
  readonly named: ReadonlySet<string>;
}

/**
 * Who may be talked to. Nothing leaves this machine but to the prefixes that were allowed and the addresses that the user
 * named, except for what is public.
 */
export class Reach implements PeerFilter {
  #allowed: readonly Prefix[];
  readonly #audiences: Set<Audience> = new Set();

  constructor(allowed: readonly Prefix[]) {
    this.#allowed = allowed;
  }

  /** In place of the prefixes before. Connections that are open stay. */
  set allowed(prefixes: readonly Prefix[]) {
    this.#allowed = prefixes;
  }

  add(audience: Audience): void {
    this.#audiences.add(audience);
  }

  delete(audience: Audience): void {
    this.#audiences.delete(audience);
  }

  /** For sockets, which do not know yet which share is meant. */
  allows(ip: string): boolean {
    if (this.#inside(addressOf(ip))) return true;
    for (const { public: isPublic, named } of this.#audiences) if (isPublic || named.has(ip)) return true;
    return false;
  }

  permits(audience: Audience, ip: string): boolean {
    return audience.public || audience.named.has(ip) || this.#inside(addressOf(ip));
  }

  /** For trackers. Those that the user named may be in a private network outside the mesh. */
  permitsTracker(audience: Audience, named: boolean, address: Address, scope: AddressScope): boolean {
    return audience.public || this.#inside(address) || (named && scope === 'private');
  }

  /**
   * Whether a tracker may be asked at all. Of those that a torrent names, names of hosts are not even looked up: that alone
   * would tell somebody outside.
   */
  mayAsk(audience: Audience, named: boolean, url: string): boolean {
    if (audience.public) return true;
    const host = URL.canParse(url) ? new URL(url).hostname : '';
    if (host === 'localhost') return true;
    const address = addressOf(host);
    return address === undefined ? named : this.permitsTracker(audience, named, address, scopeOf(address));
  }

  #inside(address: Address | undefined): boolean {
    if (address === undefined) return false;
    return scopeOf(address) === 'loopback' || this.#allowed.some((prefix) => prefixContains(prefix, address));
  }
}
