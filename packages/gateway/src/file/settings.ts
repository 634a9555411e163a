/** What a gateway's file means, with everything that can be told without a host filled in. */
import { type Address, isIPv4, type Label, parseLabel, type Prefix } from '@kith/core';
import { prefix4For, prefix6For } from '../derive/hashes.ts';
import { FASTD_MTU, WIREGUARD_MTU } from '../derive/mtu.ts';
import { addressAt } from '../derive/pools.ts';
import type { Algorithm, FastdMethod, Written, WrittenDomain, WrittenExit } from './written.ts';

export interface Community {
  readonly name: string;
  readonly code: string;
  readonly contact: string | null;
  readonly location: { readonly latitude: number; readonly longitude: number } | null;
  readonly country: string | null;
  readonly timezone: string | null;
}

export interface Exit {
  /** Null: through the mesh, to the first of `members` that answers. */
  readonly interface: string | null;
  readonly members: readonly Label[];
  readonly via: readonly Address[];
  /** Whether members of the mesh may use it too. */
  readonly offer: boolean;
  readonly nat: boolean;
  /** Null: where the prefix is unique local. */
  readonly nat6: boolean | null;
  /** Null: what the interface takes. */
  readonly mtu: number | null;
  readonly block: readonly number[];
  readonly reach: readonly Prefix[];
}

export interface Domain {
  readonly code: string;
  readonly title: string;
  readonly interfaces: readonly string[];
  readonly prefix4: Prefix;
  readonly prefix6: Prefix;
  readonly nextNode: { readonly name: Label; readonly ip4: Address; readonly ip6: Address; readonly mac: string };
  /** Seconds; null: derived. */
  readonly lease: number | null;
  readonly mesh: { readonly algorithm: Algorithm; readonly interval: number; readonly hopPenalty: number };
}

export interface GatewayEntry {
  readonly name: string;
  readonly slot: number;
  readonly endpoints: readonly string[];
  readonly fastd: string | null;
  readonly wireguard: string | null;
}

export interface Fastd {
  readonly port: number;
  readonly methods: readonly FastdMethod[];
  readonly mtu: number;
  readonly accept: 'all' | 'known';
  /** Null: a folder of kith's own. */
  readonly peers: string | null;
  readonly limit: number;
}

export interface WireGuard {
  readonly port: number;
  readonly mtu: number;
  readonly peers: readonly string[];
}

/** Where routers send their keys to be let in. */
export interface Registration {
  readonly port: number;
  /** `all` lets everybody in, `hand` waits for an operator. */
  readonly approve: 'hand' | 'all';
  readonly limit: number;
}

export interface Service {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

export interface Bans {
  readonly attempts: number;
  readonly window: number;
  readonly time: number;
  readonly allow: readonly Prefix[];
}

export interface Firmware {
  readonly ssid: string;
  readonly channel24: number;
  readonly channel5: number;
  readonly branch: string;
  readonly mirrors: readonly string[];
  readonly keys: readonly string[];
  readonly signatures: number;
  readonly release: string | null;
}

export interface Settings {
  readonly community: Community;
  readonly exit: Exit;
  readonly domains: readonly Domain[];
  /** Empty: this host is the only one. */
  readonly gateways: readonly GatewayEntry[];
  readonly slots: number;
  /** Mbit/s. */
  readonly bandwidth: { readonly down: number; readonly up: number };
  readonly vpn: {
    readonly fastd: Fastd | null;
    readonly wireguard: WireGuard | null;
    /** Null: nobody can register. */
    readonly registration: Registration | null;
  };
  readonly dns: {
    readonly zone: Label;
    /** Empty: those of the host. */
    readonly upstreams: readonly Address[];
    readonly records: readonly { readonly name: string; readonly addresses: readonly Address[] }[];
  };
  /** Empty: the host's own clock is served. */
  readonly ntp: { readonly upstreams: readonly string[] };
  readonly services: readonly Service[];
  readonly bans: Bans | null;
  readonly statistics: { readonly port: number } | null;
  /** Seconds between two questions. */
  readonly map: { readonly interval: number } | null;
  readonly firmware: Firmware;
}

/** A value that stands where a list may. */
function list<T extends string>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Fills in what the file leaves out. Contradictions are left to be found by the checks. */
export function settingsOf(written: Written): Settings {
  const community = communityOf(written.community);
  const gateways = Object.entries(written.gateways ?? {}).map(([name, entry], place) => ({
    name,
    slot: entry?.slot ?? place,
    endpoints: list(entry?.endpoints),
    fastd: entry?.fastd ?? null,
    wireguard: entry?.wireguard ?? null,
  }));
  const vpn = vpnOf(written.vpn);
  return {
    community,
    exit: exitOf(written.exit),
    domains: domainsOf(written, community),
    gateways,
    slots: written.slots ?? Math.max(4, ...gateways.map((gateway) => gateway.slot + 1)),
    bandwidth: written.bandwidth ?? { down: 100, up: 100 },
    vpn,
    dns: {
      zone: written.dns?.zone ?? parseLabel(community.code, 'zone'),
      upstreams: written.dns?.upstreams ?? [],
      records: Object.entries(written.dns?.records ?? {}).map(([name, addresses]) => ({
        name,
        addresses: list(addresses),
      })),
    },
    ntp: { upstreams: written.ntp?.upstreams ?? [] },
    services: Object.entries(written.services ?? {}).map(([name, where]) => ({
      name,
      protocol: where.startsWith('tcp') ? 'tcp' : 'udp',
      port: Number(where.slice(4)),
    })),
    bans: bansOf(written.bans),
    statistics: written.statistics === false ? null : { port: portOf(written.statistics) },
    map: mapOf(written.map, vpn.fastd !== null || vpn.wireguard !== null),
    firmware: firmwareOf(written.gluon, community),
  };
}

function communityOf(written: Written['community']): Community {
  const given = typeof written === 'string' ? { name: written } : written;
  return {
    name: given.name,
    code: given.code ?? codeFrom(given.name),
    contact: given.contact ?? null,
    location: given.location ?? null,
    country: given.country ?? null,
    timezone: given.timezone ?? null,
  };
}

/** `Freemesh Ireland` → `freemesh`: what fits into names of interfaces. */
function codeFrom(name: string): string {
  const letters = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/^[0-9]+/, '');
  return letters.slice(0, 8) || 'mesh';
}

function exitOf(written: string | WrittenExit): Exit {
  const given: WrittenExit = typeof written === 'string' ? { interface: written } : written;
  return {
    interface: given.interface ?? null,
    members: given.members ?? [],
    via: given.via ?? [],
    offer: given.offer ?? false,
    nat: given.nat ?? true,
    nat6: given.nat6 ?? null,
    mtu: given.mtu ?? null,
    block: given.block ?? [25],
    reach: given.reach ?? [],
  };
}

function domainsOf(written: Written, community: Community): Domain[] {
  const alone: Record<string, WrittenDomain | null> = {
    [community.code]: written.clients === undefined ? {} : { interfaces: written.clients },
  };
  const given = Object.entries(written.domains ?? alone);
  const taken = given.flatMap(([, domain]) => domain?.prefix4 ?? []);
  return given.map(([code, domain]) => {
    // 224 prefixes can be drawn; with more domains than that the checks find the overlap.
    const prefix4 = domain?.prefix4 ?? prefix4For(community.code, code, taken) ?? ('10.16.0.0/16' as Prefix);
    taken.push(prefix4);
    return domainOf(code, domain ?? {}, prefix4, community, given.length);
  });
}

function domainOf(code: string, given: WrittenDomain, prefix4: Prefix, community: Community, count: number): Domain {
  const prefix6 = given.prefix6 ?? prefix6For(community.code, code);
  const node = given.next_node;
  return {
    code,
    title: given.title ?? (count === 1 ? community.name : code),
    interfaces: list(given.interfaces),
    prefix4,
    prefix6,
    nextNode: {
      name: node?.name ?? parseLabel('nextnode', 'name'),
      ip4: node?.ip4 ?? addressAt(prefix4, 1),
      ip6: node?.ip6 ?? addressAt(prefix6, 1),
      mac: node?.mac ?? '16:41:95:40:f7:dc',
    },
    lease: given.lease ?? null,
    mesh: {
      algorithm: given.mesh?.algorithm ?? 'BATMAN_IV',
      interval: given.mesh?.interval ?? 5000,
      hopPenalty: given.mesh?.hop_penalty ?? 60,
    },
  };
}

function vpnOf(written: Written['vpn']): Settings['vpn'] {
  const given = typeof written === 'string' ? { [written]: {} } : (written ?? {});
  const { fastd, wireguard, registration } = given;
  return {
    registration:
      registration === undefined
        ? null
        : {
            port: registration.port ?? 8655,
            approve: registration.approve ?? 'hand',
            limit: registration.limit ?? 500,
          },
    fastd:
      fastd === undefined
        ? null
        : {
            port: fastd.port ?? 10_000,
            methods: fastd.methods ?? ['salsa2012+umac', 'null+salsa2012+umac'],
            mtu: fastd.mtu ?? FASTD_MTU,
            accept: fastd.accept ?? 'all',
            peers: fastd.peers ?? null,
            limit: fastd.limit ?? 200,
          },
    wireguard:
      wireguard === undefined
        ? null
        : {
            port: wireguard.port ?? 51_820,
            mtu: wireguard.mtu ?? WIREGUARD_MTU,
            peers: wireguard.peers ?? [],
          },
  };
}

function bansOf(written: Written['bans']): Bans | null {
  if (written === false) return null;
  return {
    attempts: written?.attempts ?? 5,
    window: written?.window ?? 600,
    time: written?.time ?? 3600,
    allow: written?.allow ?? [],
  };
}

function portOf(written: Written['statistics']): number {
  return typeof written === 'object' ? (written.port ?? 9655) : 9655;
}

/** Without routers there is nothing to ask. */
function mapOf(written: Written['map'], hasRouters: boolean): Settings['map'] {
  if (written === false || (written === undefined && !hasRouters)) return null;
  return { interval: typeof written === 'object' ? (written.interval ?? 60) : 60 };
}

function firmwareOf(written: Written['gluon'], community: Community): Firmware {
  const keys = written?.keys ?? [];
  return {
    ssid: written?.radio?.ssid ?? community.name.slice(0, 32),
    channel24: written?.radio?.channel24 ?? 1,
    channel5: written?.radio?.channel5 ?? 44,
    branch: written?.branch ?? 'stable',
    mirrors: written?.mirrors ?? [],
    keys,
    signatures: written?.signatures ?? Math.min(2, keys.length),
    release: written?.release ?? null,
  };
}

/** The addresses of a list that are of one family. */
export function ofFamily(addresses: readonly Address[], family: 4 | 6): Address[] {
  return addresses.filter((address) => isIPv4(address) === (family === 4));
}
