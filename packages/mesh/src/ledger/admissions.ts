/** Which nodes were taken in, by whom and with what claims: founding, admits and the joins that their invites allow. */
import type { Address, Label, NodeId, NodeKey, TunnelKey } from '@kith/core';
import type { InviteBody } from './body.ts';
import type { Chains } from './chain.ts';
import type { Rights } from './rights.ts';
import type { Conflict, InviteState } from './roster.ts';
import type { Statement } from './statement.ts';

/**
 * What decides between two that want one thing: an admin's word before a node's own, then the earlier time, then the
 * lower hash.
 */
export interface Claim {
  readonly rank: 'admin' | 'node';
  readonly time: number;
  readonly hash: string;
}

export interface Admission extends Claim {
  readonly id: NodeId;
  readonly nodeKey: NodeKey;
  readonly tunnelKey: TunnelKey;
  readonly name: Label;
  readonly nameRank: Claim['rank'];
  readonly address: Address | null;
  readonly addressRank: Claim['rank'];
  readonly tags: readonly Label[];
  readonly invite: NodeKey | null;
}

export function compareClaims(a: Claim, b: Claim): number {
  if (a.rank !== b.rank) return a.rank === 'admin' ? -1 : 1;
  return compareTimes(a, b);
}

export function compareTimes(a: Pick<Claim, 'time' | 'hash'>, b: Pick<Claim, 'time' | 'hash'>): number {
  return a.time - b.time || (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0);
}

/** A join cannot be older than its invite: who makes up an early time gets no further than that. */
export function joinTime(invite: { readonly at: number }, join: { readonly at: number }): number {
  return Math.max(invite.at, join.at);
}

type InviteStatement = Statement & { readonly body: InviteBody };
type Dated<S> = { readonly statement: S; readonly time: number; readonly hash: string };

export interface Admissions {
  /** In the order of their claims. */
  readonly nodes: readonly Admission[];
  readonly invites: ReadonlyMap<NodeKey, InviteState>;
  readonly conflicts: readonly Conflict[];
}

export function admissionsOf(chains: Chains, rights: Rights, idOf: (key: NodeKey) => NodeId): Admissions {
  const nodes: Admission[] = [];
  const invites: Dated<InviteStatement>[] = [];
  const joins = new Map<NodeKey, Statement[]>();
  const keeps = new Map<NodeKey, ReadonlySet<NodeId>>();
  for (const statement of chains.byHash.values()) {
    const { body, by, hash } = statement;
    if (body.kind === 'join') {
      const others = joins.get(by);
      if (others === undefined) joins.set(by, [statement]);
      else others.push(statement);
      continue;
    }
    if (!rights.has(statement)) continue;
    const time = chains.times.get(hash) as number;
    if (isInvite(statement)) invites.push({ statement, time, hash });
    else if (body.kind === 'revoke-invite') {
      const before = keeps.get(body.key);
      keeps.set(body.key, new Set(body.keep.filter((id) => before === undefined || before.has(id))));
    } else if (body.kind === 'found' || body.kind === 'admit') {
      const nodeKey = body.kind === 'found' ? by : body.nodeKey;
      nodes.push({
        rank: 'admin',
        time,
        hash,
        id: idOf(nodeKey),
        nodeKey,
        tunnelKey: body.tunnelKey,
        name: body.name,
        nameRank: 'admin',
        address: body.address,
        addressRank: 'admin',
        tags: body.kind === 'found' ? [] : body.tags,
        invite: null,
      });
    }
  }
  const states = new Map<NodeKey, InviteState>();
  const conflicts: Conflict[] = [];
  for (const { statement } of invites.sort(compareTimes)) {
    const { key } = statement.body;
    if (states.has(key)) continue; // two invites with one key: the earlier one
    const redeemed = redeem(statement, joins.get(key) ?? [], keeps.get(key) ?? null, idOf);
    nodes.push(...redeemed.admitted);
    for (const { id, name } of redeemed.refused)
      conflicts.push({ kind: 'invite-overused', invite: key, loser: id, name });
    states.set(key, stateOf(statement, redeemed.admitted, keeps.has(key)));
  }
  return { nodes: nodes.sort(compareClaims), invites: states, conflicts };
}

function isInvite(statement: Statement): statement is InviteStatement {
  return statement.body.kind === 'invite';
}

/**
 * A use is spent by every node that was ever let in, also if it was revoked since: else a revocation would let in a
 * node that had lost a race long ago.
 */
function redeem(
  invite: InviteStatement,
  joins: readonly Statement[],
  keep: ReadonlySet<NodeId> | null,
  idOf: (key: NodeKey) => NodeId,
): { readonly admitted: readonly Admission[]; readonly refused: readonly Admission[] } {
  const { body } = invite;
  const byNode = new Map<NodeKey, Admission>();
  for (const join of joins) {
    if (join.body.kind !== 'join') continue;
    const time = joinTime(invite, join);
    if (body.expires !== null && time > body.expires) continue;
    const { nodeKey, tunnelKey, name, address } = join.body;
    const id = idOf(nodeKey);
    if (keep !== null && !keep.has(id)) continue;
    const admission: Admission = {
      rank: 'node',
      time,
      hash: join.hash,
      id,
      nodeKey,
      tunnelKey,
      name: body.name ?? name,
      nameRank: body.name === null ? 'node' : 'admin',
      address: body.address ?? address,
      addressRank: body.address === null ? 'node' : 'admin',
      tags: body.tags,
      invite: body.key,
    };
    const other = byNode.get(nodeKey);
    if (other === undefined || compareClaims(admission, other) < 0) byNode.set(nodeKey, admission);
  }
  const ordered = [...byNode.values()].sort(compareClaims);
  return { admitted: ordered.slice(0, body.uses), refused: ordered.slice(body.uses) };
}

function stateOf(invite: InviteStatement, admitted: readonly Admission[], revoked: boolean): InviteState {
  const { key, tunnelKey, uses, expires, name, address, tags } = invite.body;
  return {
    key,
    tunnelKey,
    by: invite.by,
    madeAt: invite.at,
    uses,
    left: uses - admitted.length,
    joined: admitted.map((node) => node.id),
    expires,
    name,
    address,
    tags,
    revoked,
  };
}
