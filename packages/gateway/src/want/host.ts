/** Everything that a gateway's host shall have. */
import { isIPv4 } from '@kith/core';
import { type Desired, inOrder } from '../desired.ts';
import { CLIENT_TABLE, type Gateway, type GatewayDomain, otherGateways } from '../derive/gateway.ts';
import { digestOf } from '../derive/hashes.ts';
import { chronyArguments, chronyConf, chronyFolder } from '../emit/chrony.ts';
import { dnsmasqConf } from '../emit/dnsmasq.ts';
import { fastdConf } from '../emit/fastd.ts';
import { nftText } from '../emit/nft.ts';
import type { ItemKey } from '../item.ts';
import { banRules, firewall } from './firewall.ts';
import { wantLinks } from './links.ts';
import { type CauseOf, domainPath, WantedList } from './list.ts';

/** Below the gateway's folder: an empty file for each router of fastd that was let in, named by its key. */
export const APPROVED = 'approved';

const RULE_PRIORITY = 31_000;
/** Below every other route: what has no way out through the exit has none. */
const LAST_METRIC = 4_278_198_272;

/** What the host shall look like; the cause of each item is the line that `causeOf` finds for it. */
export function desiredOn(gateway: Gateway, causeOf: CauseOf): Desired {
  const list = new WantedList(causeOf);
  const rulesets: Record<string, string> = {};
  const rules = nftText(firewall(gateway));
  rulesets[rules.value.digest] = rules.text;
  const table = list.add('table', rules.value.name, rules.value, 'exit');
  if (gateway.settings.bans !== null) {
    const bans = nftText(banRules(gateway.settings.bans.allow));
    rulesets[bans.value.digest] = bans.text;
    list.add('table', bans.value.name, bans.value, 'bans');
  }
  const grounds = gateway.domains.map((domain) => wantLinks(list, gateway, domain));
  wantRouting(list, gateway);
  wantKernel(list, gateway, table);
  wantServices(list, gateway, grounds.flat());
  return { wanted: inOrder(list.all), rulesets };
}

/**
 * Clients take the host's own way out unless the file names another one: then they have a table of their own, which ends
 * in "unreachable" instead of the host's.
 */
function wantRouting(list: WantedList, gateway: Gateway): void {
  const { settings, domains, exit } = gateway;
  const { via, interface: own } = settings.exit;
  if (own !== null && via.length === 0) return;
  const path = own === null ? 'exit.members' : 'exit.via';
  // Answers come in where the host's own routes do not lead: a strict check of sources would drop them.
  list.add('sysctl', `net/ipv4/conf/${exit}/rp_filter`, { value: '2' }, path);
  for (const family of [4, 6] as const) {
    const next = via.find((address) => isIPv4(address) === (family === 4)) ?? null;
    const common = { family, table: CLIENT_TABLE } as const;
    const name = (rest: string): string => `${family} ${CLIENT_TABLE} ${rest}`;
    const routes: ItemKey[] = [
      list.add(
        'route',
        name('unreachable'),
        { ...common, destination: 'default', type: 'unreachable', device: null, via: null, metric: LAST_METRIC },
        path,
      ),
    ];
    for (const each of domains) {
      const destination = family === 4 ? each.domain.prefix4 : each.domain.prefix6;
      const device = each.names.bridge;
      const needs: ItemKey[] = [`link ${device}`];
      routes.push(
        list.add(
          'route',
          name(destination),
          { ...common, destination, type: 'unicast', device, via: null, metric: 1024 },
          domainPath(each, `prefix${family}`),
          needs,
        ),
      );
    }
    if (own === null || next !== null) {
      routes.push(
        list.add(
          'route',
          name('default'),
          { ...common, destination: 'default', type: 'unicast', device: exit, via: next, metric: 1024 },
          path,
        ),
      );
    }
    for (const [place, each] of domains.entries()) {
      const value = {
        family,
        priority: RULE_PRIORITY + place,
        iif: each.names.bridge,
        action: { lookup: CLIENT_TABLE },
      } as const;
      list.add('rule', `${family} ${value.priority}`, value, path, routes);
    }
  }
}

function wantKernel(list: WantedList, gateway: Gateway, table: ItemKey): void {
  const { host, settings, neighbours, conntrack } = gateway;
  const path = 'domains';
  if (settings.exit.interface !== null) {
    // A machine that forwards no longer listens to advertisements, and would lose its own IPv6.
    list.add('sysctl', `net/ipv6/conf/${settings.exit.interface}/accept_ra`, { value: '2' }, 'exit');
  }
  // Not before the rules are in force: until then nothing may pass.
  list.add('sysctl', 'net/ipv4/ip_forward', { value: '1' }, 'exit', [table]);
  list.add('sysctl', 'net/ipv6/conf/all/forwarding', { value: '1' }, 'exit', [table]);
  // What the whole kernel shares is set in its first network namespace.
  if (!host.initialNamespace) return;
  list.add('sysctl', 'net/netfilter/nf_conntrack_max', { value: String(conntrack) }, path, [table]);
  for (const family of ['ipv4', 'ipv6']) {
    for (const key of ['thresh3', 'thresh2', 'thresh1'] as const) {
      list.add('sysctl', `net/${family}/neigh/default/gc_${key}`, { value: String(neighbours[key]) }, path);
    }
  }
}

function wantServices(list: WantedList, gateway: Gateway, grounds: readonly ItemKey[]): void {
  const { state, run } = gateway.host.folders;
  const folders = [
    list.add('directory', state, { mode: 0o755, owner: 'root' }, 'community'),
    list.add('directory', run, { mode: 0o755, owner: 'root' }, 'community'),
  ];
  const first = gateway.domains[0];
  if (first === undefined) return;
  const file = (
    name: string,
    content: string,
    path: string,
  ): { key: ItemKey; reads: Record<string, string>; at: string } => {
    const at = `${state}/${name}`;
    const key = list.add('file', at, { mode: 0o644, content }, path, folders);
    return { key, at, reads: { [at]: digestOf(content) } };
  };
  const dnsmasq = file('dnsmasq.conf', dnsmasqConf(gateway, `${state}/dnsmasq.leases`), 'dns');
  list.add(
    'daemon',
    'dnsmasq',
    {
      argv: ['dnsmasq', '--keep-in-foreground', `--conf-file=${dnsmasq.at}`],
      ready: { type: 'dns', address: first.address4, port: 53, name: `gw.${gateway.settings.dns.zone}` },
      reads: dnsmasq.reads,
    },
    'dns',
    [dnsmasq.key, ...grounds],
  );
  if (gateway.settings.ntp.upstreams.length > 0) {
    const owner = '_chrony';
    folders.push(
      list.add('directory', chronyFolder(gateway), { mode: 0o750, owner }, 'ntp.upstreams', folders.slice(0, 1)),
    );
  }
  const chrony = file('chrony.conf', chronyConf(gateway), 'ntp');
  list.add(
    'daemon',
    'chronyd',
    {
      argv: chronyArguments(gateway, chrony.at),
      ready: { type: 'ntp', address: first.address6, port: 123 },
      reads: chrony.reads,
    },
    'ntp',
    [chrony.key, ...grounds],
  );
  for (const each of gateway.domains) wantFastd(list, gateway, each, folders);
}

function wantFastd(list: WantedList, gateway: Gateway, each: GatewayDomain, folders: readonly ItemKey[]): void {
  const { host, identity } = gateway;
  const { fastd, names, domain } = each;
  if (fastd === null) return;
  const { state, run } = host.folders;
  const peers = fastd.peers ?? `${state}/routers`;
  const needs: ItemKey[] = [...folders, `link ${names.fastd}`];
  if (fastd.peers === null && !list.has(`directory ${peers}`))
    list.add('directory', peers, { mode: 0o755, owner: 'root' }, 'vpn.fastd.peers', folders);
  if (fastd.peers === null) needs.push(`directory ${peers}`);
  const status = `${run}/fastd-${domain.code}.sock`;
  const content = fastdConf(
    fastd,
    names.fastd,
    {
      secret: `${state}/fastd.secret`,
      peers,
      approved: `${state}/${APPROVED}`,
      status,
    },
    otherGateways(gateway),
  );
  const at = `${state}/fastd-${domain.code}.conf`;
  needs.push(list.add('file', at, { mode: 0o644, content }, 'vpn.fastd', folders));
  list.add(
    'daemon',
    `fastd-${domain.code}`,
    {
      argv: ['fastd', '--config', at],
      ready: { type: 'socket', path: status },
      // With a new key the daemon has to start anew; its public half stands for it.
      reads: { [at]: digestOf(content), [`${state}/fastd.secret`]: digestOf(identity.fastd ?? '') },
    },
    'vpn.fastd',
    needs,
  );
}
