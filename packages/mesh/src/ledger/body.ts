/**
 * What a statement says: one variant per kind, with the right that each needs. The wire form is in `body-codec.ts`,
 * the effect in `fold.ts`.
 */
import type { Address, Label, NodeId, NodeKey, Prefix, TunnelKey } from '@kith/core';

/** Where an issuer's own chain stood when somebody else wrote it down: its last accepted statement. */
export interface Head {
  readonly n: number;
  /** Hash of that statement, 64 hexadecimal digits. */
  readonly hash: string;
}

/** Makes the network; its hash is the network id. The issuer is the first member and the first admin. */
export interface FoundBody {
  readonly kind: 'found';
  /** Name of the network. */
  readonly network: Label;
  /** Addresses of members; lengths 8 to 30. The ULA /48 follows from the hash of this statement. */
  readonly prefix4: Prefix;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address;
}

/** Admin only. Lets whoever holds the seed of `key` bring in `uses` nodes. */
export interface InviteBody {
  readonly kind: 'invite';
  /** Public half of the bearer key pair: signs the joins. */
  readonly key: NodeKey;
  /** The temporary tunnel key that follows from the same seed. */
  readonly tunnelKey: TunnelKey;
  /** 1..100 */
  readonly uses: number;
  /** Wall-clock ms since 1970 after which joins have no effect, or null for never. */
  readonly expires: number | null;
  /** Name and address that the joiner gets whatever it asks for; only with `uses` of 1. */
  readonly name: Label | null;
  readonly address: Address | null;
  readonly tags: readonly Label[];
}

/** Signed by an invite key: the node that redeems it. Has `n` of 0 and no `prev`: bearers do not know of each other. */
export interface JoinBody {
  readonly kind: 'join';
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address | null;
  /** Signature of the node key over the network, the invite and the fields above: nobody joins for somebody else. */
  readonly proof: Uint8Array;
}

/** Admin only. Takes a node in without an invite; the admin vouches that key and node belong together. */
export interface AdmitBody {
  readonly kind: 'admit';
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address | null;
  readonly tags: readonly Label[];
}

/** Admin only. Changes a member; null leaves a field as it is. Per field, the latest one counts. */
export interface SetBody {
  readonly kind: 'set';
  readonly nodeKey: NodeKey;
  readonly name: Label | null;
  readonly address: Address | null;
  readonly tags: readonly Label[] | null;
  /** Prefixes behind the member that others may route to it. */
  readonly routes: readonly Prefix[] | null;
  readonly mayRelay: boolean | null;
}

/** Admin only. Makes the holder of a node key an admin; it need not be a member (a key in a safe). */
export interface GrantBody {
  readonly kind: 'grant';
  readonly nodeKey: NodeKey;
}

/**
 * Admin, or the key itself. Takes the admin's right for good: that key cannot be granted it again. What the key did as
 * an admin counts up to `head`; null counts nothing. About oneself, `head` is null and the statement is its own head.
 */
export interface WithdrawBody {
  readonly kind: 'withdraw';
  readonly nodeKey: NodeKey;
  readonly head: Head | null;
}

/**
 * Admin, or the node itself, which so leaves. The node key is out for good, with its right as admin. What it issued
 * counts up to `head`, as for {@link WithdrawBody}.
 */
export interface RevokeNodeBody {
  readonly kind: 'revoke-node';
  readonly nodeKey: NodeKey;
  readonly head: Head | null;
}

/** Admin only. Closes an invite; of the nodes that joined by it only those in `keep` stay. */
export interface RevokeInviteBody {
  readonly kind: 'revoke-invite';
  readonly key: NodeKey;
  /** At most 100. */
  readonly keep: readonly NodeId[];
}

/** The member itself. Replaces its tunnel key; the latest one counts. */
export interface RekeyBody {
  readonly kind: 'rekey';
  readonly tunnelKey: TunnelKey;
}

export type Selector =
  | { readonly kind: 'any' }
  | { readonly kind: 'tag'; readonly tag: Label }
  | { readonly kind: 'name'; readonly name: Label };

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export type PolicyProtocol = 'any' | 'tcp' | 'udp' | 'icmp';

/** Allows traffic of `from` to `to`. Ports only with tcp and udp; an empty list means all of them. */
export interface PolicyRule {
  readonly from: Selector;
  readonly to: Selector;
  readonly protocol: PolicyProtocol;
  readonly ports: readonly PortRange[];
}

/** Admin only. Replaces the rules of one section; the policy is the sections one after the other by name. */
export interface PolicyBody {
  readonly kind: 'policy';
  readonly section: Label;
  readonly rules: readonly PolicyRule[];
}

export type Body =
  | FoundBody
  | InviteBody
  | JoinBody
  | AdmitBody
  | SetBody
  | GrantBody
  | WithdrawBody
  | RevokeNodeBody
  | RevokeInviteBody
  | RekeyBody
  | PolicyBody;

/**
 * Who may make a statement: `root` is the founding statement alone, `bearer` holds the key of an invite in effect,
 * `self` is the node that the statement is about.
 */
export type Right = 'root' | 'admin' | 'bearer' | 'self' | 'admin-or-self';

export const RIGHTS: Readonly<Record<Body['kind'], Right>> = {
  found: 'root',
  invite: 'admin',
  join: 'bearer',
  admit: 'admin',
  set: 'admin',
  grant: 'admin',
  withdraw: 'admin-or-self',
  'revoke-node': 'admin-or-self',
  'revoke-invite': 'admin',
  rekey: 'self',
  policy: 'admin',
};

export const BODY_LIMITS: {
  readonly uses: number;
  readonly tags: number;
  readonly routes: number;
  readonly rules: number;
  readonly portRanges: number;
} = {
  /** Nodes that one invite can bring in; so many ids fit the statement that revokes it. */
  uses: 100,
  tags: 16,
  routes: 32,
  /** Rules in one section of the policy; the size of the statement is the tighter limit for long names. */
  rules: 64,
  portRanges: 16,
};
