/**
 * The files that maps of communities read: nodes.json version 2 and graph.json (hopglass-server, yanic), meshviewer.json
 * (meshviewer) and nodelist.json 1.0.0 (the directory of Freifunk's API). Plain data, for JSON.stringify.
 */
import { gatewaysIn, linksOf, type MapLink, type NodeBook, type NodeRecord } from './book.ts';
import { mapTime } from './time.ts';

/** JSON values; what is undefined is left out when it is written. */
export interface Json {
  readonly [key: string]: unknown;
}

interface Seen {
  readonly node: NodeRecord;
  readonly online: boolean;
  readonly gateway: boolean;
}

function seen(book: NodeBook, now: number): Seen[] {
  const nodes = book.nodes;
  const gateways = gatewaysIn(nodes);
  return nodes.map((node) => ({ node, online: book.isOnline(node, now), gateway: gateways.has(node.id) }));
}

/** @param now milliseconds since 1970 */
export function nodesJson(book: NodeBook, now: number): Json {
  return {
    version: 2,
    timestamp: mapTime(now),
    nodes: seen(book, now).map(({ node, online, gateway }) => ({
      firstseen: mapTime(node.firstSeen),
      lastseen: mapTime(node.lastSeen),
      flags: { online, gateway },
      nodeinfo: node.nodeinfo ?? { node_id: node.id, network: {}, software: {} },
      statistics: online ? (node.statistics ?? {}) : {},
    })),
  };
}

/** Qualities stand in it as 255 / tq: 1 is the best. */
export function graphJson(book: NodeBook, now: number): Json {
  const online = book.nodes.filter((node) => book.isOnline(node, now));
  const links = linksOf(online);
  const macs = [...new Set(links.flatMap(({ sourceMac, targetMac }) => [sourceMac, targetMac]))].sort();
  const places = new Map(macs.map((mac, place) => [mac, place]));
  const owners = new Map(
    links.flatMap((link) => [[link.sourceMac, link.source] as const, [link.targetMac, link.target] as const]),
  );
  return {
    version: 1,
    timestamp: mapTime(now),
    batadv: {
      multigraph: false,
      directed: false,
      graph: [],
      nodes: macs.map((mac) => ({ id: mac, node_id: owners.get(mac) })),
      links: links.map((link) => ({
        source: places.get(link.sourceMac),
        target: places.get(link.targetMac),
        tq: cost(link),
        type: link.type === 'vpn' ? 'tunnel' : link.type === 'wifi' ? 'wireless' : 'other',
        bidirect: link.sourceQuality !== null && link.targetQuality !== null,
      })),
    },
  };
}

/** The worse of both directions; a link without a quality counts as the worst that batman-adv tells. */
function cost({ sourceQuality, targetQuality }: MapLink): number {
  const known = [sourceQuality, targetQuality].filter((quality) => quality !== null);
  const quality = known.length === 0 ? 0 : Math.min(...known);
  return Math.round((1 / Math.max(quality, 1 / 255)) * 1000) / 1000;
}

export function meshviewerJson(book: NodeBook, now: number): Json {
  const all = seen(book, now);
  const ids = new Map(all.flatMap(({ node }) => macIds(node)));
  const online = all.filter((each) => each.online).map(({ node }) => node);
  return {
    timestamp: mapTime(now),
    nodes: all.map((each) => meshviewerNode(each, ids)),
    links: linksOf(online).map((link) => ({
      type: link.type,
      source: link.source,
      target: link.target,
      source_tq: link.sourceQuality ?? link.targetQuality ?? 0,
      target_tq: link.targetQuality ?? link.sourceQuality ?? 0,
      source_addr: link.sourceMac,
      target_addr: link.targetMac,
    })),
  };
}

/** Gateways are named by a hardware address; the map wants a router's id. */
function macIds(node: NodeRecord): [mac: string, id: string][] {
  const meshes = Object.values(node.nodeinfo?.network.mesh ?? {});
  const macs = meshes.flatMap(({ interfaces }) => [
    ...(interfaces.wireless ?? []),
    ...(interfaces.tunnel ?? []),
    ...(interfaces.other ?? []),
  ]);
  return [...macs, node.nodeinfo?.network.mac ?? ''].map((mac) => [mac.toLowerCase(), node.id]);
}

function meshviewerNode({ node, online, gateway }: Seen, ids: ReadonlyMap<string, string>): Json {
  const { nodeinfo: info } = node;
  // What a silent router said last is no more true.
  const now = online ? node.statistics : null;
  const idOf = (mac: string | undefined): string | undefined =>
    mac === undefined ? undefined : (ids.get(mac.toLowerCase()) ?? mac);
  const clients = now?.clients ?? {};
  const wifi = (clients.wifi24 ?? 0) + (clients.wifi5 ?? 0);
  return {
    firstseen: mapTime(node.firstSeen),
    lastseen: mapTime(node.lastSeen),
    is_online: online,
    is_gateway: gateway,
    clients: clients.total ?? 0,
    clients_wifi24: clients.wifi24 ?? 0,
    clients_wifi5: clients.wifi5 ?? 0,
    clients_other: Math.max(0, (clients.total ?? 0) - wifi),
    clients_owe: clients.owe,
    clients_owe24: clients.owe24,
    clients_owe5: clients.owe5,
    rootfs_usage: now?.rootfs_usage,
    loadavg: now?.loadavg,
    memory_usage: memoryUsage(now?.memory),
    uptime: now?.uptime === undefined ? undefined : mapTime(node.lastSeen - now.uptime * 1000),
    gateway: idOf(now?.gateway),
    gateway6: idOf(now?.gateway6),
    gateway_nexthop: idOf(now?.gateway_nexthop),
    gateway_tq: now?.gateway_tq === undefined ? undefined : now.gateway_tq / 255,
    node_id: node.id,
    mac: info?.network.mac,
    addresses: info?.network.addresses ?? [],
    domain: info?.system?.domain_code ?? info?.system?.site_code ?? '',
    hostname: info?.hostname ?? node.id,
    owner: info?.owner?.contact,
    location: info?.location,
    firmware: info?.software.firmware ?? {},
    autoupdater: {
      enabled: info?.software.autoupdater?.enabled ?? false,
      branch: info?.software.autoupdater?.branch ?? '',
    },
    nproc: info?.hardware?.nproc ?? 0,
    model: info?.hardware?.model,
  };
}

type Memory = NonNullable<NonNullable<NodeRecord['statistics']>['memory']>;

/** Part of 1; without `available` what could be freed is reckoned as the kernel's tools did before it. */
function memoryUsage(memory: Memory | undefined): number | undefined {
  if (memory?.total === undefined || memory.total === 0) return undefined;
  const free = memory.available ?? (memory.free ?? 0) + (memory.buffers ?? 0) + (memory.cached ?? 0);
  return Math.min(1, Math.max(0, 1 - free / memory.total));
}

export function nodelistJson(book: NodeBook, now: number): Json {
  return {
    version: '1.0.0',
    updated_at: mapTime(now),
    nodes: seen(book, now).map(({ node, online, gateway }) => ({
      id: node.id,
      name: node.nodeinfo?.hostname ?? node.id,
      node_type: gateway ? 'gateway' : 'AccessPoint',
      status: {
        online,
        firstcontact: mapTime(node.firstSeen),
        lastcontact: mapTime(node.lastSeen),
        clients: online ? (node.statistics?.clients?.total ?? 0) : 0,
      },
      position:
        node.nodeinfo?.location === undefined
          ? undefined
          : { lat: node.nodeinfo.location.latitude, long: node.nodeinfo.location.longitude },
    })),
  };
}
