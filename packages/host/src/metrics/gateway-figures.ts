/** The gateway's own figures: how full, how healthy, what its firewall did. Gathered from the host, then rendered. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, prefixContains } from '@kith/core';
import { Family, type Gateway, type GatewayDomain } from '@kith/gateway';
import type { BatmanStatus } from '../batman/status.ts';
import { interfaceCounts, type InterfaceCounts, numbersIn } from '../proc.ts';
import type { DaemonReport } from '../supervisor/daemons.ts';
import type { FastdStatus } from '../tunnels/fastd-status.ts';
import { type Lease, parseLeases } from './leases.ts';
import { type RuleCount, ruleCounts } from './rule-counters.ts';

export interface GatewayFigures {
  readonly domains: readonly DomainFigures[];
  readonly draining: boolean;
  readonly daemons: readonly DaemonReport[];
  readonly rules: readonly RuleCount[];
  /** Connections that are tracked, and how many may be; null where the kernel does not tell. */
  readonly conntrack: { readonly entries: number; readonly limit: number } | null;
  readonly interfaces: readonly InterfaceCounts[];
  /** Null where nobody is banned for anything. */
  readonly bans: BanFigures | null;
}

export interface BanFigures {
  /** In force. */
  readonly ipv4: number;
  readonly ipv6: number;
  /** Since the keeper was started. */
  readonly total: number;
}

export interface DomainFigures {
  readonly code: string;
  readonly leases: number;
  readonly pool: number;
  /** Null where there is none, or none that answers. */
  readonly batman: BatmanStatus | null;
  readonly fastd: { readonly status: FastdStatus; readonly limit: number } | null;
}

/** What the caller knows already, or is asked at the same time. */
export interface GatewaySources {
  readonly gateway: Gateway;
  readonly daemons: readonly DaemonReport[];
  readonly bans: BanFigures | null;
  /** By code of the domain; see `batmanStatus` and `fastdStatus`. Null where they fail. */
  readonly batman: (domain: GatewayDomain) => Promise<BatmanStatus | null>;
  readonly fastd: (domain: GatewayDomain) => Promise<FastdStatus | null>;
}

/**
 * @param wall ms since 1970
 * @throws KithError HOST_PROGRAM_MISSING without nft, HOST_ANSWER_INVALID
 */
export async function gatherGateway(sources: GatewaySources, wall: number): Promise<GatewayFigures> {
  const { gateway, daemons, bans } = sources;
  const [leases, rules, counted, interfaces] = await Promise.all([
    leasesIn(gateway.host.folders.state, wall),
    ruleCounts(),
    conntrack(),
    interfaceCounts(),
  ]);
  const domains = await Promise.all(gateway.domains.map((each) => domainFigures(sources, each, leases)));
  const own = ownInterfaces(gateway);
  return {
    domains,
    draining: gateway.host.draining,
    daemons,
    rules,
    conntrack: counted,
    interfaces: interfaces.filter(({ name }) => own.has(name)),
    bans,
  };
}

/** Leases in force of all domains; none where dnsmasq has not written any yet. */
export async function leasesIn(stateFolder: string, wall: number): Promise<readonly Lease[]> {
  try {
    return parseLeases(await readFile(join(stateFolder, 'dnsmasq.leases'), 'utf8'), wall);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function domainFigures(
  { batman, fastd }: GatewaySources,
  each: GatewayDomain,
  leases: readonly Lease[],
): Promise<DomainFigures> {
  const [mesh, tunnels] = await Promise.all([
    each.meshed ? batman(each) : null,
    each.fastd === null ? null : fastd(each),
  ]);
  return {
    code: each.domain.code,
    leases: leases.filter(({ address }) => prefixContains(each.domain.prefix4, address)).length,
    pool: each.pool.size,
    batman: mesh,
    fastd: tunnels === null || each.fastd === null ? null : { status: tunnels, limit: each.fastd.limit },
  };
}

async function conntrack(): Promise<GatewayFigures['conntrack']> {
  const [[entries], [limit]] = await Promise.all([
    numbersIn('/proc/sys/net/netfilter/nf_conntrack_count'),
    numbersIn('/proc/sys/net/netfilter/nf_conntrack_max'),
  ]);
  return entries === undefined || limit === undefined ? null : { entries, limit };
}

/** Others, such as those of containers, come and go without end. */
function ownInterfaces({ domains, exit, host }: Gateway): ReadonlySet<string> {
  const made = domains.flatMap(({ names, domain }) => [...Object.values(names), ...domain.interfaces]);
  return new Set([...made, exit, ...(host.mesh === null ? [] : [host.mesh.interface])]);
}

export function gatewayText(figures: GatewayFigures): string {
  return [
    ...domainFamilies(figures.domains),
    ...ruleFamilies(figures.rules),
    ...daemonFamilies(figures.daemons),
    ...interfaceFamilies(figures.interfaces),
    new Family('kith_gateway_bans', 'gauge', 'Bans in force.')
      .add(figures.bans?.ipv4, { family: '4' })
      .add(figures.bans?.ipv6, { family: '6' }),
    new Family('kith_gateway_bans_total', 'counter', 'Bans since the gateway was started.').add(figures.bans?.total),
    new Family('kith_gateway_conntrack_entries', 'gauge', 'Connections that the kernel tracks.').add(
      figures.conntrack?.entries,
    ),
    new Family('kith_gateway_conntrack_limit', 'gauge', 'Connections that the kernel can track.').add(
      figures.conntrack?.limit,
    ),
    new Family('kith_gateway_draining', 'gauge', 'Whether the gateway is being taken out.').add(
      Number(figures.draining),
    ),
  ]
    .map(({ text }) => text)
    .join('');
}

function domainFamilies(domains: readonly DomainFigures[]): Family[] {
  const leases = new Family('kith_gateway_leases', 'gauge', 'Leases of IPv4 in force.');
  const pool = new Family('kith_gateway_pool_addresses', 'gauge', 'Addresses that can be leased.');
  const originators = new Family('kith_gateway_batman_originators', 'gauge', 'Nodes that batman-adv hears of.');
  const neighbours = new Family('kith_gateway_batman_neighbours', 'gauge', 'Nodes that batman-adv hears directly.');
  const clients = new Family('kith_gateway_batman_clients', 'gauge', 'Entries of the translation tables.');
  const tunnels = new Family('kith_gateway_fastd_sessions', 'gauge', 'Routers that are connected through fastd.');
  const most = new Family('kith_gateway_fastd_limit', 'gauge', 'Routers that may be connected through fastd.');
  for (const { code: domain, ...each } of domains) {
    leases.add(each.leases, { domain });
    pool.add(each.pool, { domain });
    if (each.batman !== null) {
      originators.add(new Set(each.batman.originators.map(({ address }) => address)).size, { domain });
      neighbours.add(each.batman.neighbours.length, { domain });
      clients.add(each.batman.local.length, { domain, behind: 'gateway' });
      clients.add(each.batman.remote.filter(({ best }) => best).length, { domain, behind: 'others' });
    }
    tunnels.add(each.fastd?.status.peers.filter(({ session }) => session !== null).length, { domain });
    most.add(each.fastd?.limit, { domain });
  }
  return [leases, pool, originators, neighbours, clients, tunnels, most];
}

function ruleFamilies(rules: readonly RuleCount[]): Family[] {
  const packets = new Family('kith_gateway_rule_packets_total', 'counter', 'Packets that a rule matched.');
  const bytes = new Family('kith_gateway_rule_bytes_total', 'counter', 'Bytes of the packets that a rule matched.');
  for (const { table, chain, rule, ...counted } of rules) {
    packets.add(counted.packets, { table, chain, rule });
    bytes.add(counted.bytes, { table, chain, rule });
  }
  return [packets, bytes];
}

function daemonFamilies(daemons: readonly DaemonReport[]): Family[] {
  const ready = new Family('kith_gateway_daemon_ready', 'gauge', 'Whether the daemon serves.');
  const restarts = new Family(
    'kith_gateway_daemon_restarts_total',
    'counter',
    'How often the daemon ended or fell silent and was started again.',
  );
  for (const { name: daemon, state, restarts: times } of daemons) {
    ready.add(Number(state === 'ready'), { daemon });
    restarts.add(times, { daemon });
  }
  return [ready, restarts];
}

function interfaceFamilies(interfaces: readonly InterfaceCounts[]): Family[] {
  return INTERFACE_HELP.map(([unit, help]) => {
    const family = new Family(`kith_gateway_interface_${unit}_total`, 'counter', help);
    for (const { name, received, sent } of interfaces) {
      family.add(received[unit], { interface: name, direction: 'received' });
      family.add(sent[unit], { interface: name, direction: 'sent' });
    }
    return family;
  });
}

const INTERFACE_HELP = [
  ['bytes', 'Bytes through the interface.'],
  ['packets', 'Packets through the interface.'],
  ['errors', 'Packets that arrived broken or could not be sent.'],
  ['dropped', 'Packets that were dropped for want of room or of a taker.'],
] as const;
