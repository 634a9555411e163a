/** Why data takes the path it takes, in words that a person can act on. */
import type { NatClass } from './api.ts';
import type { Context } from './context.ts';
import type { Peer } from './peer.ts';

/** @param now monotonic ms */
export function pathReason(context: Context, peer: Peer, now: number): string {
  const { current } = peer;
  const held = context.presences.get(peer.id);
  const { name } = peer.identity;
  if (current === null || !peer.hasSession) {
    if (held === null) return `${name} has not been heard of`;
    if (held.presence.goodbye) return `${name} went offline`;
    return peer.homeTriedAt !== 0 ? 'connecting' : 'no traffic: a path is opened on demand';
  }
  if (current.path.kind === 'direct') return `direct ${current.path.endpoint}`;
  const relay = current.hop === null ? null : context.peer(current.hop);
  const via = `relayed by ${relay?.identity.name ?? 'a member'}`;
  if (peer.punch.failures === 0) return `${via}: looking for a direct path`;
  return `${via}: ${obstacle(context, peer, now)}`;
}

function obstacle(context: Context, peer: Peer, now: number): string {
  const own = context.nat.verdict(now, context.init.config.staticEndpoints.length > 0);
  const theirs = context.presences.get(peer.id)?.presence.nat ?? 'unknown';
  const ownName = context.roster().members.get(context.self)?.name ?? 'this node';
  const { name } = peer.identity;
  const causes: string[] = [];
  if (own.nat === 'symmetric') causes.push(`${ownName}'s NAT is symmetric`);
  if (theirs === 'symmetric') causes.push(`${name}'s NAT is symmetric`);
  if (causes.length > 0) return causes.join(' and ');
  return `no direct way could be opened (${ownName}: ${natWords(own.nat)}; ${name}: ${natWords(theirs)})`;
}

function natWords(nat: NatClass): string {
  switch (nat) {
    case 'public':
      return 'reachable from outside';
    case 'none':
      return 'no NAT, perhaps a firewall';
    case 'easy':
      return 'NAT that can be punched';
    case 'symmetric':
      return 'symmetric NAT';
    case 'unknown':
      return 'NAT unknown';
  }
}
