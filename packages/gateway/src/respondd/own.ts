/** What a gateway says about itself, in the documents that routers have: so it stands on the map as they do. */
import type { Gateway, GatewayDomain } from '../derive/gateway.ts';
import type { BatmanNeighbour, Flow, MeshInterfaces, Neighbours, NodeInfo, Statistics } from './documents.ts';

/** What hardly ever changes. */
export interface OwnMachine {
  /** Of kith. */
  readonly version: string;
  /** Name of the hardware; null where it has none. */
  readonly model: string | null;
  readonly cores: number;
  /** Of the domain's bridge. */
  readonly addresses: readonly string[];
}

export interface OwnLoad {
  /** Seconds since 1970. */
  readonly time: number;
  /** Seconds. */
  readonly uptime: number;
  /** Seconds that all processors together had nothing to do. */
  readonly idle: number;
  readonly load: number;
  readonly processes: { readonly running: number; readonly total: number };
  /** Kibibytes, as /proc/meminfo has them. */
  readonly memory: Readonly<Record<'total' | 'free' | 'available' | 'buffers' | 'cached', number>>;
  /** Part of 1. */
  readonly rootUsed: number;
  /** Null where nobody counts them. */
  readonly clients: number | null;
  /** Of the domain's bridge: what came from clients, what went to them. */
  readonly traffic: { readonly rx: Flow; readonly tx: Flow };
}

/** What batman-adv tells; null where the domain has none. */
export interface OwnMesh {
  readonly version: string;
  readonly ports: readonly { readonly name: string; readonly address: string }[];
  readonly heard: readonly {
    /** Name of the port. */
    readonly port: string;
    readonly address: string;
    /** 0 to 255; null with B.A.T.M.A.N. V, which has no such figure. */
    readonly tq: number | null;
    /** Milliseconds ago. */
    readonly lastSeen: number;
    readonly best: boolean;
  }[];
}

/** The id of a gateway in a domain: the hardware address of its bridge, as routers take their own. */
export function ownNodeId({ macs }: GatewayDomain): string {
  return macs.bridge.replaceAll(':', '');
}

export function ownNodeinfo(
  gateway: Gateway,
  each: GatewayDomain,
  machine: OwnMachine,
  mesh: OwnMesh | null,
): NodeInfo {
  const { community } = gateway.settings;
  const { fastd } = gateway.identity;
  return {
    node_id: ownNodeId(each),
    hostname: gateway.host.name,
    hardware: { model: machine.model ?? undefined, nproc: machine.cores },
    network: {
      mac: each.macs.bridge,
      addresses: machine.addresses,
      mesh: mesh === null ? undefined : { [each.names.batman]: { interfaces: portsOf(each, mesh) } },
    },
    software: {
      firmware: { base: 'kith', release: machine.version },
      autoupdater: { enabled: false },
      ...(mesh === null ? {} : { 'batman-adv': { version: mesh.version, compat: 15 } }),
      fastd: each.fastd === null ? undefined : { enabled: true, public_key: fastd ?? undefined },
      wireguard: each.wireguard === null ? undefined : { enabled: true },
    },
    system: { site_code: community.code, domain_code: each.domain.code, role: 'gateway' },
    location: community.location ?? undefined,
    owner: community.contact === null ? undefined : { contact: community.contact },
  };
}

function portsOf({ names }: GatewayDomain, { ports }: OwnMesh): MeshInterfaces {
  const tunnels: readonly string[] = [names.fastd, names.vxlan, names.wireguard];
  const [tunnel, other] = [true, false].map((wanted) =>
    ports.filter(({ name }) => tunnels.includes(name) === wanted).map(({ address }) => address),
  );
  return { tunnel, other };
}

export function ownStatistics(each: GatewayDomain, load: OwnLoad): Statistics {
  return {
    node_id: ownNodeId(each),
    time: load.time,
    uptime: load.uptime,
    idletime: load.idle,
    loadavg: load.load,
    processes: load.processes,
    memory: load.memory,
    rootfs_usage: load.rootUsed,
    clients: load.clients === null ? undefined : { total: load.clients, wifi: 0, wifi24: 0, wifi5: 0 },
    traffic: load.traffic,
  };
}

export function ownNeighbours(each: GatewayDomain, mesh: OwnMesh | null): Neighbours {
  const batadv: Record<string, { neighbours: Record<string, BatmanNeighbour> }> = {};
  for (const { name, address } of mesh?.ports ?? []) {
    const heard = (mesh?.heard ?? []).filter(({ port }) => port === name);
    const neighbours = heard.map(
      (one) => [one.address, { tq: one.tq ?? undefined, lastseen: one.lastSeen / 1000, best: one.best }] as const,
    );
    batadv[address] = { neighbours: Object.fromEntries(neighbours) };
  }
  return { node_id: ownNodeId(each), batadv };
}
