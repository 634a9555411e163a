/** batman-adv through batctl, WireGuard through wg. */
import { isIP } from 'node:net';
import { parseAddress } from '@kith/core';
import type { Item, WireGuardPeer, WireGuardValue } from '@kith/gateway';
import { batmanMesh } from '../batman/status.ts';
import { must } from '../command.ts';
import type { Interest } from './interest.ts';
import type { KernelLink } from './links.ts';

/** In the place of a key that is not set. */
const NONE = '(none)';

export async function observeBatman(interest: Interest, links: ReadonlyMap<string, KernelLink>): Promise<Item[]> {
  const names = interest.names('batman').filter((name) => links.get(name)?.kind === 'batadv');
  return Promise.all(
    names.map(async (name): Promise<Item> => {
      const mesh = await batmanMesh(name);
      return {
        kind: 'batman',
        name,
        value: {
          gatewayMode: mesh.gatewayMode === 'server' ? 'server' : 'off',
          down: mesh.down,
          up: mesh.up,
          originatorInterval: mesh.originatorInterval,
          hopPenalty: mesh.hopPenalty,
          bridgeLoopAvoidance: mesh.bridgeLoopAvoidance,
          distributedArpTable: mesh.distributedArpTable,
          multicastForceFlood: mesh.multicastForceFlood,
        },
      };
    }),
  );
}

export async function observeWireGuard(interest: Interest, links: ReadonlyMap<string, KernelLink>): Promise<Item[]> {
  const names = interest.names('wireguard').filter((name) => links.get(name)?.kind === 'wireguard');
  const found = await Promise.all(
    names.map(async (name): Promise<Item | null> => {
      const value = parseDump(await must(['wg', 'show', name, 'dump']));
      const wanted = interest.wanted('wireguard', name)?.value.peers ?? [];
      return value === null
        ? null
        : { kind: 'wireguard', name, value: { ...value, peers: peersAsWanted(wanted, value.peers) } };
    }),
  );
  return found.filter((item) => item !== null);
}

/**
 * `wg show INTERFACE dump`: fields apart by tabs. Of the interface private key, public key, port, mark; of each peer
 * public key, preshared key, endpoint, allowed IPs, …. Null for an interface that nobody set up yet.
 *
 * Source: wg(8) of WireGuard's tools 1.0.20210914
 */
export function parseDump(text: string): WireGuardValue | null {
  const [own, ...rest] = text.trimEnd().split('\n');
  const [, publicKey = NONE, port] = own?.split('\t') ?? [];
  if (publicKey === NONE || port === undefined) return null;
  const peers = rest.map((line): WireGuardPeer => {
    const [key = '', , endpoint = NONE, allowed = NONE] = line.split('\t');
    const peer = { publicKey: key, allowed: allowed === NONE ? [] : allowed.split(',') };
    return endpoint === NONE ? peer : { ...peer, endpoint };
  });
  return { publicKey, listenPort: Number(port), peers };
}

/** The kernel has peers in an order of its own; where the same are wanted they stand as they are wanted. */
export function peersAsWanted(wanted: readonly WireGuardPeer[], peers: readonly WireGuardPeer[]): WireGuardPeer[] {
  const place = new Map(wanted.map(({ publicKey }, i) => [publicKey, i]));
  const at = (peer: WireGuardPeer): number => place.get(peer.publicKey) ?? wanted.length;
  const sorted = peers.toSorted((a, b) => at(a) - at(b) || (a.publicKey < b.publicKey ? -1 : 1));
  return sorted.map((peer) => {
    const order = wanted[at(peer)]?.allowed ?? [];
    const rank = (prefix: string): number => (order.includes(prefix) ? order.indexOf(prefix) : order.length);
    const allowed = peer.allowed.toSorted((a, b) => rank(a) - rank(b));
    return { publicKey: peer.publicKey, allowed, ...endpointOf(wanted[at(peer)], peer) };
  });
}

/** The kernel learns where peers are, and has addresses where names are wanted: of those one stands for any. */
function endpointOf(wanted: WireGuardPeer | undefined, found: WireGuardPeer): Pick<WireGuardPeer, 'endpoint'> {
  const endpoint = wanted?.endpoint;
  if (endpoint === undefined || found.endpoint === undefined) return {};
  return { endpoint: leadTo(endpoint, found.endpoint) ? endpoint : found.endpoint };
}

function leadTo(wanted: string, found: string): boolean {
  const [host, port] = apart(wanted);
  const [address, place] = apart(found);
  return isIP(host) === 0 || (parseAddress(host) === parseAddress(address) && port === place);
}

/** `[2001:db8::9]:51820` → host and port */
function apart(endpoint: string): [string, string] {
  const colon = endpoint.lastIndexOf(':');
  return [endpoint.slice(0, colon).replace(/^\[|(?:%.*)?\]$/g, ''), endpoint.slice(colon + 1)];
}
