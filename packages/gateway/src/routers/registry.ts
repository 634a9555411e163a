/**
 * Routers that ask for a tunnel, by their public keys: who waits for the operators' word, who was let in, who was turned
 * away. Nothing is believed of a stranger but that it holds the key, which the tunnel proves: a request is a wish, and the
 * number of wishes that are kept is bounded, also for each place that they come from. Time is the caller's, ms since 1970.
 */
import { type Address, KithError } from '@kith/core';
import { targetOf } from '../bans/jail.ts';

export type RouterKind = 'fastd' | 'wireguard';

export type Standing = 'waiting' | 'admitted' | 'refused';

export interface RouterEntry {
  readonly kind: RouterKind;
  /** As its kind writes it: 64 hexadecimal digits, or 44 characters of base64. */
  readonly key: string;
  /** The domain whose tunnel it asked for. With fastd a key opens all of them. */
  readonly domain: string;
  /** As it calls itself; not to be relied on. */
  readonly name: string | null;
  readonly standing: Standing;
  /** Whose word the standing is. */
  readonly by: 'operator' | 'policy';
  /** Where it asked from last; null for one that an operator named. */
  readonly from: Address | null;
  readonly since: number;
  /** When it last asked, or was last seen connected. */
  readonly seen: number;
}

export interface RouterRequest {
  readonly kind: RouterKind;
  readonly key: string;
  readonly domain: string;
  readonly name: string | null;
  readonly from: Address;
}

export interface RegistryPolicy {
  /** `all` lets everybody in, as long as there is room; `hand` waits for an operator. */
  readonly approve: 'hand' | 'all';
  /** Most routers that are let in. */
  readonly limit: number;
}

/** Keys that wait or were turned away; whoever asked longest ago makes room. */
const MOST_OTHERS = 1000;
/** Keys that wait and came from one place: an address, or a /64 of IPv6. */
const MOST_FROM_ONE = 10;
/** ms after which one that waits and does not ask again is forgotten. */
const WAITING_FOR = 7 * 24 * 3_600_000;
/** ms after which one that was let in without being looked at is forgotten. It may ask again. */
const SILENT_FOR = 3 * 24 * 3_600_000;

const KEYS: Readonly<Record<RouterKind, RegExp>> = {
  fastd: /^[0-9a-f]{64}$/,
  // The last digit carries four bits only.
  wireguard: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
};

/** Null for what is no public key. */
export function kindOfKey(key: string): RouterKind | null {
  if (KEYS.fastd.test(key)) return 'fastd';
  return KEYS.wireguard.test(key) ? 'wireguard' : null;
}

export class RouterRegistry {
  readonly #policy: RegistryPolicy;
  /** In the order in which they were last heard of. */
  readonly #entries: Map<string, RouterEntry>;

  constructor(policy: RegistryPolicy, entries: readonly RouterEntry[] = []) {
    this.#policy = policy;
    this.#entries = new Map(entries.toSorted((a, b) => a.seen - b.seen).map((entry) => [entry.key, entry]));
  }

  /** All of them, those who wait first. */
  get entries(): readonly RouterEntry[] {
    const rank: Readonly<Record<Standing, number>> = { waiting: 0, admitted: 1, refused: 2 };
    return [...this.#entries.values()].sort(
      (a, b) => rank[a.standing] - rank[b.standing] || a.since - b.since || (a.key < b.key ? -1 : 1),
    );
  }

  /**
   * A router asks. One that is known is heard again, in the domain that it was known in.
   *
   * @throws KithError ROUTER_LIMIT when its place has asked for too many
   */
  ask(request: RouterRequest, now: number): RouterEntry {
    const known = this.#entries.get(request.key);
    if (known !== undefined) {
      const mayEnter = known.standing === 'waiting' && this.#takesEverybody();
      return this.#put({
        ...known,
        from: request.from,
        seen: now,
        ...(mayEnter ? { standing: 'admitted', since: now } : {}),
      });
    }
    const standing = this.#takesEverybody() ? 'admitted' : 'waiting';
    if (standing === 'waiting') this.#makeRoom(request.from);
    return this.#put({ ...request, standing, by: 'policy', since: now, seen: now });
  }

  /**
   * An operator's word, also for a key that nobody asked with.
   *
   * @param domain where a key that nobody asked with shall be let in
   * @throws KithError ROUTER_KEY_INVALID, ROUTER_LIMIT when there are as many as may be let in
   */
  decide(key: string, standing: 'admitted' | 'refused', domain: string, now: number): RouterEntry {
    const kind = kindOfKey(key);
    if (kind === null) {
      throw new KithError(
        'ROUTER_KEY_INVALID',
        `"${key.slice(0, 80)}" is no public key: fastd's have 64 hexadecimal digits, WireGuard's 44 characters with "=" at the end`,
      );
    }
    const known = this.#entries.get(key);
    if (standing === 'admitted' && known?.standing !== 'admitted' && !this.#hasRoom()) {
      throw new KithError(
        'ROUTER_LIMIT',
        `${this.#policy.limit} routers are let in, more are not allowed: raise "vpn.registration.limit" or forget some`,
      );
    }
    const entry = known ?? { kind, key, domain, name: null, from: null, seen: now };
    return this.#put({ ...entry, standing, by: 'operator', since: now });
  }

  /** The entry that is gone; null where there was none. */
  forget(key: string): RouterEntry | null {
    const entry = this.#entries.get(key) ?? null;
    this.#entries.delete(key);
    return entry;
  }

  /** These have a tunnel now. */
  connected(keys: Iterable<string>, now: number): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry?.standing === 'admitted') this.#put({ ...entry, seen: now });
    }
  }

  /** Forgets whom nobody has heard of for long; whom an operator decided on stays. @returns those */
  tidy(now: number): RouterEntry[] {
    const old = [...this.#entries.values()].filter(
      ({ by, standing, seen }) => by === 'policy' && now - seen > (standing === 'waiting' ? WAITING_FOR : SILENT_FOR),
    );
    for (const { key } of old) this.#entries.delete(key);
    return old;
  }

  #put(entry: RouterEntry): RouterEntry {
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
    return entry;
  }

  #takesEverybody(): boolean {
    return this.#policy.approve === 'all' && this.#hasRoom();
  }

  #hasRoom(): boolean {
    return this.#with('admitted').length < this.#policy.limit;
  }

  #with(standing: Standing): RouterEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.standing === standing);
  }

  #makeRoom(from: Address): void {
    const place = targetOf(from);
    const waiting = this.#with('waiting');
    if (waiting.filter((entry) => entry.from !== null && targetOf(entry.from) === place).length >= MOST_FROM_ONE) {
      throw new KithError('ROUTER_LIMIT', `${MOST_FROM_ONE} routers from ${place} wait already to be let in`);
    }
    if (waiting.length >= MOST_OTHERS) this.forget(waiting[0]?.key ?? '');
  }
}
