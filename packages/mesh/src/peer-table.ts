/** All peers of a node: one per member, kept in step with the roster, and those that knock with an invite. */
import { nodeIdOf, parsePrefix } from '@kith/core';
import type { Crypto, Label, NodeId, TunnelKey } from '@kith/core';
import type { InviteState, Member, Roster } from './ledger/index.ts';
import { Peer } from './peer.ts';
import type { PeerIdentity } from './peer.ts';
import type { PeerHandle } from './plane.ts';

/** Strangers with an invite that are talked to at once. */
const MAX_INVITE_PEERS = 64;

/** What an update of the table did. */
export interface TableChange {
  readonly added: readonly Peer[];
  /** Same member, other name, prefixes or rights. */
  readonly changed: readonly Peer[];
  readonly removed: readonly Peer[];
}

export class PeerTable {
  readonly #crypto: Crypto;
  readonly #self: NodeId;
  readonly #byId = new Map<NodeId, Peer>();
  readonly #byHandle = new Map<PeerHandle, Peer>();
  readonly #byTunnelKey = new Map<TunnelKey, Peer>();
  #nextHandle = 1;

  constructor(crypto: Crypto, self: NodeId) {
    this.#crypto = crypto;
    this.#self = self;
  }

  get(id: NodeId): Peer | null {
    return this.#byId.get(id) ?? null;
  }

  byHandle(handle: number): Peer | null {
    return this.#byHandle.get(handle as PeerHandle) ?? null;
  }

  byTunnelKey(key: TunnelKey): Peer | null {
    return this.#byTunnelKey.get(key) ?? null;
  }

  all(): IterableIterator<Peer> {
    return this.#byId.values();
  }

  /** Brings the members in step; invite peers are left alone. */
  update(roster: Roster): TableChange {
    const wanted = new Map<NodeId, PeerIdentity>();
    for (const member of roster.members.values())
      if (member.id !== this.#self) wanted.set(member.id, memberIdentity(member));
    const tunnelKeys = new Set([...wanted.values()].map(({ tunnelKey }) => tunnelKey));
    const added: Peer[] = [];
    const changed: Peer[] = [];
    const removed: Peer[] = [];
    for (const peer of this.#byId.values()) {
      // Another tunnel key is another WireGuard peer: the old one goes with all its sessions.
      if (peer.isMember && wanted.get(peer.id)?.tunnelKey !== peer.identity.tunnelKey) removed.push(peer);
      // A member comes before an invite that has its key: whoever joined with the invite's own, say.
      if (!peer.isMember && (wanted.has(peer.id) || tunnelKeys.has(peer.identity.tunnelKey))) removed.push(peer);
    }
    for (const peer of removed) this.remove(peer);
    for (const identity of wanted.values()) {
      const peer = this.#byId.get(identity.id);
      if (peer === undefined) added.push(this.#add(identity));
      else if (!sameIdentity(peer.identity, identity)) {
        peer.identity = identity;
        changed.push(peer);
      }
    }
    return { added, changed, removed };
  }

  /** The peer that knocks with this invite's tunnel key; null if too many knock already, or a peer has its key. */
  addInvite(invite: InviteState, name: Label): Peer | null {
    const id = nodeIdOf(this.#crypto, invite.key);
    if (this.#byId.has(id) || this.#byTunnelKey.has(invite.tunnelKey)) return null;
    const invites = [...this.#byId.values()].filter((peer) => !peer.isMember);
    if (invites.length >= MAX_INVITE_PEERS) return null;
    return this.#add({
      kind: 'invite',
      id,
      nodeKey: invite.key,
      tunnelKey: invite.tunnelKey,
      name,
      allowed: [],
      mayRelay: false,
    });
  }

  remove(peer: Peer): void {
    if (this.#byId.get(peer.id) === peer) this.#byId.delete(peer.id);
    this.#byHandle.delete(peer.handle);
    const { tunnelKey } = peer.identity;
    if (this.#byTunnelKey.get(tunnelKey) === peer) this.#byTunnelKey.delete(tunnelKey);
  }

  #add(identity: PeerIdentity): Peer {
    const peer = new Peer(this.#nextHandle++ as PeerHandle, identity);
    this.#byId.set(peer.id, peer);
    this.#byHandle.set(peer.handle, peer);
    this.#byTunnelKey.set(identity.tunnelKey, peer);
    return peer;
  }
}

function memberIdentity(member: Member): PeerIdentity {
  return {
    kind: 'member',
    id: member.id,
    nodeKey: member.nodeKey,
    tunnelKey: member.tunnelKey,
    name: member.name,
    allowed: [parsePrefix(`${member.address4}/32`), parsePrefix(`${member.address6}/128`), ...member.routes],
    mayRelay: member.mayRelay,
  };
}

function sameIdentity(a: PeerIdentity, b: PeerIdentity): boolean {
  return (
    a.kind === b.kind &&
    a.nodeKey === b.nodeKey &&
    a.name === b.name &&
    a.mayRelay === b.mayRelay &&
    a.allowed.length === b.allowed.length &&
    a.allowed.every((prefix, i) => prefix === b.allowed[i])
  );
}
