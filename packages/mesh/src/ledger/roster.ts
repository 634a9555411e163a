/** The roster: what the ledger says at this moment, as one immutable value. */
import type { Address, Label, NetworkId, NodeId, NodeKey, Prefix, TunnelKey } from '@kith/core';
import type { PolicyRule } from './body.ts';
import type { Equivocation } from './chain.ts';

export interface Member {
  readonly id: NodeId;
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address4: Address;
  /** The network's ULA /48, 16 bits of zero, then the NodeId. */
  readonly address6: Address;
  /** Sorted. */
  readonly tags: readonly Label[];
  readonly routes: readonly Prefix[];
  readonly mayRelay: boolean;
  readonly admin: boolean;
  /** The invite it came by; null for the founder and for nodes that an admin took in directly. */
  readonly invite: NodeKey | null;
  /** Wall-clock ms since 1970, as the statement says that took it in. */
  readonly joinedAt: number;
}

export interface RevokedNode {
  readonly id: NodeId;
  readonly nodeKey: NodeKey;
  /** Its own key where it left by itself. */
  readonly by: NodeKey;
  /** Wall-clock ms since 1970 of the earliest revocation. */
  readonly at: number;
}

export interface InviteState {
  readonly key: NodeKey;
  readonly tunnelKey: TunnelKey;
  /** The admin who made it. */
  readonly by: NodeKey;
  readonly madeAt: number;
  readonly uses: number;
  readonly left: number;
  /** Who redeemed it, also those that were revoked since. */
  readonly joined: readonly NodeId[];
  /** Wall-clock ms since 1970 or null; whether that is past is asked of {@link isOpen}. */
  readonly expires: number | null;
  readonly name: Label | null;
  readonly address: Address | null;
  readonly tags: readonly Label[];
  readonly revoked: boolean;
}

export type Conflict =
  /** Two members want one name; `loser` is called `given`. */
  | {
      readonly kind: 'name';
      readonly name: Label;
      readonly winner: NodeId;
      readonly loser: NodeId;
      readonly given: Label;
    }
  /** Two members want one address, or (`winner` null) one wants an address that no member can have. */
  | {
      readonly kind: 'address';
      readonly address: Address;
      readonly winner: NodeId | null;
      readonly loser: NodeId;
      readonly given: Address;
    }
  /** More nodes redeemed an invite than it allows; `loser` is no member. */
  | { readonly kind: 'invite-overused'; readonly invite: NodeKey; readonly loser: NodeId; readonly name: Label }
  /** Two nodes claim one tunnel key. `member` tells whether the loser goes on with an earlier key or is no member. */
  | {
      readonly kind: 'tunnel-key';
      readonly tunnelKey: TunnelKey;
      readonly winner: NodeId;
      readonly loser: NodeId;
      readonly member: boolean;
    }
  /** Two node keys share one id; `loser` is no member. */
  | { readonly kind: 'node-id'; readonly id: NodeId; readonly winner: NodeKey; readonly loser: NodeKey }
  /** No address is left for `loser`, which is no member. */
  | { readonly kind: 'prefix-full'; readonly loser: NodeId; readonly name: Label };

export interface Roster {
  readonly network: NetworkId;
  readonly name: Label;
  readonly prefix4: Prefix;
  /** The network's ULA /48: fd and the first 5 bytes of the network id (RFC 4193 section 3.1). */
  readonly prefix6: Prefix;
  /** Active members only, by id in ascending order. */
  readonly members: ReadonlyMap<NodeId, Member>;
  readonly revoked: ReadonlyMap<NodeId, RevokedNode>;
  readonly byTunnelKey: ReadonlyMap<TunnelKey, NodeId>;
  readonly byNodeKey: ReadonlyMap<NodeKey, NodeId>;
  readonly byName: ReadonlyMap<Label, NodeId>;
  readonly byAddress4: ReadonlyMap<Address, NodeId>;
  /** Keys with an admin's right, members or not. */
  readonly admins: ReadonlySet<NodeKey>;
  readonly invites: ReadonlyMap<NodeKey, InviteState>;
  readonly inviteByTunnelKey: ReadonlyMap<TunnelKey, NodeKey>;
  readonly conflicts: readonly Conflict[];
  readonly equivocations: readonly Equivocation[];
  readonly policy: readonly PolicyRule[];
  /** The latest time of any statement of an admin in effect: a new one should be later, see `Ledger.context`. */
  readonly latest: number;
}

/** Whether the invite lets a node in at this wall-clock time (ms since 1970). */
export function isOpen(invite: InviteState, wallMs: number): boolean {
  return !invite.revoked && invite.left > 0 && (invite.expires === null || wallMs <= invite.expires);
}
