/** A gateway that is well, as facts, to be made ill in one place. */
import {
  type ClientFacts,
  type Desired,
  diagnose,
  desiredOn,
  type Finding,
  type Gateway,
  type GatewayDomain,
  type GatewayFacts,
  gatewayOn,
  readGatewayFile,
} from '@kith/gateway';
import { hostNamed, IDENTITY, LARGE } from './sample.ts';

const file = readGatewayFile(LARGE, 'kith.yaml');
export const GATEWAY: Gateway = gatewayOn(hostNamed('tower'), file.settings, IDENTITY);
export const WANTED: Desired = desiredOn(GATEWAY, file.causeOf);
export const [DUBLIN]: readonly (GatewayDomain | undefined)[] = GATEWAY.domains;

/** What a client gets that gets everything. */
export function servedClient(each: GatewayDomain): ClientFacts {
  const { domain, address4, address6, pool, macs, sizes } = each;
  const router = address6;
  return {
    domain: domain.code,
    complaint: null,
    offers: [{ server: address4, mac: macs.bridge, address: pool.first }],
    lease: {
      server: address4,
      address: pool.first,
      netmask: null,
      routers: [address4],
      dns: [address4],
      ntp: [address4],
      mtu: sizes.client,
      domain: 'fmie',
      time: 600,
    },
    address4: pool.first,
    advertisements: [
      {
        router,
        mac: macs.bridge,
        lifetime: 600,
        mtu: sizes.client,
        prefixes: [{ prefix: domain.prefix6, autonomous: true, lifetime: 3600 }],
        dns: [address6],
      },
    ],
    address6: address6,
    owners: [macs.bridge],
    answers: ([4, 6] as const).flatMap((family) => [
      { service: 'ping', family, complaint: null } as const,
      { service: 'dns-udp', family, complaint: null } as const,
      { service: 'dns-tcp', family, complaint: null } as const,
      { service: 'ntp', family, complaint: null, stratum: 3 } as const,
    ]),
    respondd: [],
    beyond: [],
  };
}

export const HEALTHY: GatewayFacts = {
  machine: {
    kernel: '6.1.0-44-amd64',
    hasBatman: true,
    missing: [],
    conntrack: { count: 100, most: GATEWAY.conntrack },
    neighbours4: { count: 10, most: 1024 },
    neighbours6: { count: 10, most: 1024 },
    fastd: '23',
  },
  drift: [],
  tables: WANTED.wanted.flatMap(({ item }) =>
    item.kind === 'table'
      ? [
          {
            name: item.name,
            isThere: true,
            rules: Object.entries(item.value.chains).flatMap(([chain, comments]) =>
              comments.map((comment) => ({
                chain,
                id: comment.replace(/: .*/, ''),
                state: 'as-wanted' as const,
                packets: 1,
              })),
            ),
          },
        ]
      : [],
  ),
  otherFirewalls: [],
  daemons: WANTED.wanted.flatMap(({ item }) =>
    item.kind === 'daemon'
      ? [{ name: item.name, state: 'ready' as const, age: 3600_000, restarts: 0, lastWords: [] }]
      : [],
  ),
  exit: {
    interface: 'eth0',
    link: 'up',
    route4: { device: 'eth0', via: null },
    route6: { device: 'eth0', via: null },
    targets: [],
    mesh: null,
  },
  upstreams: GATEWAY.settings.dns.upstreams.map((address) => ({ address, complaint: null, refuses: false })),
  disks: [{ path: '/var/lib/kith/gateway', free: 2 ** 30, size: 2 ** 33, freeFiles: 100_000 }],
  banned: [],
  fastd: [],
  wireguard: [],
  batman: [],
  clients: GATEWAY.domains.map((each) => servedClient(each)),
};

/** What the doctor says of a gateway that is well but for this. */
export function diagnosed(changes: Partial<GatewayFacts>): Finding[] {
  return diagnose(GATEWAY, WANTED, file.causeOf, { ...HEALTHY, ...changes });
}
