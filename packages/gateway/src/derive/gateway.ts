/**
 * One gateway of the community on one host: names, addresses, hardware addresses, pools, sizes and limits, all of them
 * derived. Everything that is made for the host is made from this.
 */
import { type Address, KithError, type Prefix, prefixContains, parsePrefix } from '@kith/core';
import type { RouterEntry } from '../routers/registry.ts';
import type { Domain, Fastd, GatewayEntry, Settings, WireGuard } from '../file/settings.ts';
import { interlinkVniOf, macFor, vniOf } from './hashes.ts';
import { payloadMtu, type Sizes, sizesFor, vxlanMtu } from './mtu.ts';
import { gatewayAddress, type Pool, poolOf } from './pools.ts';
import { conntrackFor, leaseFor, type Neighbours, neighboursFor } from './tuning.ts';

/** What has to be known of the machine. */
export interface Host {
  /** Picks this gateway out of the list of all. */
  readonly name: string;
  readonly memoryBytes: number;
  /** Neighbour thresholds and the number of connections can be set in the first network namespace only. */
  readonly initialNamespace: boolean;
  /** Interface of the mesh, where there is one. */
  readonly mesh: {
    readonly interface: string;
    readonly mtu: number;
    /** Members that answer names: those that clients leave through. */
    readonly resolvers: readonly Address[];
  } | null;
  /** Of the interface that the file names as exit; null where it is not there. */
  readonly exitMtu: number | null;
  /** The gateway is being taken out: it keeps the promises that it made and makes no new ones. */
  readonly draining: boolean;
  /** Routers that were let in besides those of the file. */
  readonly admitted?: readonly Pick<RouterEntry, 'kind' | 'key' | 'domain'>[];
  readonly folders: {
    /** What lasts: leases, keys, the daemons' configuration. */
    readonly state: string;
    /** What does not outlive a start of the machine: sockets. */
    readonly run: string;
  };
}

/** The public halves of what is drawn once per host, and the seeds, which all gateways of a community share. */
export interface Identity {
  /** 64 hexadecimal digits per domain's code. */
  readonly seeds: Readonly<Record<string, string>>;
  /** Null as long as there is no need of it. */
  readonly fastd: string | null;
  readonly wireguard: string | null;
}

export interface DomainNames {
  readonly bridge: string;
  readonly batman: string;
  /** Gives batman-adv a stable primary address. */
  readonly dummy: string;
  readonly fastd: string;
  readonly wireguard: string;
  readonly vxlan: string;
  /** VXLAN between gateways. */
  readonly interlink: string;
}

export interface GatewayDomain {
  readonly domain: Domain;
  readonly names: DomainNames;
  readonly address4: Address;
  readonly address6: Address;
  readonly pool: Pool;
  /** Seconds. */
  readonly lease: number;
  readonly sizes: Sizes;
  readonly macs: Readonly<Record<'bridge' | 'batman' | 'dummy' | 'fastd' | 'vxlan' | 'interlink', string>>;
  /** Null as long as the domain has no seed. */
  readonly vni: number | null;
  /** Of the VXLAN between gateways. */
  readonly interlinkVni: number | null;
  /** Null where there is no tunnel of the kind. */
  readonly fastd: (Fastd & { readonly boundPort: number }) | null;
  readonly wireguard: (WireGuard & { readonly boundPort: number }) | null;
  /** Whether routers' frames reach the bridge through batman-adv. */
  readonly meshed: boolean;
}

export interface Gateway {
  readonly settings: Settings;
  readonly host: Host;
  readonly identity: Identity;
  readonly slot: number;
  readonly domains: readonly GatewayDomain[];
  /** The interface that packets leave by. */
  readonly exit: string;
  readonly conntrack: number;
  readonly neighbours: Neighbours;
  /** IPv6 of clients is translated at the exit. */
  readonly translates6: boolean;
}

/** Table of routes that only clients' packets use. */
export const CLIENT_TABLE = 42;

const UNIQUE_LOCAL = parsePrefix('fc00::/7');

/** The interfaces of a domain: 14 characters at most, with a code of ten. */
export function namesOf(code: string): DomainNames {
  return {
    bridge: `br-${code}`,
    batman: `bat-${code}`,
    dummy: `dum-${code}`,
    fastd: `fd-${code}`,
    wireguard: `wg-${code}`,
    vxlan: `vx-${code}`,
    interlink: `vg-${code}`,
  };
}

/**
 * @throws KithError GATEWAY_UNKNOWN when the file lists gateways and this host is none of them, GATEWAY_NO_MESH when the
 *   exit leads through a mesh that is not there
 */
export function gatewayOn(host: Host, settings: Settings, identity: Identity): Gateway {
  const slot = entryOf(host, settings)?.slot ?? 0;
  const exit = settings.exit.interface ?? host.mesh?.interface;
  if (exit === undefined) {
    throw new KithError(
      'GATEWAY_NO_MESH',
      `"gateway.exit.members" names ${settings.exit.members.join(', ')}, but the mesh is not up on this machine`,
    );
  }
  const domains = settings.domains.map((domain, place) => domainOn(host, settings, identity, domain, place, slot));
  const clients = domains.reduce((sum, each) => sum + each.pool.size, 0);
  return {
    settings,
    host,
    identity,
    slot,
    domains,
    exit,
    conntrack: conntrackFor(clients, host.memoryBytes),
    neighbours: neighboursFor(clients),
    // A member takes from another one only what has that member's own address.
    translates6:
      settings.exit.interface === null ||
      (settings.exit.nat6 ?? settings.domains.every((domain) => isUniqueLocal(domain.prefix6))),
  };
}

/** This host's own entry in the list of gateways; null where there is no list. */
export function entryOf(host: Host, settings: Settings): GatewayEntry | null {
  if (settings.gateways.length === 0) return null;
  const entry = settings.gateways.find((each) => each.name === host.name);
  if (entry !== undefined) return entry;
  throw new KithError(
    'GATEWAY_UNKNOWN',
    `this host is "${host.name}", the file's gateways are ${settings.gateways.map((each) => each.name).join(', ')}: add it, or say which one it is`,
  );
}

/** The servers that names are asked of; none: those of the machine itself. */
export function upstreamsOf({ settings, host }: Pick<Gateway, 'settings' | 'host'>): readonly Address[] {
  const { upstreams } = settings.dns;
  // The machine's own servers see what its clients ask, and may be nobody's business beyond the mesh.
  if (settings.exit.interface === null && upstreams.length === 0) return host.mesh?.resolvers ?? [];
  return upstreams;
}

function admittedTo({ admitted = [] }: Host, { code }: Domain): string[] {
  return admitted.filter(({ kind, domain }) => kind === 'wireguard' && domain === code).map(({ key }) => key);
}

/** The community's gateways but this one. */
export function otherGateways({ host, settings }: Pick<Gateway, 'host' | 'settings'>): GatewayEntry[] {
  return settings.gateways.filter(({ name }) => name !== host.name);
}

function isUniqueLocal(prefix: Prefix): boolean {
  return prefixContains(UNIQUE_LOCAL, gatewayAddress(prefix, 0));
}

function domainOn(
  host: Host,
  settings: Settings,
  identity: Identity,
  domain: Domain,
  place: number,
  slot: number,
): GatewayDomain {
  const { vpn, slots, community } = settings;
  const pool = poolOf(domain.prefix4, slots, slot);
  const mac = (role: string): string => macFor(community.code, domain.code, String(slot), role);
  const seed = identity.seeds[domain.code];
  const exitMtu = settings.exit.interface === null ? host.mesh?.mtu : host.exitMtu;
  const ways = [settings.exit.mtu ?? exitMtu ?? 1500];
  if (vpn.fastd !== null) ways.push(payloadMtu(vpn.fastd.mtu));
  if (vpn.wireguard !== null) ways.push(payloadMtu(vxlanMtu(vpn.wireguard.mtu)));
  return {
    domain,
    names: namesOf(domain.code),
    address4: gatewayAddress(domain.prefix4, slot),
    address6: gatewayAddress(domain.prefix6, slot),
    pool,
    lease: domain.lease ?? leaseFor(pool.size, settings.gateways.length),
    sizes: sizesFor(ways),
    macs: {
      bridge: mac('bridge'),
      batman: mac('batman'),
      dummy: mac('dummy'),
      fastd: mac('fastd'),
      vxlan: mac('vxlan'),
      interlink: mac('interlink'),
    },
    vni: seed === undefined ? null : vniOf(seed),
    interlinkVni: seed === undefined ? null : interlinkVniOf(seed),
    fastd: vpn.fastd === null ? null : { ...vpn.fastd, boundPort: vpn.fastd.port + place },
    wireguard:
      vpn.wireguard === null
        ? null
        : {
            ...vpn.wireguard,
            peers: [...new Set([...vpn.wireguard.peers, ...admittedTo(host, domain)])],
            boundPort: vpn.wireguard.port + place,
          },
    meshed: vpn.fastd !== null || vpn.wireguard !== null,
  };
}
