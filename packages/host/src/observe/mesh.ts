/** batman-adv through batctl, WireGuard through wg. */
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
      return value === null ? null : { kind: 'wireguard', name, value: { ...value, peers: inOrderOf(wanted, value) } };
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
    const [key = '', , , allowed = NONE] = line.split('\t');
    return { publicKey: key, allowed: allowed === NONE ? [] : allowed.split(',') };
  });
  return { publicKey, listenPort: Number(port), peers };
}

/** The kernel has peers in an order of its own; where the same are wanted they stand as they are wanted. */
function inOrderOf(wanted: readonly WireGuardPeer[], { peers }: WireGuardValue): WireGuardPeer[] {
  const place = new Map(wanted.map(({ publicKey }, i) => [publicKey, i]));
  const at = (peer: WireGuardPeer): number => place.get(peer.publicKey) ?? wanted.length;
  const sorted = peers.toSorted((a, b) => at(a) - at(b) || (a.publicKey < b.publicKey ? -1 : 1));
  return sorted.map((peer) => {
    const order = wanted[at(peer)]?.allowed ?? [];
    const rank = (prefix: string): number => (order.includes(prefix) ? order.indexOf(prefix) : order.length);
    return { ...peer, allowed: peer.allowed.toSorted((a, b) => rank(a) - rank(b)) };
  });
}
