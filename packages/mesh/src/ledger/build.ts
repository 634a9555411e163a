/**
 * Makers of statements: each returns signed bytes for `Ledger.add`. They check form and size, not the right: what the
 * issuer may do is said in `RIGHTS` and asked of the roster with {@link requireAdmin} and {@link requireMember}.
 */
import { KithError, nodeKeyFrom, SecretKey, tunnelKeyFrom, utf8, concat } from '@kith/core';
import type { Address, Crypto, Label, NetworkId, NodeId, NodeKey, Prefix, TunnelKey } from '@kith/core';
import type { AdmitBody, Head, InviteBody, PolicyRule, SetBody } from './body.ts';
import type { Member, Roster } from './roster.ts';
import { joinMessage, signStatement } from './statement.ts';
import type { Issuer } from './statement.ts';

/** Where the next statement of an issuer stands; `Ledger.context` makes it. */
export interface StatementContext {
  readonly crypto: Crypto;
  readonly network: NetworkId;
  readonly issuer: Issuer;
  readonly n: number;
  readonly prev: Uint8Array | null;
  /** Wall-clock ms since 1970. */
  readonly at: number;
}

export interface FoundFields {
  readonly crypto: Crypto;
  readonly issuer: Issuer;
  readonly at: number;
  /** Name of the network. */
  readonly network: Label;
  readonly prefix4: Prefix;
  /** The founder's own key, name and address. */
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address;
}

/** Makes a network; the hash of the statement (`networkIdOf`) is its id. */
export function found(fields: FoundFields): Uint8Array {
  const { crypto, issuer, at, network, prefix4, tunnelKey, name, address } = fields;
  const body = { kind: 'found', network, prefix4, tunnelKey, name, address } as const;
  return signStatement(crypto, issuer, { net: null, n: 0, prev: null, at }, body);
}

/** Admin. Tags are sorted here. */
export function invite(context: StatementContext, fields: Omit<InviteBody, 'kind'>): Uint8Array {
  return sign(context, { kind: 'invite', ...fields, tags: sorted(fields.tags) });
}

export interface JoinFields {
  readonly crypto: Crypto;
  readonly network: NetworkId;
  /** The invite's key pair: {@link inviteIssuer}. */
  readonly invite: Issuer;
  /** The node that joins: it signs the proof. */
  readonly node: Issuer;
  readonly at: number;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly address: Address | null;
}

/** Bearer of the invite. */
export function join(fields: JoinFields): Uint8Array {
  const { crypto, network, at, node, tunnelKey, name, address } = fields;
  const joining = { nodeKey: node.key, tunnelKey, name, address };
  const proof = crypto.ed25519Sign(node.seed.reveal(), joinMessage(network, fields.invite.key, at, joining));
  return signStatement(
    crypto,
    fields.invite,
    { net: network, n: 0, prev: null, at },
    { kind: 'join', ...joining, proof },
  );
}

/** Admin. */
export function admit(context: StatementContext, fields: Omit<AdmitBody, 'kind'>): Uint8Array {
  return sign(context, { kind: 'admit', ...fields, tags: sorted(fields.tags) });
}

/** Admin. What is left out or null stays as it is. */
export function set(
  context: StatementContext,
  nodeKey: NodeKey,
  change: Partial<Omit<SetBody, 'kind' | 'nodeKey'>>,
): Uint8Array {
  const { name = null, address = null, tags = null, routes = null, mayRelay = null } = change;
  return sign(context, {
    kind: 'set',
    nodeKey,
    name,
    address,
    tags: tags === null ? null : sorted(tags),
    routes,
    mayRelay,
  });
}

/** Admin. */
export function grant(context: StatementContext, nodeKey: NodeKey): Uint8Array {
  return sign(context, { kind: 'grant', nodeKey });
}

/** Admin, or the key itself. @param head `Ledger.head(nodeKey)`: what counts of the target; ignored for oneself */
export function withdraw(context: StatementContext, nodeKey: NodeKey, head: Head | null): Uint8Array {
  return sign(context, { kind: 'withdraw', nodeKey, head: nodeKey === context.issuer.key ? null : head });
}

/** Admin. @param head `Ledger.head(nodeKey)`: what the target issued up to there stays in effect */
export function revoke(context: StatementContext, nodeKey: NodeKey, head: Head | null): Uint8Array {
  return sign(context, { kind: 'revoke-node', nodeKey, head: nodeKey === context.issuer.key ? null : head });
}

/** The member itself: it leaves for good. */
export function leave(context: StatementContext): Uint8Array {
  return revoke(context, context.issuer.key, null);
}

/** Admin. @param keep the nodes that joined by it and stay: `InviteState.joined`, or fewer */
export function revokeInvite(context: StatementContext, key: NodeKey, keep: readonly NodeId[]): Uint8Array {
  return sign(context, { kind: 'revoke-invite', key, keep: sorted(keep) });
}

/** The member itself. */
export function rekey(context: StatementContext, tunnelKey: TunnelKey): Uint8Array {
  return sign(context, { kind: 'rekey', tunnelKey });
}

/** Admin. Replaces the rules of one section. */
export function policy(context: StatementContext, section: Label, rules: readonly PolicyRule[]): Uint8Array {
  return sign(context, { kind: 'policy', section, rules });
}

/** The key pair that a bearer signs joins with. @param seed the 32 bytes of the token */
export function inviteIssuer(crypto: Crypto, seed: SecretKey): Issuer {
  return { seed, key: nodeKeyFrom(crypto.ed25519Public(seed.reveal())) };
}

/** The bearer's temporary tunnel key: X25519 with SHA-256 of "kith invite tunnel v1\0" and the seed as secret. */
export function inviteTunnel(crypto: Crypto, seed: SecretKey): { readonly secret: SecretKey; readonly key: TunnelKey } {
  const secret = new SecretKey(crypto.sha256(concat(utf8('kith invite tunnel v1\0'), seed.reveal())));
  return { secret, key: tunnelKeyFrom(crypto.x25519Public(secret.reveal())) };
}

/** @throws KithError NOT_ADMIN */
export function requireAdmin(roster: Roster, key: NodeKey): void {
  if (roster.admins.has(key)) return;
  const id = roster.byNodeKey.get(key);
  const who = id === undefined ? 'this node' : (roster.members.get(id)?.name ?? id);
  const names = [...roster.members.values()].filter((member) => member.admin).map((member) => member.name);
  const ask = names.length === 0 ? 'no member is one' : `admins are ${names.join(', ')}`;
  throw new KithError('NOT_ADMIN', `${who} is no admin of ${roster.name}: ${ask}`);
}

/** The member of a name. @throws KithError NO_SUCH_MEMBER */
export function requireMember(roster: Roster, name: string): Member {
  const wanted = name.toLowerCase();
  for (const member of roster.members.values()) if (member.name === wanted) return member;
  throw new KithError('NO_SUCH_MEMBER', `${roster.name} has no active member ${JSON.stringify(name)}`);
}

function sign(context: StatementContext, body: Parameters<typeof signStatement>[3]): Uint8Array {
  const { crypto, network, issuer, n, prev, at } = context;
  return signStatement(crypto, issuer, { net: network, n, prev, at }, body);
}

function sorted<T extends string>(values: readonly T[]): readonly T[] {
  return [...new Set(values)].sort();
}
