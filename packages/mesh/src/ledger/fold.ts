/** From a set of statements to the roster: pure, total, and the same for every order of the set. */
import { addressBytes, addressFrom, concat, fromHex, prefixOf, prefixParts } from '@kith/core';
import type { Address, Label, NetworkId, NodeId, NodeKey, Prefix, TunnelKey } from '@kith/core';
import { admissionsOf, compareClaims, compareTimes } from './admissions.ts';
import type { Admission, Claim } from './admissions.ts';
import type { FoundBody, PolicyBody, PolicyRule } from './body.ts';
import { arrange } from './chain.ts';
import type { Chains } from './chain.ts';
import { resolveAddresses, resolveNames } from './claims.ts';
import { judge, needsAdmin } from './rights.ts';
import type { Rights } from './rights.ts';
import type { Conflict, Member, RevokedNode, Roster } from './roster.ts';
import type { Statement } from './statement.ts';

/**
 * The roster of a set of statements, or null while the founding statement is not among them. Signatures and network
 * are taken as checked. Cost grows with the statements; 2,000 members take 20 to 50 ms.
 *
 * @param idOf the NodeId of a key: `nodeIdOf`, with a memory if the caller folds often
 */
export function fold(statements: Iterable<Statement>, idOf: (key: NodeKey) => NodeId): Roster | null {
  return foldChains(arrange(statements), idOf);
}

/** {@link fold} of statements that are arranged already. */
export function foldChains(chains: Chains, idOf: (key: NodeKey) => NodeId): Roster | null {
  const founding = foundingOf(chains);
  if (founding === null) return null;
  const network = founding.hash as NetworkId;
  const { network: name, prefix4 } = founding.body;
  const prefix6 = prefix6Of(network);
  const rights = judge(chains, founding.by);
  const taken = admissionsOf(chains, rights, idOf);
  const conflicts: Conflict[] = [...taken.conflicts];
  const revoked = revokedOf(rights, idOf);
  const nodes = distinctNodes(taken.nodes, revoked, conflicts);
  const words = wordsOf(chains, rights);
  const tunnelKeys = resolveTunnelKeys(nodes, words, conflicts);
  const seats = nodes.filter((node) => tunnelKeys.has(node.id));
  const wishes = seats.map((node) => ({
    id: node.id,
    name: latest(words.names.get(node.nodeKey)) ?? { ...claimOf(node, node.nameRank), value: node.name },
    address:
      latest(words.addresses.get(node.nodeKey)) ??
      (node.address === null ? null : { ...claimOf(node, node.addressRank), value: node.address }),
  }));
  const addresses = resolveAddresses(prefix4, wishes, conflicts);
  const named = wishes.filter(({ id }) => addresses.has(id));
  for (const { id, name: wish } of wishes) {
    if (!addresses.has(id)) conflicts.push({ kind: 'prefix-full', loser: id, name: wish.value });
  }
  const names = resolveNames(named, conflicts);
  const admins = new Set([...rights.admins].filter((key) => !rights.limits.has(key)));

  const half6 = networkHalf(prefix6);
  const members: Member[] = [];
  for (const node of seats) {
    const address4 = addresses.get(node.id);
    const tunnelKey = tunnelKeys.get(node.id);
    const given = names.get(node.id);
    if (address4 === undefined || tunnelKey === undefined || given === undefined) continue;
    members.push({
      id: node.id,
      nodeKey: node.nodeKey,
      tunnelKey,
      name: given,
      address4,
      address6: addressFrom(concat(half6, fromHex(node.id))),
      tags: latest(words.tags.get(node.nodeKey))?.value ?? node.tags,
      routes: latest(words.routes.get(node.nodeKey))?.value ?? [],
      mayRelay: latest(words.relays.get(node.nodeKey))?.value ?? true,
      admin: admins.has(node.nodeKey),
      invite: node.invite,
      joinedAt: node.time,
    });
  }
  members.sort((a, b) => compareText(a.id, b.id));
  const inviteByTunnelKey = new Map([...taken.invites.values()].map((invite) => [invite.tunnelKey, invite.key]));
  return {
    network,
    name,
    prefix4,
    prefix6,
    members: new Map(members.map((member) => [member.id, member])),
    revoked,
    byTunnelKey: new Map(members.map((member) => [member.tunnelKey, member.id])),
    byNodeKey: new Map(members.map((member) => [member.nodeKey, member.id])),
    byName: new Map(members.map((member) => [member.name, member.id])),
    byAddress4: new Map(members.map((member) => [member.address4, member.id])),
    admins: new Set([...admins].sort(compareText)),
    invites: taken.invites,
    inviteByTunnelKey,
    conflicts: sortedByText(conflicts),
    equivocations: chains.equivocations,
    policy: words.policy,
    latest: words.latest,
  };
}

/** fd and the first 5 bytes of the network id: the locally assigned prefix of RFC 4193 section 3.1. */
export function prefix6Of(network: NetworkId): Prefix {
  const bytes = concat(Uint8Array.of(0xfd), fromHex(network.slice(0, 10)), new Uint8Array(10));
  return prefixOf(addressFrom(bytes), 48);
}

export function address6Of(prefix6: Prefix, id: NodeId): Address {
  return addressFrom(concat(networkHalf(prefix6), fromHex(id)));
}

function networkHalf(prefix6: Prefix): Uint8Array {
  return addressBytes(prefixParts(prefix6).address).subarray(0, 8);
}

function foundingOf(chains: Chains): (Statement & { readonly body: FoundBody }) | null {
  let founding: (Statement & { readonly body: FoundBody }) | null = null;
  for (const statement of chains.byHash.values()) {
    if (isFounding(statement) && (founding === null || statement.hash < founding.hash)) founding = statement;
  }
  return founding;
}

function isFounding(statement: Statement): statement is Statement & { readonly body: FoundBody } {
  return statement.body.kind === 'found';
}

function revokedOf(rights: Rights, idOf: (key: NodeKey) => NodeId): ReadonlyMap<NodeId, RevokedNode> {
  const revoked: RevokedNode[] = [];
  for (const [nodeKey, limits] of rights.limits) {
    const all = limits.filter((limit) => limit.scope === 'all').map((limit) => limit.statement);
    const first = all.sort((a, b) => a.at - b.at || compareText(a.hash, b.hash))[0];
    if (first !== undefined) revoked.push({ id: idOf(nodeKey), nodeKey, by: first.by, at: first.at });
  }
  revoked.sort((a, b) => compareText(a.id, b.id));
  return new Map(revoked.map((node) => [node.id, node]));
}

/** One admission per node key and per id; nodes that were revoked are left out. */
function distinctNodes(
  admissions: readonly Admission[],
  revoked: ReadonlyMap<NodeId, RevokedNode>,
  conflicts: Conflict[],
): readonly Admission[] {
  const byId = new Map<NodeId, Admission>();
  for (const node of admissions) {
    if (revoked.get(node.id)?.nodeKey === node.nodeKey) continue;
    const other = byId.get(node.id);
    if (other === undefined) byId.set(node.id, node);
    else if (other.nodeKey !== node.nodeKey) {
      conflicts.push({ kind: 'node-id', id: node.id, winner: other.nodeKey, loser: node.nodeKey });
    }
  }
  return [...byId.values()];
}

interface Word<T> extends Claim {
  readonly value: T;
}

type Words<T> = Map<NodeKey, Word<T>[]>;

interface AllWords {
  readonly names: Words<Label>;
  readonly addresses: Words<Address>;
  readonly tags: Words<readonly Label[]>;
  readonly routes: Words<readonly Prefix[]>;
  readonly relays: Words<boolean>;
  readonly rekeys: Words<TunnelKey>;
  readonly policy: readonly PolicyRule[];
  readonly latest: number;
}

/** What statements in effect say of members; per member and field, the latest word counts. */
function wordsOf(chains: Chains, rights: Rights): AllWords {
  const names: AllWords['names'] = new Map();
  const addresses: AllWords['addresses'] = new Map();
  const tags: AllWords['tags'] = new Map();
  const routes: AllWords['routes'] = new Map();
  const relays: AllWords['relays'] = new Map();
  const rekeys: AllWords['rekeys'] = new Map();
  const sections: Word<PolicyBody>[] = [];
  let last = 0;
  for (const statement of chains.byHash.values()) {
    const { body, hash, by } = statement;
    if (body.kind === 'join' || !rights.has(statement)) continue;
    const time = chains.times.get(hash) as number;
    if (needsAdmin(statement) || body.kind === 'found') last = Math.max(last, time);
    const claim: Claim = { rank: 'admin', time, hash };
    if (body.kind === 'rekey') say(rekeys, by, claim, body.tunnelKey);
    else if (body.kind === 'policy') sections.push({ ...claim, value: body });
    else if (body.kind === 'set') {
      say(names, body.nodeKey, claim, body.name);
      say(addresses, body.nodeKey, claim, body.address);
      say(tags, body.nodeKey, claim, body.tags);
      say(routes, body.nodeKey, claim, body.routes);
      say(relays, body.nodeKey, claim, body.mayRelay);
    }
  }
  const bySection = new Map(sections.sort(compareTimes).map((word) => [word.value.section, word.value.rules]));
  const policy = [...bySection].sort(([a], [b]) => compareText(a, b)).flatMap(([, rules]) => rules);
  return { names, addresses, tags, routes, relays, rekeys, policy, latest: last };
}

function say<T>(words: Words<T>, about: NodeKey, claim: Claim, value: T | null): void {
  if (value === null) return;
  const others = words.get(about);
  if (others === undefined) words.set(about, [{ ...claim, value }]);
  else others.push({ ...claim, value });
}

function latest<T>(words: readonly Word<T>[] | undefined): Word<T> | null {
  let last: Word<T> | null = null;
  for (const word of words ?? []) if (last === null || compareTimes(word, last) > 0) last = word;
  return last;
}

function claimOf(node: Admission, rank: Claim['rank']): Claim {
  return { rank, time: node.time, hash: node.hash };
}

/**
 * A tunnel key belongs to one node. Keys that nodes came in with are claimed first, in the order of admission; whoever
 * comes second is no member. A replaced key stays claimed, so that nobody else takes it up.
 */
function resolveTunnelKeys(
  nodes: readonly Admission[],
  words: AllWords,
  conflicts: Conflict[],
): ReadonlyMap<NodeId, TunnelKey> {
  const owner = new Map<TunnelKey, NodeId>();
  const keys = new Map<NodeId, TunnelKey>();
  const rekeys: (Word<TunnelKey> & { readonly id: NodeId })[] = [];
  for (const node of [...nodes].sort(compareClaims)) {
    const winner = owner.get(node.tunnelKey);
    if (winner !== undefined) {
      conflicts.push({ kind: 'tunnel-key', tunnelKey: node.tunnelKey, winner, loser: node.id, member: false });
      continue;
    }
    owner.set(node.tunnelKey, node.id);
    keys.set(node.id, node.tunnelKey);
    for (const word of words.rekeys.get(node.nodeKey) ?? []) rekeys.push({ ...word, id: node.id });
  }
  for (const { id, value: tunnelKey } of rekeys.sort(compareTimes)) {
    const winner = owner.get(tunnelKey);
    if (winner !== undefined && winner !== id) {
      conflicts.push({ kind: 'tunnel-key', tunnelKey, winner, loser: id, member: true });
      continue;
    }
    owner.set(tunnelKey, id);
    keys.set(id, tunnelKey);
  }
  return keys;
}

function sortedByText(conflicts: readonly Conflict[]): readonly Conflict[] {
  const keyed = conflicts.map((conflict) => ({ conflict, key: JSON.stringify(conflict) }));
  return keyed.sort((a, b) => compareText(a.key, b.key)).map(({ conflict }) => conflict);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
