/**
 * The routers' figures for Prometheus, in its text format 0.0.4: every name with HELP and TYPE, once. Names of people's
 * making stand in one `kith_node_info`; all other series carry the router's id alone, so that a router that is renamed
 * keeps its history.
 */
import type { Statistics } from '../respondd/documents.ts';
import { gatewaysIn, linksOf, type NodeBook, type NodeRecord } from './book.ts';
import { Family } from './family.ts';

type Reading = readonly [
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  of: (from: Statistics) => number | undefined,
];

const READINGS: readonly Reading[] = [
  ['kith_node_uptime_seconds', 'gauge', 'Time since the router started.', (from) => from.uptime],
  ['kith_node_load', 'gauge', 'Load average of a minute.', (from) => from.loadavg],
  ['kith_node_memory_total_bytes', 'gauge', 'Memory of the router.', (from) => kib(from.memory?.total)],
  [
    'kith_node_memory_available_bytes',
    'gauge',
    'Memory that is free or could be freed.',
    (from) => kib(from.memory?.available),
  ],
  ['kith_node_rootfs_used_ratio', 'gauge', 'Part of the file system that is in use.', (from) => from.rootfs_usage],
  [
    'kith_node_gateway_quality_ratio',
    'gauge',
    'Quality of the way to the chosen gateway.',
    (from) => ratio(from.gateway_tq),
  ],
];

/** respondd tells kibibytes, as /proc/meminfo does. */
function kib(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1024;
}

function ratio(tq: number | undefined): number | undefined {
  return tq === undefined ? undefined : tq / 255;
}

/** @param now milliseconds since 1970 */
export function nodeMetrics(book: NodeBook, now: number): string {
  const nodes = book.nodes;
  const online = nodes.filter((node) => book.isOnline(node, now));
  const speaking = new Set(online);
  const families = [
    new Family('kith_nodes', 'gauge', 'Routers that are known.').add(nodes.length),
    new Family('kith_nodes_online', 'gauge', 'Routers that spoke lately.').add(online.length),
    information(nodes, gatewaysIn(nodes)),
    each(nodes, new Family('kith_node_online', 'gauge', 'Whether the router spoke lately.'), (node) =>
      Number(speaking.has(node)),
    ),
    clients(online),
    traffic(online),
    ...READINGS.map(([name, type, help, of]) =>
      each(online, new Family(name, type, help), ({ statistics }) =>
        statistics === null ? undefined : of(statistics),
      ),
    ),
    links(online),
  ];
  return families.map((family) => family.text).join('');
}

function each(nodes: readonly NodeRecord[], family: Family, of: (node: NodeRecord) => number | undefined): Family {
  for (const node of nodes) family.add(of(node), { node: node.id });
  return family;
}

function information(nodes: readonly NodeRecord[], gateways: ReadonlySet<string>): Family {
  const family = new Family('kith_node_info', 'gauge', 'What the router is, in labels; the value is 1.');
  for (const { id, nodeinfo } of nodes) {
    family.add(1, {
      node: id,
      hostname: nodeinfo?.hostname ?? '',
      domain: nodeinfo?.system?.domain_code ?? '',
      model: nodeinfo?.hardware?.model ?? '',
      firmware: nodeinfo?.software.firmware?.release ?? '',
      gateway: String(gateways.has(id)),
    });
  }
  return family;
}

function clients(nodes: readonly NodeRecord[]): Family {
  const family = new Family('kith_node_clients', 'gauge', 'Clients of the router; the band "other" is wired.');
  for (const { id, statistics } of nodes) {
    const { total, wifi24, wifi5 } = statistics?.clients ?? {};
    if (total === undefined) continue;
    family.add(wifi24, { node: id, band: '2.4' }).add(wifi5, { node: id, band: '5' });
    family.add(Math.max(0, total - (wifi24 ?? 0) - (wifi5 ?? 0)), { node: id, band: 'other' });
  }
  return family;
}

function traffic(nodes: readonly NodeRecord[]): Family {
  const family = new Family('kith_node_traffic_bytes_total', 'counter', 'Bytes that the router moved, by kind.');
  for (const { id, statistics } of nodes) {
    for (const [kind, flow] of Object.entries(statistics?.traffic ?? {})) family.add(flow.bytes, { node: id, kind });
  }
  return family;
}

function links(nodes: readonly NodeRecord[]): Family {
  const family = new Family('kith_link_quality_ratio', 'gauge', 'How well the source hears the target.');
  for (const { type, source, target, sourceMac, targetMac, sourceQuality, targetQuality } of linksOf(nodes)) {
    // Two routers may have several links: the interfaces keep them apart.
    family.add(sourceQuality, { source, target, interface: sourceMac, type });
    family.add(targetQuality, { source: target, target: source, interface: targetMac, type });
  }
  return family;
}
