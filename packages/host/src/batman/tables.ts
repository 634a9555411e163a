/**
 * What batman-adv knows, as `batctl meshif DEVICE …_json` writes it (batctl since 2021.1, man 8 batctl). The names of the
 * fields are those of the attributes in linux/batman_adv.h. Pure.
 */
import { type Answer } from '../answer.ts';

/** How good a way is: B.A.T.M.A.N. IV tells the part of messages that get through, V an estimated throughput. */
export type Quality =
  | { readonly algorithm: 'BATMAN_IV'; /** 0 to 255. */ readonly tq: number }
  | { readonly algorithm: 'BATMAN_V'; /** kbit/s. */ readonly throughput: number };

export type GatewayMode = 'off' | 'client' | 'server';

/** The interface itself and its settings. */
export interface BatmanMesh {
  /** Of the kernel's module. */
  readonly version: string;
  readonly algorithm: 'BATMAN_IV' | 'BATMAN_V';
  readonly address: string;
  /** The port whose address the others know this node by; null without one. */
  readonly primary: { readonly interface: string; readonly address: string } | null;
  readonly gatewayMode: GatewayMode;
  /** kbit/s that are announced as `server`. */
  readonly down: number;
  readonly up: number;
  /** Milliseconds. */
  readonly originatorInterval: number;
  /** Of 255. */
  readonly hopPenalty: number;
  readonly isolation: boolean;
  readonly bridgeLoopAvoidance: boolean;
  readonly distributedArpTable: boolean;
  readonly fragmentation: boolean;
  readonly multicastForceFlood: boolean;
}

export interface HardInterface {
  readonly name: string;
  readonly address: string;
  readonly active: boolean;
}

/** One way to another node; the same node may stand there several times. */
export interface Originator {
  readonly address: string;
  /** The neighbour that leads there. */
  readonly nextHop: string;
  readonly interface: string;
  readonly quality: Quality;
  /** Milliseconds since something was heard of it. */
  readonly lastSeen: number;
  /** Whether packets take this way. */
  readonly best: boolean;
}

export interface MeshNeighbour {
  readonly address: string;
  readonly interface: string;
  readonly lastSeen: number;
  /** Null with B.A.T.M.A.N. IV, which tells it of originators only. */
  readonly throughput: number | null;
}

/** Another node that announces a way out. */
export interface MeshGateway {
  readonly address: string;
  readonly nextHop: string;
  readonly interface: string;
  readonly quality: Quality;
  /** kbit/s. */
  readonly down: number;
  readonly up: number;
  /** Whether this node has chosen it, as a client. */
  readonly best: boolean;
}

interface Client {
  readonly address: string;
  /** Null without a VLAN. */
  readonly vlan: number | null;
  readonly wifi: boolean;
  readonly roaming: boolean;
}

/** A client, or a group that one listens to, behind this node. */
export interface LocalClient extends Client {
  /** Milliseconds; null for what does not age, as the interface's own address. */
  readonly lastSeen: number | null;
}

/** A client behind another node. */
export interface RemoteClient extends Client {
  readonly originator: string;
  /** Whether this is the node that packets for the client are sent to. */
  readonly best: boolean;
}

/** Most lines of a table that are taken; a domain of that size has been split long before. */
export const MOST_NODES = 4096;
const MOST_CLIENTS = 65_536;

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
/** Any name that the kernel takes. */
const INTERFACE = /^[^\s/\p{Cc}]{1,15}$/u;
const MOST_INTERFACES = 256;

/** `mesh_json` */
export function parseMesh(from: Answer): BatmanMesh {
  const [port, hard] = [from.optional('hard_ifname'), from.optional('hard_address')];
  return {
    version: from.field('version').text(64),
    algorithm: from.field('algo_name').oneOf(['BATMAN_IV', 'BATMAN_V']),
    address: from.field('mesh_address').matching(MAC),
    primary:
      port === null || hard === null ? null : { interface: port.matching(INTERFACE), address: hard.matching(MAC) },
    gatewayMode: from.field('gw_mode').oneOf(['off', 'client', 'server']),
    down: rate(from.field('gw_bandwidth_down')),
    up: rate(from.field('gw_bandwidth_up')),
    originatorInterval: from.field('orig_interval').whole(0, 2 ** 31),
    hopPenalty: from.field('hop_penalty').whole(0, 255),
    isolation: from.field('ap_isolation_enabled').flag(),
    // What a kernel was built without is not there, and is off.
    bridgeLoopAvoidance: from.optional('bridge_loop_avoidance_enabled')?.flag() ?? false,
    distributedArpTable: from.optional('distributed_arp_table_enabled')?.flag() ?? false,
    fragmentation: from.field('fragmentation_enabled').flag(),
    multicastForceFlood: from.optional('multicast_forceflood_enabled')?.flag() ?? true,
  };
}

/** `hardifs_json` */
export function parseHardInterfaces(from: Answer): HardInterface[] {
  return from.list(MOST_INTERFACES).map((each) => ({
    name: each.field('hard_ifname').matching(INTERFACE),
    address: each.field('hard_address').matching(MAC),
    active: each.optional('active')?.flag() ?? false,
  }));
}

/** `originators_json` */
export function parseOriginators(from: Answer): Originator[] {
  return from.list(MOST_NODES).map((each) => ({
    address: each.field('orig_address').matching(MAC),
    nextHop: each.field('neigh_address').matching(MAC),
    interface: each.field('hard_ifname').matching(INTERFACE),
    quality: quality(each, 1),
    lastSeen: each.field('last_seen_msecs').count(),
    best: isBest(each),
  }));
}

/** `neighbors_json` */
export function parseNeighbours(from: Answer): MeshNeighbour[] {
  return from.list(MOST_NODES).map((each) => ({
    address: each.field('neigh_address').matching(MAC),
    interface: each.field('hard_ifname').matching(INTERFACE),
    lastSeen: each.field('last_seen_msecs').count(),
    throughput: each.optional('throughput')?.count() ?? null,
  }));
}

/** `gateways_json` */
export function parseGateways(from: Answer): MeshGateway[] {
  return from.list(MOST_NODES).map((each) => ({
    address: each.field('orig_address').matching(MAC),
    nextHop: each.field('router').matching(MAC),
    interface: each.field('hard_ifname').matching(INTERFACE),
    // Here, and only here, the kernel counts throughput as it counts bandwidths.
    quality: quality(each, RATE_UNIT),
    down: rate(each.field('bandwidth_down')),
    up: rate(each.field('bandwidth_up')),
    best: isBest(each),
  }));
}

/** `transtable_local_json` */
export function parseLocalClients(from: Answer): LocalClient[] {
  return from
    .list(MOST_CLIENTS)
    .map((each) => ({ ...client(each), lastSeen: each.optional('last_seen_msecs')?.count() ?? null }));
}

/** `transtable_global_json` */
export function parseRemoteClients(from: Answer): RemoteClient[] {
  return from
    .list(MOST_CLIENTS)
    .map((each) => ({ ...client(each), originator: each.field('orig_address').matching(MAC), best: isBest(each) }));
}

function client(from: Answer): Client {
  const [vlan, flags] = [from.field('tt_vid').whole(-1, 4095), from.field('tt_flags')];
  return {
    address: from.field('tt_address').matching(MAC),
    vlan: vlan === -1 ? null : vlan,
    wifi: flags.field('wifi').flag(),
    roaming: flags.field('roam').flag(),
  };
}

function quality(from: Answer, unit: number): Quality {
  const throughput = from.optional('throughput');
  if (throughput !== null) return { algorithm: 'BATMAN_V', throughput: throughput.whole(0, 2 ** 32) * unit };
  return { algorithm: 'BATMAN_IV', tq: from.field('tq').whole(0, 255) };
}

/** kbit/s in the kernel's unit of bandwidths. */
const RATE_UNIT = 100;

function rate(from: Answer): number {
  return from.whole(0, 2 ** 32) * RATE_UNIT;
}

/** The attribute is a mark without a value: where it is false it is missing. */
function isBest(from: Answer): boolean {
  return from.optional('best')?.flag() ?? false;
}
