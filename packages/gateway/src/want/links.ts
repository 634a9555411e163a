/** Bridges, what is in them, and the tunnels of routers with batman-adv over them. */
import { wireguardLinkLocal } from '../derive/hashes.ts';
import { BATMAN_HARD_MTU, vxlanMtu } from '../derive/mtu.ts';
import { KithError, prefixParts } from '@kith/core';
import { endpointText } from '../derive/endpoint.ts';
import { type Gateway, type GatewayDomain, otherGateways } from '../derive/gateway.ts';
import type { GatewayEntry } from '../file/settings.ts';
import type { ItemKey, LinkValue, PortOptions, WireGuardPeer } from '../item.ts';
import { domainPath, type WantedList } from './list.ts';

const CLIENT_PORT: PortOptions = { isolated: false, multicastRouter: 1 };
/** Without it the bridge keeps groups from the mesh whose members it cannot see: respondd and advertisements get lost. */
const MESH_PORT: PortOptions = { isolated: false, multicastRouter: 2 };

/** As Gluon's routers have it. */
const VXLAN_PORT = 4789;
/** A gateway's end of each tunnel, for all routers the same. */
const TUNNEL_ADDRESS = 'fe80::1';

const ALONE = { up: true, master: null, port: null } as const;

/** @returns the addresses and links that services of the domain stand on */
export function wantLinks(list: WantedList, gateway: Gateway, each: GatewayDomain): ItemKey[] {
  const { names, macs, domain } = each;
  const bridge: LinkValue = { type: 'bridge', mac: macs.bridge, mtu: 1500, ...ALONE, multicastQuerier: true };
  const key = list.add('link', names.bridge, bridge, domainPath(each, 'interfaces'));
  for (const name of domain.interfaces) {
    const port: LinkValue = {
      type: 'adopted',
      up: true,
      mac: null,
      mtu: null,
      master: names.bridge,
      port: CLIENT_PORT,
    };
    list.add('link', name, port, domainPath(each, 'interfaces'), [key]);
  }
  if (each.meshed) wantMesh(list, gateway, each, key);
  // Nothing that clients send makes the gateway change its own routes.
  list.add('sysctl', `net/ipv6/conf/${names.bridge}/accept_ra`, { value: '0' }, domainPath(each, 'prefix6'), [key]);
  return [
    key,
    address(
      list,
      names.bridge,
      `${each.address4}/${prefixParts(domain.prefix4).length}`,
      domainPath(each, 'prefix4'),
      key,
    ),
    address(list, names.bridge, `${each.address6}/64`, domainPath(each, 'prefix6'), key),
  ];
}

function address(list: WantedList, device: string, cidr: string, path: string, link: ItemKey): ItemKey {
  return list.add('address', `${device} ${cidr}`, { device, address: cidr }, path, [link]);
}

function wantMesh(list: WantedList, { settings, identity, host }: Gateway, each: GatewayDomain, bridge: ItemKey): void {
  const { names, macs, domain } = each;
  const module = list.has('module batman-adv')
    ? ('module batman-adv' as const)
    : list.add('module', 'batman-adv', { loaded: true }, 'vpn');
  const { algorithm, interval, hopPenalty } = domain.mesh;
  const value: LinkValue = {
    type: 'batadv',
    up: true,
    algorithm,
    mac: macs.batman,
    mtu: 1500,
    master: names.bridge,
    port: MESH_PORT,
  };
  const batman = list.add('link', names.batman, value, domainPath(each, 'mesh'), [module, bridge]);
  list.add(
    'batman',
    names.batman,
    {
      // Routers choose another gateway; leases that they hold here are still renewed.
      gatewayMode: host.draining ? 'off' : 'server',
      down: settings.bandwidth.down * 1000,
      up: settings.bandwidth.up * 1000,
      originatorInterval: interval,
      hopPenalty,
      bridgeLoopAvoidance: false,
      distributedArpTable: true,
      multicastForceFlood: false,
    },
    domainPath(each, 'mesh'),
    [batman],
  );
  const port = { up: true, master: names.batman, port: null };
  // The first port gives batman-adv its address among the others; this one stays when tunnels come and go.
  const dummy = list.add(
    'link',
    names.dummy,
    { type: 'dummy', mac: macs.dummy, mtu: BATMAN_HARD_MTU, ...port },
    domainPath(each, 'mesh'),
    [batman],
  );
  if (each.fastd !== null) {
    list.add('link', names.fastd, { type: 'tap', mac: macs.fastd, mtu: each.fastd.mtu, ...port }, 'vpn.fastd', [dummy]);
  }
  wantWireGuard(list, each, identity.wireguard ?? '', otherGateways({ host, settings }), dummy);
}

function wantWireGuard(
  list: WantedList,
  each: GatewayDomain,
  publicKey: string,
  gateways: readonly GatewayEntry[],
  dummy: ItemKey,
): void {
  const { names, macs, vni, wireguard: tunnel } = each;
  if (tunnel === null) return;
  if (vni === null) throw new KithError('INTERNAL', `domain "${each.domain.code}" has no seed yet`);
  const path = 'vpn.wireguard';
  const link = list.add('link', names.wireguard, { type: 'wireguard', mac: null, mtu: tunnel.mtu, ...ALONE }, path);
  const own = address(list, names.wireguard, `${TUNNEL_ADDRESS}/64`, path, link);
  const peers = tunnel.peers.map((peer) => ({ publicKey: peer, allowed: [`${wireguardLinkLocal(peer)}/128`] }));
  const others = gateways.flatMap(({ wireguard: key, endpoints: [host] }) =>
    key === null || key === publicKey ? [] : [otherGateway(key, host, tunnel.boundPort)],
  );
  const value = { publicKey, listenPort: tunnel.boundPort, peers: [...peers, ...others] };
  list.add('wireguard', names.wireguard, value, `${path}.peers`, [link]);
  const vxlan: LinkValue = {
    type: 'vxlan',
    up: true,
    vni,
    underlay: names.wireguard,
    local: TUNNEL_ADDRESS,
    destinationPort: VXLAN_PORT,
    zeroChecksum: true,
    mac: macs.vxlan,
    mtu: vxlanMtu(tunnel.mtu),
    master: names.batman,
    port: null,
  };
  const over = list.add('link', names.vxlan, vxlan, path, [link, own, dummy]);
  flood(list, names.vxlan, peers, `${path}.peers`, over);
  if (others.length === 0) return;
  // To routers all gateways are fe80::1. Among themselves they have, as routers do, the address of their key, and with it
  // a VXLAN of their own.
  const place = wireguardLinkLocal(publicKey);
  const apart = address(list, names.wireguard, `${place}/64`, 'gateways', link);
  const mutual: LinkValue = { ...vxlan, vni: each.interlinkVni ?? 0, local: place, mac: macs.interlink };
  const between = list.add('link', names.interlink, mutual, 'gateways', [link, apart, dummy]);
  flood(list, names.interlink, others, 'gateways', between);
}

/** @param host where it is; undefined for one that the file does not say it of: it has to come by itself */
function otherGateway(key: string, host: string | undefined, port: number): WireGuardPeer {
  const peer = { publicKey: key, allowed: [`${wireguardLinkLocal(key)}/128`] };
  return host === undefined ? peer : { ...peer, endpoint: endpointText(host, port) };
}

/** What is for nobody or for all goes to each of the peers. */
function flood(list: WantedList, device: string, peers: readonly WireGuardPeer[], path: string, link: ItemKey): void {
  for (const { allowed } of peers) {
    const destination = (allowed[0] ?? '').replace('/128', '');
    const value = { device, mac: '00:00:00:00:00:00', destination };
    list.add('forwarding', `${device} ${destination}`, value, path, [link]);
  }
}
