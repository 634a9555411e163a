/** What is shown of a look at the sources: pure, so that the page's numbers can be tested without a machine. */
import type {
  Alert,
  NetworkSummary,
  NodeRow,
  NodesReport,
  OverviewReport,
  StatusReport,
  TopologyLink,
  TopologyReport,
} from '@kith/api';
import { type Address, parseAddress } from '@kith/core';
import type { MemberView } from '@kith/mesh';
import type { Router, RouterMap } from './routers.ts';
import type { NetworkState, Snapshot } from './sources.ts';

const NO_NETWORK = { members: 0, online: 0, direct: 0, relayed: 0, nat: 'unknown', natReason: '' } as const;

export function overviewOf(snapshot: Snapshot): OverviewReport {
  const { at, networks, shares, gateway, routers } = snapshot;
  const all = shares?.shares ?? [];
  return {
    time: at,
    networks: networks.map((each) => summaryOf(each)),
    shares: {
      count: all.length,
      active: all.filter(({ downRate, upRate }) => downRate + upRate > 0).length,
      downRate: all.reduce((sum, { downRate }) => sum + downRate, 0),
      upRate: all.reduce((sum, { upRate }) => sum + upRate, 0),
    },
    gateway:
      gateway === null
        ? null
        : {
            community: gateway.community,
            clients: gateway.leases.length,
            routers: routers?.routers.filter(({ online }) => online).length ?? 0,
            findings: gateway.findings.length,
          },
    alerts: alertsOf(snapshot),
  };
}

function summaryOf({ label, status, problem, receivedRate, sentRate }: NetworkState): NetworkSummary {
  const common = { label, problem, receivedRate, sentRate };
  if (status === null) return { ...common, ...NO_NETWORK };
  const { members, nat, natReason } = status;
  const others = members.filter(({ self }) => !self);
  return {
    ...common,
    ...{ nat, natReason },
    members: members.length,
    online: members.filter(({ online }) => online).length,
    direct: others.filter(({ online, path }) => online && path.kind === 'direct').length,
    relayed: others.filter(({ online, path }) => online && path.kind === 'relay').length,
  };
}

function alertsOf({ networks, shares, gateway }: Snapshot): Alert[] {
  const out: Alert[] = [];
  for (const { label, status, problem } of networks) {
    if (problem !== null) {
      const text = `${label}: ${problem.message}`;
      out.push({ severity: 'warning', about: 'network', text, mend: problem.advice });
    }
    for (const warning of status?.warnings ?? []) {
      const mend = 'See `kith peers`; an admin gives another name or address with `kith set`.';
      out.push({ severity: 'warning', about: 'network', text: `${label}: ${warning}`, mend });
    }
    if (status?.member === false) {
      const text = `${label}: this machine is no member any more${status.revokedBy === null ? '' : `: ${status.revokedBy} revoked it`}`;
      out.push({ severity: 'error', about: 'network', text, mend: 'Ask an admin for a new invite.' });
    }
  }
  for (const share of shares?.shares ?? []) {
    if (share.error === undefined) continue;
    const mend = `Mend what it names, then run \`kith share resume ${share.id.slice(0, 8)}\`.`;
    out.push({ severity: 'error', about: 'shares', text: `${share.name}: ${share.error.message}`, mend });
  }
  for (const problem of shares?.problems ?? []) out.push({ ...problem, about: 'shares' });
  for (const { severity, what, whom, cause, mend } of gateway?.findings ?? []) {
    out.push({ severity, about: 'gateway', text: `${what} for ${whom}: ${cause}`, mend });
  }
  const rank = { error: 0, warning: 1, info: 2 } as const;
  return out.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

/** A network's members with all links that are known, and this node's own ways with their reasons. */
export function topologyOf(status: StatusReport): TopologyReport {
  const nodes = status.members.map(({ id, name, online, self, relay, nat, location }) => ({
    ...{ id, name, online, self, relay, nat, location },
    kind: 'member' as const,
  }));
  const present = new Set(status.members.filter(({ online }) => online).map(({ id }) => id));
  const links = new Map<string, TopologyLink>();
  const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
  for (const { a, b, rttMs, loss } of status.links) {
    // Of its own links a node knows better than anybody's word, its own included, which is renewed now and then only.
    if (!present.has(a) || !present.has(b) || a === status.self || b === status.self) continue;
    const quality = qualityOf(rttMs, loss);
    links.set(pair(a, b), { a, b, kind: 'direct', rttMs, loss, quality, reason: null, via: [] });
  }
  for (const { id, online, self, path, rttMs, loss: usual, unanswered } of status.members) {
    if (self || !online || path.kind === 'none') continue;
    const loss = unanswered > 0 ? 1 : usual;
    const measured = { rttMs, loss, quality: qualityOf(rttMs, loss) };
    const own = {
      a: status.self,
      b: id,
      ...measured,
      reason: unanswered > 0 ? `no answer to ${unanswered} probes: ${path.reason}` : path.reason,
      via: path.via.map((hop) => hop.id),
    };
    if (path.kind === 'direct') links.set(pair(status.self, id), { ...own, kind: 'direct' });
    else links.set(`way ${id}`, { ...own, kind: 'relayed' });
  }
  return { nodes, links: [...links.values()] };
}

/** Loss counts most: a way around over a slow line beats a short one that drops. */
function qualityOf(rttMs: number | null, loss: number): number {
  const kept = Math.max(0, 1 - loss * 3);
  return rttMs === null ? kept : kept / (1 + Math.max(0, rttMs - 20) / 300);
}

/** The routers of a gateway's mesh. */
export function routerTopology({ routers, links }: RouterMap): TopologyReport {
  const known = new Set(routers.map(({ id }) => id));
  return {
    nodes: routers.map(({ id, name, online, location }) => ({
      ...{ id, name, online, location },
      ...{ kind: 'router', self: false, relay: true, nat: 'unknown' },
    })),
    links: links
      .filter(({ a, b }) => known.has(a) && known.has(b))
      .map(({ a, b, quality }) => ({
        a,
        b,
        kind: 'direct',
        rttMs: null,
        loss: 1 - quality,
        quality,
        reason: null,
        via: [],
      })),
  };
}

export function nodesOf({ at, networks, routers }: Snapshot): NodesReport {
  const members = networks.flatMap(({ label, status }) =>
    (status?.members ?? []).map((member) => memberRow(member, label, at)),
  );
  return { nodes: [...members, ...(routers?.routers ?? []).map((router) => routerRow(router))] };
}

function memberRow(member: MemberView, label: string, at: number): NodeRow {
  const { id, name, address4, address6, self, admin, online, lastSeen, path, rttMs, loss, version, location } = member;
  return {
    ...{ id, name, kind: 'member', place: label, online, firstSeen: null, rttMs, loss, version, location, admin },
    lastSeen: self ? at : lastSeen === null ? null : at - lastSeen,
    addresses: [address4, address6],
    path: self ? 'self' : path.kind,
    reason: path.reason,
    receivedBytes: member.receivedBytes,
    sentBytes: member.sentBytes,
    clients: null,
    model: null,
  };
}

function routerRow(router: Router): NodeRow {
  const { id, name, domain, online, firstSeen, lastSeen, clients, firmware, model, location } = router;
  return {
    ...{ id, name, kind: 'router', place: domain, online, firstSeen, lastSeen, clients, model, location },
    addresses: router.addresses.flatMap((address) => addressIn(address)),
    path: online ? 'mesh' : 'none',
    reason: '',
    rttMs: null,
    loss: 0,
    receivedBytes: 0,
    sentBytes: 0,
    version: firmware,
    admin: false,
  };
}

function addressIn(text: string): Address[] {
  try {
    return [parseAddress(text)];
  } catch {
    return [];
  }
}
