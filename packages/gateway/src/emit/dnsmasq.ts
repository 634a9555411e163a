/**
 * dnsmasq.conf: leases, router advertisements and names for all domains, one daemon. Manual: dnsmasq(8) 2.90.
 *
 * Names are written as host-record beside `local`: with `address=` alone the other family is answered with "refused" or
 * "no such name", and clients of both families believe it.
 */
import { type Address, isIPv4, type Prefix, prefixParts } from '@kith/core';
import { type Gateway, type GatewayDomain, upstreamsOf } from '../derive/gateway.ts';

/** Routers on the air lose advertisements: often enough that a client waits for the next one, seldom enough for them. */
const ADVERTISEMENT_INTERVAL = 200;

/** @param leases path of the file that leases are kept in */
export function dnsmasqConf(gateway: Gateway, leases: string): string {
  const { settings, domains, exit } = gateway;
  const { zone } = settings.dns;
  const upstreams = upstreamsOf(gateway);
  const through = settings.exit.interface === null ? `@${exit}` : '';
  const lines = [
    'bind-dynamic',
    ...domains.map(({ names }) => `interface=${names.bridge}`),
    ...members(gateway),
    'except-interface=lo',
    // An empty name: no file of its own, the supervisor knows the process.
    'pid-file=',
    'log-facility=-',
    'quiet-ra',
    'no-hosts',
    '',
    'domain-needed',
    'bogus-priv',
    'cache-size=10000',
    'dns-forward-max=1000',
    `local=/${zone}/`,
    `domain=${zone}`,
    ...(upstreams.length > 0 ? ['no-resolv', ...upstreams.map((upstream) => `server=${upstream}${through}`)] : []),
    // Exits come and go: whoever answers first is believed.
    ...(settings.exit.members.length > 1 ? ['all-servers'] : []),
    ...records(gateway),
    '',
    'dhcp-authoritative',
    // Clients look themselves whether somebody has the address, RFC 2131 section 4.4.1; asking first takes three seconds
    // in which dnsmasq does nothing for others.
    'no-ping',
    `dhcp-leasefile=${leases}`,
    `dhcp-lease-max=${domains.reduce((sum, { pool }) => sum + pool.size, 0)}`,
    'enable-ra',
    ...domains.flatMap((domain) => ['', ...domainLines(gateway, domain)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Clients of other members ask this one for names when they leave through it. */
function members({ settings, host }: Gateway): string[] {
  if (!settings.exit.offer || host.mesh === null) return [];
  const { interface: name } = host.mesh;
  return [`interface=${name}`, `no-dhcp-interface=${name}`];
}

function records({ settings, host, domains }: Gateway): string[] {
  const { zone } = settings.dns;
  const own = domains.flatMap(({ address4, address6 }) => [address4, address6]);
  const next = domains.flatMap(({ domain: { nextNode }, meshed }) =>
    meshed ? [`host-record=${nextNode.name}.${zone},${nextNode.ip4},${nextNode.ip6}`] : [],
  );
  const given = settings.dns.records.map(({ name, addresses }) => `host-record=${name}.${zone},${addresses.join(',')}`);
  return [
    `host-record=gw.${zone},${own.join(',')}`,
    `host-record=${host.name}.${zone},${own.join(',')}`,
    ...next,
    ...given,
  ];
}

/** Whether clients may be told that the world's IPv6 lies behind this gateway. */
function leadsOut6({ settings, host }: Gateway): boolean {
  if (host.draining) return false;
  const { via } = settings.exit;
  return via.length === 0 || via.some((address) => !isIPv4(address));
}

function domainLines(gateway: Gateway, each: GatewayDomain): string[] {
  const { domain, names, pool, lease, address4, address6, sizes } = each;
  const tag = `tag:${domain.code}`;
  const lifetime = leadsOut6(gateway) ? 3 * ADVERTISEMENT_INTERVAL : 0;
  return [
    `dhcp-range=set:${domain.code},${pool.first},${pool.last},${netmask(domain.prefix4)},${lease}`,
    `dhcp-option=${tag},option:router,${address4}`,
    `dhcp-option=${tag},option:dns-server,${address4}`,
    `dhcp-option=${tag},option:ntp-server,${address4}`,
    `dhcp-option=${tag},option:mtu,${sizes.client}`,
    `dhcp-range=set:${domain.code},${firstOf(domain.prefix6)},ra-stateless,64,${Math.max(lease, 3600)}`,
    `dhcp-option=${tag},option6:dns-server,[${address6}]`,
    `dhcp-option=${tag},option6:ntp-server,[${address6}]`,
    `ra-param=${names.bridge},mtu:${sizes.client},${ADVERTISEMENT_INTERVAL},${lifetime}`,
  ];
}

function firstOf(prefix: Prefix): Address {
  return prefixParts(prefix).address;
}

function netmask(prefix: Prefix): string {
  const { length } = prefixParts(prefix);
  return [0, 8, 16, 24].map((at) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - at)))).join('.');
}
