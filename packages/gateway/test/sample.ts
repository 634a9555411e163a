/** Files and hosts that the tests share. */
import {
  desiredOn,
  gatewayOn,
  readGatewayFile,
  type Desired,
  type Gateway,
  type Host,
  type Identity,
} from '@kith/gateway';

export const SMALL = `gateway:
  community: Freemesh Ireland
  clients: eth1
  exit: eth0
`;

/** A key of WireGuard that belongs to nobody. */
export const ROUTER_KEY = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';

/** A key of fastd that belongs to nobody. */
export const FASTD_KEY = '938b6c0dbcb3fe37b835b3dcd79e58f802aab734310132c430f656005c4083c0';

export const LARGE = `gateway:
  community:
    name: Freemesh Ireland
    code: fmie
    contact: hello@freemesh.example
    location: { latitude: 53.35, longitude: -6.26 }
    country: IE
  exit: { interface: eth0, via: [192.0.2.1, "2001:db8::1"], offer: true, reach: [192.168.7.0/24, "fd11::/64"] }
  domains:
    dublin: { title: Dublin, interfaces: [eth1, eth2], prefix4: 10.70.0.0/16 }
    cork:
      prefix4: 10.80.0.0/20
      prefix6: 2001:678:358::/64
      lease: 300
  gateways:
    tower: { endpoints: tower.freemesh.example, fastd: "${'1'.repeat(64)}", wireguard: "${ROUTER_KEY}" }
    cave: { endpoints: [203.0.113.9], fastd: "${FASTD_KEY}" }
  vpn:
    fastd: { port: 10006, limit: 50 }
    wireguard: { peers: ["${ROUTER_KEY}"] }
  dns: { zone: fmie, upstreams: [192.0.2.53], records: { wiki: 10.70.0.9 } }
  ntp: { upstreams: [192.0.2.123] }
  services: { wiki: tcp/80 }
  bans: { allow: [192.0.2.0/24, "2001:db8:1::/48"] }
`;

const SEEDS: Readonly<Record<string, string>> = { dublin: '0'.repeat(64), cork: '0123456789abcdef'.repeat(4) };

export const IDENTITY: Identity = { seeds: SEEDS, fastd: '1'.repeat(64), wireguard: ROUTER_KEY };

export function hostNamed(name: string, changes: Partial<Host> = {}): Host {
  return {
    name,
    memoryBytes: 2 ** 30,
    initialNamespace: true,
    mesh: { interface: 'kith-fmie', mtu: 1280, resolvers: [] },
    exitMtu: 1500,
    draining: false,
    folders: { state: '/var/lib/kith/gateway', run: '/run/kith/gateway' },
    ...changes,
  };
}

export function gatewayFrom(text: string, host: Host = hostNamed('tower')): Gateway {
  return gatewayOn(host, readGatewayFile(text, 'kith.yaml').settings, IDENTITY);
}

export function desiredFrom(text: string, host: Host = hostNamed('tower')): Desired {
  const file = readGatewayFile(text, 'kith.yaml');
  return desiredOn(gatewayOn(host, file.settings, IDENTITY), file.causeOf);
}
