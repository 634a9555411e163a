/**
 * What routers tell about themselves through respondd, in the names that go over the wire: they are handed on to maps
 * as they are. Every field may be missing. Gluon 2025.1, package gluon-respondd and those that add to it.
 */
import { KithError } from '@kith/core';
import { Picker } from './picker.ts';

export const PROVIDERS = ['nodeinfo', 'statistics', 'neighbours'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** An object of which every field may be missing, down to the leaves. */
type Loose<T> = { readonly [K in keyof T]?: Loose<T[K]> | undefined };

export interface MeshInterfaces {
  readonly wireless?: readonly string[] | undefined;
  readonly tunnel?: readonly string[] | undefined;
  readonly other?: readonly string[] | undefined;
}

export interface NodeInfo {
  readonly node_id: string;
  readonly hostname?: string | undefined;
  readonly hardware?: { readonly model?: string | undefined; readonly nproc?: number | undefined };
  readonly network: {
    readonly mac?: string | undefined;
    readonly addresses?: readonly string[] | undefined;
    /** By batman-adv interface: hardware addresses of what is in it. */
    readonly mesh?: Readonly<Record<string, { readonly interfaces: MeshInterfaces }>> | undefined;
  };
  readonly software: {
    readonly firmware?: { readonly base?: string | undefined; readonly release?: string | undefined };
    readonly autoupdater?: { readonly enabled?: boolean | undefined; readonly branch?: string | undefined };
    readonly 'batman-adv'?: { readonly version?: string | undefined; readonly compat?: number | undefined };
    readonly fastd?: Tunnel | undefined;
    readonly wireguard?: Tunnel | undefined;
  };
  readonly system?: Loose<{ site_code: string; domain_code: string; role: string }> | undefined;
  readonly location?:
    { readonly latitude: number; readonly longitude: number; readonly altitude?: number | undefined } | undefined;
  readonly owner?: { readonly contact: string } | undefined;
}

export interface Tunnel {
  readonly enabled?: boolean | undefined;
  readonly version?: string | undefined;
  readonly public_key?: string | undefined;
}

export interface Flow {
  readonly bytes?: number | undefined;
  readonly packets?: number | undefined;
}

export interface Statistics {
  readonly node_id: string;
  /** Seconds since 1970, by the router's own clock. */
  readonly time?: number | undefined;
  /** Seconds. */
  readonly uptime?: number | undefined;
  readonly idletime?: number | undefined;
  readonly loadavg?: number | undefined;
  /** Part of 1. */
  readonly rootfs_usage?: number | undefined;
  readonly memory?: Loose<Record<'total' | 'free' | 'available' | 'buffers' | 'cached', number>> | undefined;
  readonly processes?: Loose<Record<'total' | 'running', number>> | undefined;
  readonly clients?:
    Loose<Record<'total' | 'wifi' | 'wifi24' | 'wifi5' | 'wifi6' | 'owe' | 'owe24' | 'owe5', number>> | undefined;
  readonly traffic?: Readonly<Partial<Record<'rx' | 'tx' | 'forward' | 'mgmt_rx' | 'mgmt_tx', Flow>>> | undefined;
  readonly gateway?: string | undefined;
  readonly gateway6?: string | undefined;
  readonly gateway_nexthop?: string | undefined;
  /** 0 to 255. */
  readonly gateway_tq?: number | undefined;
}

export interface BatmanNeighbour {
  /** 0 to 255. */
  readonly tq?: number | undefined;
  readonly lastseen?: number | undefined;
  readonly best?: boolean | undefined;
}

export interface Neighbours {
  readonly node_id: string;
  /** By own hardware address, then by the neighbour's. */
  readonly batadv: Readonly<Record<string, { readonly neighbours: Readonly<Record<string, BatmanNeighbour>> }>>;
}

export interface Documents {
  readonly nodeinfo?: NodeInfo | undefined;
  readonly statistics?: Statistics | undefined;
  readonly neighbours?: Neighbours | undefined;
}

/** JSON of a router with a hundred neighbours has 20 kB; inflating stops here. */
export const LONGEST_ANSWER: number = 256 * 1024;

const NODE_ID = /^[0-9a-zA-Z][0-9a-zA-Z:.-]{0,63}$/;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
const ADDRESS = /^[0-9a-fA-F:.]{2,45}$/;
const INTERFACE = /^[\w.-]{1,15}$/;
const MOST_NEIGHBOURS = 256;
const MOST_INTERFACES = 32;
const COUNTER = 2 ** 63;

export interface Answer {
  readonly documents: Documents;
  /** Paths of values that were left out because of their type or size. */
  readonly oddities: readonly string[];
}

/**
 * @param text inflated JSON, keyed by the names of providers
 * @throws KithError RESPONDD_INVALID for what is no JSON object, too long, or of two routers at once
 */
export function parseAnswer(text: string): Answer {
  if (text.length > LONGEST_ANSWER) throw invalid(`has ${text.length} characters, ${LONGEST_ANSWER} is the most`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KithError('RESPONDD_INVALID', 'the answer is no JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('is no JSON object');
  const top = new Picker(value);
  const documents: Documents = {
    nodeinfo: nodeinfo(top.object('nodeinfo')),
    statistics: statistics(top.object('statistics')),
    neighbours: neighbours(top.object('neighbours')),
  };
  const ids = new Set(
    Object.values(documents).flatMap((each: NodeInfo | Statistics | Neighbours | undefined) => each?.node_id ?? []),
  );
  if (ids.size > 1) throw invalid(`speaks for several routers: ${[...ids].join(', ')}`);
  if (ids.size === 0) throw invalid('names no router: "node_id" is missing or malformed');
  return { documents, oddities: top.oddities };
}

function invalid(what: string): KithError {
  return new KithError('RESPONDD_INVALID', `the answer ${what}`);
}

function nodeinfo(from: Picker): NodeInfo | undefined {
  const node_id = from.matching('node_id', NODE_ID);
  if (node_id === undefined) return undefined;
  const [hardware, network, software] = [from.object('hardware'), from.object('network'), from.object('software')];
  const contact = from.object('owner').text('contact', 256);
  return {
    node_id,
    hostname: from.text('hostname', 255),
    hardware: { model: hardware.text('model', 128), nproc: hardware.number('nproc', 1, 4096) },
    network: {
      mac: network.matching('mac', MAC),
      addresses: network.texts('addresses', ADDRESS, 64),
      mesh: meshes(network.object('mesh')),
    },
    software: {
      firmware: pickTexts(software.object('firmware'), ['base', 'release']),
      autoupdater: {
        enabled: software.object('autoupdater').flag('enabled'),
        branch: software.object('autoupdater').text('branch', 64),
      },
      'batman-adv': {
        version: software.object('batman-adv').text('version', 64),
        compat: software.object('batman-adv').number('compat', 0, 255),
      },
      fastd: tunnel(software.object('fastd')),
      wireguard: tunnel(software.object('wireguard')),
    },
    system: pickTexts(from.object('system'), ['site_code', 'domain_code', 'role']),
    location: place(from.object('location')),
    owner: contact === undefined ? undefined : { contact },
  };
}

function meshes(from: Picker): NodeInfo['network']['mesh'] {
  const entries = from.entries(INTERFACE, MOST_INTERFACES).map(([name, mesh]) => {
    const all = mesh.object('interfaces');
    const [wireless, tunnel, other] = (['wireless', 'tunnel', 'other'] as const).map((kind) =>
      all.texts(kind, MAC, MOST_INTERFACES),
    );
    return [name, { interfaces: { wireless, tunnel, other } }] as const;
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function tunnel(from: Picker): Tunnel | undefined {
  if (from.isEmpty) return undefined;
  return { enabled: from.flag('enabled'), version: from.text('version', 64), public_key: from.text('public_key', 64) };
}

function place(from: Picker): NodeInfo['location'] {
  const [latitude, longitude] = [from.number('latitude', -90, 90), from.number('longitude', -180, 180)];
  if (latitude === undefined || longitude === undefined) return undefined;
  return { latitude, longitude, altitude: from.number('altitude', -500, 10_000) };
}

function pickTexts<K extends string>(from: Picker, keys: readonly K[]): { [key in K]?: string | undefined } {
  const out: { [key in K]?: string | undefined } = {};
  for (const key of keys) out[key] = from.text(key, 128);
  return out;
}

function pickCounts<K extends string>(
  from: Picker,
  keys: readonly K[],
  most: number,
): { [key in K]?: number | undefined } {
  const out: { [key in K]?: number | undefined } = {};
  for (const key of keys) out[key] = from.number(key, 0, most);
  return out;
}

function statistics(from: Picker): Statistics | undefined {
  const node_id = from.matching('node_id', NODE_ID);
  if (node_id === undefined) return undefined;
  const traffic = from.object('traffic');
  const flow = (key: string): Flow => pickCounts(traffic.object(key), ['bytes', 'packets'], COUNTER);
  return {
    node_id,
    ...pickCounts(from, ['time', 'uptime', 'idletime'], 2 ** 40),
    loadavg: from.number('loadavg', 0, 10_000),
    rootfs_usage: from.number('rootfs_usage', 0, 1),
    memory: pickCounts(from.object('memory'), ['total', 'free', 'available', 'buffers', 'cached'], COUNTER),
    processes: pickCounts(from.object('processes'), ['total', 'running'], 10_000_000),
    clients: pickCounts(
      from.object('clients'),
      ['total', 'wifi', 'wifi24', 'wifi5', 'wifi6', 'owe', 'owe24', 'owe5'],
      100_000,
    ),
    traffic: {
      rx: flow('rx'),
      tx: flow('tx'),
      forward: flow('forward'),
      mgmt_rx: flow('mgmt_rx'),
      mgmt_tx: flow('mgmt_tx'),
    },
    gateway: from.matching('gateway', MAC),
    gateway6: from.matching('gateway6', MAC),
    gateway_nexthop: from.matching('gateway_nexthop', MAC),
    gateway_tq: from.number('gateway_tq', 0, 255),
  };
}

function neighbours(from: Picker): Neighbours | undefined {
  const node_id = from.matching('node_id', NODE_ID);
  if (node_id === undefined) return undefined;
  const own = from.object('batadv').entries(MAC, MOST_INTERFACES);
  const batadv = own.map(([mac, link]) => {
    const others = link.object('neighbours').entries(MAC, MOST_NEIGHBOURS);
    const heard = others.map(([other, each]) => [
      other.toLowerCase(),
      { tq: each.number('tq', 0, 255), lastseen: each.number('lastseen', 0, 1e9), best: each.flag('best') },
    ]);
    return [mac.toLowerCase(), { neighbours: Object.fromEntries(heard) }];
  });
  return { node_id, batadv: Object.fromEntries(batadv) };
}
