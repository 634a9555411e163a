/** What a node shows of the network: one view per member. */
import type { ExitView, LinkView, MemberView, MeshStatus, PathView, TraceHop } from './api.ts';
import { ownEndpoints } from './candidates.ts';
import type { Context } from './context.ts';
import { exitStanding } from './exits.ts';
import type { Member } from './ledger/index.ts';
import type { Paths } from './paths.ts';
import type { NodeId } from '@kith/core';
import { pathReason } from './reason.ts';
import type { Link } from './routes.ts';

const SELF_PATH: PathView = { kind: 'none', endpoint: null, via: [], reason: 'this node', age: 0 };
const NO_PATH: PathView = { ...SELF_PATH, reason: 'this node is no member any more' };

export interface StatusParts {
  readonly context: Context;
  readonly paths: Paths;
  readonly exit: ExitView | null;
}

export function meshStatus({ context, paths, exit }: StatusParts, now: number): MeshStatus {
  const roster = context.roster();
  const verdict = context.nat.verdict(now, context.init.config.staticEndpoints.length > 0);
  const counters = context.init.plane.counters();
  return {
    network: context.network,
    name: roster.name,
    self: context.self,
    nat: verdict.nat,
    natReason: verdict.reason,
    endpoints: ownEndpoints(context, now).map(({ endpoint }) => endpoint),
    members: [...roster.members.values()].map((member) => memberView(context, paths, member, now)),
    exit,
    relayedPackets: counters.relayedPackets,
    relayedBytes: counters.relayedBytes,
    ledgerSize: context.ledger.size,
    warnings: [
      ...roster.conflicts.map((conflict) => describeConflict(context, conflict)),
      ...roster.equivocations.map((e) => `${e.issuer} signed two different statements with number ${e.n}`),
    ],
  };
}

/** Of what both ends measured the better: the worse one may be old. */
export function linkViews(context: Context, links: readonly Link[]): LinkView[] {
  const { members } = context.roster();
  const byPair = new Map<string, LinkView>();
  for (const { a, b, rtt, loss } of links) {
    if (!members.has(a) || !members.has(b)) continue;
    const [low, high] = a < b ? [a, b] : [b, a];
    const known = byPair.get(low + high);
    if (known === undefined || rtt < known.rttMs) byPair.set(low + high, { a: low, b: high, rttMs: rtt, loss });
  }
  return [...byPair.values()];
}

export function isOnline(context: Context, id: NodeId, now: number): boolean {
  if (id === context.self) return true;
  const held = context.presences.get(id);
  const peer = context.peer(id);
  const heard = peer !== null && peer.lastHeard > 0 ? now - peer.lastHeard : Number.POSITIVE_INFINITY;
  if (held === null) return heard < 20_000;
  if (held.presence.goodbye) return false;
  // A member we talk with and that has fallen silent is gone, whatever its last record promised.
  const asked = peer?.hasSession === true && peer.current !== null && now - peer.current.lastPing < 10_000;
  const silent = asked && (peer.current?.misses ?? 0) >= 4;
  return heard < 20_000 || (!silent && !context.presences.isDown(id));
}

export function traceTo(context: Context, paths: Paths, member: NodeId, now: number): TraceHop[] {
  const peer = context.peer(member);
  const view = peer === null ? null : paths.view(peer, now, () => '');
  const hops: TraceHop[] = (view?.via ?? []).map(({ id, name }) => ({
    id,
    name,
    rttMs: context.peer(id)?.current?.rtt ?? null,
  }));
  const target = context.roster().members.get(member);
  if (target !== undefined) hops.push({ id: member, name: target.name, rttMs: peer?.current?.rtt ?? null });
  return hops;
}

function memberView(context: Context, paths: Paths, member: Member, now: number): MemberView {
  const { id, name, address4, address6, admin } = member;
  const head = { id, name, address4, address6, admin, self: id === context.self, online: isOnline(context, id, now) };
  const held = context.presences.get(id);
  const said = {
    nat: held?.presence.nat ?? 'unknown',
    relay: held?.presence.relay ?? member.mayRelay,
    exit: exitStanding(context, id),
    endpoints: held?.presence.endpoints.map(({ endpoint }) => endpoint) ?? [],
    version: held?.presence.version ?? null,
    location: held?.presence.location ?? null,
  } as const;
  const peer = context.peer(id);
  if (peer === null) {
    return {
      ...head,
      ...said,
      lastSeen: 0,
      path: head.self ? SELF_PATH : NO_PATH,
      rttMs: null,
      loss: 0,
      unanswered: 0,
      sentBytes: 0,
      receivedBytes: 0,
    };
  }
  const counters = context.init.plane.peerCounters(peer.handle);
  const heardAt = Math.max(peer.lastHeard, held?.bornAt ?? 0);
  return {
    ...head,
    ...said,
    lastSeen: heardAt === 0 ? null : Math.max(0, now - heardAt),
    path: paths.view(peer, now, (p) => pathReason(context, p, now)),
    rttMs: peer.hasSession ? (peer.current?.rtt ?? null) : null,
    loss: peer.current?.loss ?? 0,
    unanswered: peer.current?.misses ?? 0,
    sentBytes: counters?.sentBytes ?? 0,
    receivedBytes: counters?.receivedBytes ?? 0,
  };
}

function describeConflict(context: Context, conflict: ReturnType<Context['roster']>['conflicts'][number]): string {
  const name = (id: NodeId | null) => (id === null ? 'nobody' : (context.roster().members.get(id)?.name ?? id));
  switch (conflict.kind) {
    case 'name':
      return `two members want the name ${conflict.name}: one of them is called ${conflict.given}`;
    case 'address':
      return `${name(conflict.loser)} wanted ${conflict.address} and got ${conflict.given}`;
    case 'invite-overused':
      return `${conflict.name} came with an invite that was used up elsewhere and is no member`;
    case 'tunnel-key':
      return `${name(conflict.winner)} and ${conflict.loser} claim one tunnel key`;
    case 'node-id':
      return `two node keys share the id ${conflict.id}`;
    case 'prefix-full':
      return `no address is left for ${conflict.name}`;
  }
}
