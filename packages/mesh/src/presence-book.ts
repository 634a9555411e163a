/** The presences that a node holds: newest sequence per member, each until its time is over. */
import { equalBytes } from '@kith/core';
import type { Crypto, NetworkId, NodeId, NodeKey } from '@kith/core';
import type { PresenceItem } from './control.ts';
import { decodePresence, GRANT_LIFE, verifyGrant, verifyPresence } from './presence.ts';
import type { Presence, PresenceLink } from './presence.ts';
import type { Link } from './routes.ts';
import { MerkleTrie } from './trie.ts';

export interface HeldPresence {
  readonly presence: Presence;
  readonly record: Uint8Array;
  /** Monotonic ms at which the origin made the record, as far as the forwarders' ages tell. */
  readonly bornAt: number;
  readonly expiresAt: number;
  /** When this node first held a record of the member without a gap; monotonic ms. */
  readonly heldSince: number;
}

interface CheckedGrant {
  readonly epoch: number;
  readonly grant: Uint8Array;
  readonly good: boolean;
}

/** Reporters remembered per member: more than it can name as partners. */
const MAX_REPORTS = 8;

export type Accepted = 'new' | 'known' | 'stale' | 'refused';

export class PresenceBook {
  readonly #crypto: Crypto;
  readonly #network: NetworkId;
  readonly #keyOf: (id: NodeId) => NodeKey | null;
  readonly #held = new Map<NodeId, HeldPresence>();
  /** Highest sequence ever seen per member: an expired record must not come back to life. */
  readonly #highest = new Map<NodeId, number>();
  /** Grants of the held records that were checked, by publisher: they stay the same from record to record. */
  readonly #checkedGrants = new Map<NodeId, Map<NodeId, CheckedGrant>>();
  readonly #self: NodeId | null;
  readonly #partners = new Set<NodeId>();
  /** Who said of a member that it fell silent, and after which of its records. */
  readonly #reports = new Map<NodeId, Map<NodeId, number>>();
  readonly trie: MerkleTrie;
  /** Goes up with every change that may move routes or views. */
  version = 0;

  /** @param self whose partners are looked out for; null for a holder that keeps no links */
  constructor(crypto: Crypto, network: NetworkId, keyOf: (id: NodeId) => NodeKey | null, self: NodeId | null = null) {
    this.#self = self;
    this.#crypto = crypto;
    this.#network = network;
    this.#keyOf = keyOf;
    this.trie = new MerkleTrie((data) => crypto.sha256(data), 8);
  }

  get(id: NodeId): HeldPresence | null {
    return this.#held.get(id) ?? null;
  }

  all(): IterableIterator<HeldPresence> {
    return this.#held.values();
  }

  /** Members that name this node as a link partner. */
  partners(): IterableIterator<NodeId> {
    return this.#partners.values();
  }

  /** Highest sequence seen of a member, 0 for none: what a node's own next record must exceed. */
  highest(id: NodeId): number {
    return this.#highest.get(id) ?? 0;
  }

  /** Whether an item is worth the cost of {@link accept}. */
  isNews(item: PresenceItem): boolean {
    return item.seq > this.highest(item.id);
  }

  accept(item: PresenceItem, now: number): Accepted {
    if (!this.isNews(item)) return 'known';
    const key = this.#keyOf(item.id);
    if (key === null) return 'refused';
    const presence = decodePresence(item.record);
    if (presence === null || presence.id !== item.id || presence.seq !== item.seq) return 'refused';
    if (!verifyPresence(this.#crypto, this.#network, key, item.record)) return 'refused';
    const bornAt = now - item.age * 1000;
    const expiresAt = bornAt + presence.ttl * 1000;
    if (expiresAt <= now) return 'stale';
    this.#highest.set(item.id, item.seq);
    this.#takeReports(presence);
    const heldSince = this.#held.get(item.id)?.heldSince ?? now;
    this.#held.set(item.id, { presence, record: Uint8Array.from(item.record), bornAt, expiresAt, heldSince });
    if (presence.links.some(({ to }) => to === this.#self)) this.#partners.add(item.id);
    else this.#partners.delete(item.id);
    this.#pruneGrants(presence);
    this.trie.set(item.id, item.seq);
    this.version++;
    return 'new';
  }

  /** Forgets records whose time is over; returns whose. */
  expire(now: number): NodeId[] {
    const gone: NodeId[] = [];
    for (const [id, held] of this.#held) if (held.expiresAt <= now) gone.push(id);
    for (const id of gone) this.#drop(id);
    return gone;
  }

  /** A member left the roster. */
  forget(id: NodeId): void {
    this.#drop(id);
    this.#highest.delete(id);
  }

  item(id: NodeId, now: number): PresenceItem | null {
    const held = this.#held.get(id);
    if (held === undefined) return null;
    return {
      id,
      seq: held.presence.seq,
      age: Math.max(0, Math.floor((now - held.bornAt) / 1000)),
      record: held.record,
    };
  }

  /**
   * Whether a member fell silent: everybody whom it named as a link partner, and who is there, said that the link went
   * silent after the member's last record. Nobody else has a say, and one partner that is content suffices. What was
   * said holds until the member says something new, which it does as soon as it hears of it.
   */
  isDown(id: NodeId): boolean {
    const held = this.#held.get(id)?.presence;
    if (held === undefined) return false;
    let silent = 0;
    for (const { to } of held.links) {
      const partner = this.#held.get(to)?.presence;
      if (partner === undefined || partner.goodbye) continue;
      const said = this.#reports.get(id)?.get(to) === held.seq;
      if (!said && !partner.down.some((entry) => entry.id === id && entry.seq === held.seq)) return false;
      silent++;
    }
    return silent > 0;
  }

  /** Links that both ends vouch for, between members that are there. */
  links(): Link[] {
    const links: Link[] = [];
    for (const { presence } of this.#held.values()) {
      if (presence.goodbye || this.isDown(presence.id)) continue;
      for (const link of presence.links) {
        const grantor = this.#held.get(link.to)?.presence;
        if (grantor === undefined || grantor.goodbye || link.to === presence.id) continue;
        if (grantor.seq - link.epoch > GRANT_LIFE) continue;
        if (!this.#isGoodGrant(presence.id, link)) continue;
        links.push({ a: presence.id, b: link.to, rtt: link.rtt, loss: link.loss / 1000 });
      }
    }
    return links;
  }

  #isGoodGrant(publisher: NodeId, { to: grantor, epoch, grant }: PresenceLink): boolean {
    const byGrantor = this.#checkedGrants.get(publisher) ?? new Map<NodeId, CheckedGrant>();
    const known = byGrantor.get(grantor);
    if (known !== undefined && known.epoch === epoch && equalBytes(known.grant, grant)) return known.good;
    const key = this.#keyOf(grantor);
    if (key === null) return false;
    const good = verifyGrant(this.#crypto, this.#network, key, { publisher, grantor, epoch, grant });
    this.#checkedGrants.set(publisher, byGrantor.set(grantor, { epoch, grant, good }));
    return good;
  }

  /** A record replaced another: grants that it does not name any more need not be remembered. */
  #pruneGrants({ id, links }: Presence): void {
    const checked = this.#checkedGrants.get(id);
    if (checked === undefined) return;
    const named = new Set(links.map(({ to }) => to));
    for (const grantor of checked.keys()) if (!named.has(grantor)) checked.delete(grantor);
  }

  /** The records have room for a few silent members each: what they said is kept. */
  #takeReports({ id: reporter, down }: Presence): void {
    for (const { id, seq } of down) {
      if (this.#held.get(id)?.presence.links.some(({ to }) => to === reporter) !== true) continue;
      const reports = this.#reports.get(id) ?? new Map<NodeId, number>();
      reports.delete(reporter);
      const oldest = reports.keys().next();
      if (reports.size >= MAX_REPORTS && oldest.done !== true) reports.delete(oldest.value);
      this.#reports.set(id, reports.set(reporter, seq));
    }
  }

  #drop(id: NodeId): void {
    this.#reports.delete(id);
    if (!this.#held.delete(id)) return;
    this.#partners.delete(id);
    this.#checkedGrants.delete(id);
    this.trie.delete(id);
    this.version++;
  }
}
