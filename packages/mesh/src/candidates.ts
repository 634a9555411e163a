/**
 * Which endpoints of a member are worth a try, and which of its own a node tells others. Polite: an address of a
 * private network is tried only where there is reason to believe that it is the same network.
 */
import { addressBytes, endpointOf, endpointParts, isIPv4, scopeOf } from '@kith/core';
import type { Address, Endpoint } from '@kith/core';
import type { Context } from './context.ts';
import { MAX_CANDIDATES } from './control.ts';
import type { Peer } from './peer.ts';
import { PRESENCE_LIMITS } from './presence.ts';
import type { PresenceEndpoint } from './presence.ts';

/** What this node publishes of itself, best first. */
export function ownEndpoints(context: Context, now: number): PresenceEndpoint[] {
  const { config } = context.init;
  const found = new Map<Endpoint, PresenceEndpoint>();
  const add = (kind: PresenceEndpoint['kind'], endpoint: Endpoint) => {
    if (!found.has(endpoint)) found.set(endpoint, { kind, endpoint });
  };
  for (const endpoint of config.staticEndpoints) add('static', endpoint);
  for (const endpoint of context.nat.reflexive(now).slice(0, 3)) add('reflexive', endpoint);
  for (const address of context.localAddresses) {
    const scope = scopeOf(address);
    if (scope === 'global' || scope === 'private') add('local', endpointOf(address, config.port));
  }
  return [...found.values()].slice(0, PRESENCE_LIMITS.endpoints);
}

/** Endpoints of a member to probe, most promising first. */
export function directCandidates(context: Context, peer: Peer, now: number): Endpoint[] {
  const presence = context.presences.get(peer.id)?.presence ?? null;
  const found = new Set<Endpoint>();
  for (const candidate of peer.candidates.values()) {
    if (candidate.path.kind === 'direct' && candidate.rtt !== null) found.add(candidate.path.endpoint);
  }
  if (presence !== null && !presence.goodbye) {
    for (const { endpoint } of presence.endpoints) if (isWorthTrying(context, peer, endpoint, now)) found.add(endpoint);
  }
  for (const endpoint of context.remembered(peer.id)) found.add(endpoint);
  return [...found].slice(0, MAX_CANDIDATES);
}

/** Endpoints that may answer a first message without any arrangement. */
export function openCandidates(context: Context, peer: Peer, now: number): Endpoint[] {
  const presence = context.presences.get(peer.id)?.presence;
  const all = directCandidates(context, peer, now);
  if (presence === undefined) return all.slice(0, 4);
  const remembered = new Set(context.remembered(peer.id));
  const kinds = new Map(presence.endpoints.map(({ kind, endpoint }) => [endpoint, kind]));
  return all
    .filter((endpoint) => {
      if (presence.reachable || remembered.has(endpoint)) return true;
      return kinds.get(endpoint) !== 'reflexive';
    })
    .slice(0, 4);
}

/** Whether an endpoint that somebody says is the peer's may be it, seen from here. */
export function isWorthTrying(context: Context, peer: Peer, endpoint: Endpoint, now: number): boolean {
  const { address } = endpointParts(endpoint);
  const scope = scopeOf(address);
  if (scope === 'unusable' || scope === 'loopback' || scope === 'link-local') return false;
  if (isOwn(context, endpoint)) return false;
  if (!context.localAddresses.some((local) => isIPv4(local) === isIPv4(address))) return false;
  if (scope === 'global') return true;
  // Most homes use the same few private networks: behind different public addresses, equal subnets mean nothing.
  const published = context.presences.get(peer.id)?.presence.endpoints ?? [];
  const theirs = published.filter(({ kind }) => kind === 'reflexive');
  const ours = new Set(context.nat.reflexive(now).map((seen) => endpointParts(seen).address));
  if (ours.size > 0 && theirs.length > 0)
    return theirs.some((entry) => ours.has(endpointParts(entry.endpoint).address));
  return context.localAddresses.some((local) => sameSubnet(local, address));
}

function isOwn(context: Context, endpoint: Endpoint): boolean {
  const { address, port } = endpointParts(endpoint);
  return port === context.init.config.port && context.localAddresses.includes(address);
}

/** Same /24 for IPv4, same /64 for IPv6: how local networks are cut in practice. */
function sameSubnet(a: Address, b: Address): boolean {
  if (isIPv4(a) !== isIPv4(b)) return false;
  const [x, y] = [addressBytes(a), addressBytes(b)];
  const length = x.length === 4 ? 3 : 8;
  return x.subarray(0, length).every((byte, i) => byte === y[i]);
}
