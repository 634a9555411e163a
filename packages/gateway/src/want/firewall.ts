/**
 * The rules that follow from what the gateway offers: nobody writes one for DNS, NTP, leases or respondd. They restrict
 * what comes from clients and what would leave unasked; the host's own firewall is left alone, a packet has to please
 * both.
 */
import { isIPv4, type Prefix, prefixParts } from '@kith/core';
import type { Gateway, GatewayDomain } from '../derive/gateway.ts';
import type { Chain, Rule, Ruleset } from '../emit/nft.ts';
import { domainPath } from './list.ts';

/** Names of the tables, which nothing else may have. */
export const TABLE = 'kith';
export const BANS_TABLE = 'kith_bans';

/** Marks packets of the mesh's members that leave through the exit; they are translated by it. */
const OFFERED = '0x6b697468';

/** What is never behind an exit: the operator's own network, or nobody's. RFC 6890. */
const OWN4 = ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'];
const OWN6 = ['fc00::/7', 'fe80::/10'];

/** RFC 8415: DHCPv6 of clients. */
const DHCP = 'udp dport { 67, 547 }';
const RESPONDD_PORT = 1001;

function rule(id: string, path: string, match: string, verdict: string): Rule {
  return { id, path: `gateway.${path}`, match, verdict };
}

export function firewall(gateway: Gateway): Ruleset {
  return {
    name: TABLE,
    sets: [],
    chains: [
      { name: 'genuine', hook: hook('filter', 'prerouting', -150), rules: genuine(gateway) },
      { name: 'input', hook: hook('filter', 'input', 0), rules: input(gateway) },
      { name: 'clients', hook: null, rules: clients(gateway) },
      { name: 'segments', hook: hook('filter', 'forward', -150), rules: segments(gateway) },
      { name: 'forward', hook: hook('filter', 'forward', 0), rules: forward(gateway) },
      { name: 'outward', hook: null, rules: outward(gateway) },
      { name: 'inward', hook: null, rules: inward() },
      { name: 'translate', hook: hook('nat', 'postrouting', 100), rules: translate(gateway) },
      { name: 'untranslated', hook: hook('filter', 'postrouting', 150), rules: untranslated(gateway) },
    ] satisfies Chain[],
  };
}

function hook(type: 'filter' | 'nat', where: string, priority: number): string {
  return `type ${type} hook ${where} priority ${priority}; policy accept;`;
}

function quoted(names: readonly string[]): string {
  const list = names.map((name) => `"${name}"`);
  return list.length === 1 ? (list[0] as string) : `{ ${list.join(', ')} }`;
}

function bridges({ domains }: Gateway): string {
  return quoted(domains.map(({ names }) => names.bridge));
}

/** Nobody speaks in the name of an address that is not of the domain it is in. */
function genuine({ domains, exit }: Gateway): Rule[] {
  return domains.flatMap((each) => {
    const { domain, names } = each;
    const from = `iifname "${names.bridge}"`;
    return [
      rule(
        `spoofed4-${domain.code}`,
        domainPath(each, 'prefix4'),
        `${from} ip saddr != { 0.0.0.0, ${domain.prefix4} }`,
        'drop',
      ),
      rule(
        `spoofed6-${domain.code}`,
        domainPath(each, 'prefix6'),
        `${from} ip6 saddr != { ::, fe80::/10, ${domain.prefix6} }`,
        'drop',
      ),
      rule(
        `foreign4-${domain.code}`,
        domainPath(each, 'prefix4'),
        `iifname "${exit}" ip saddr ${domain.prefix4}`,
        'drop',
      ),
      rule(
        `foreign6-${domain.code}`,
        domainPath(each, 'prefix6'),
        `iifname "${exit}" ip6 saddr ${domain.prefix6}`,
        'drop',
      ),
    ];
  });
}

function input(gateway: Gateway): Rule[] {
  const { settings, domains } = gateway;
  const rules = [rule('clients', 'domains', `iifname ${bridges(gateway)}`, 'jump clients')];
  for (const kind of ['fastd', 'wireguard'] as const) {
    const ports = domains.flatMap((each) => each[kind]?.boundPort ?? []);
    if (ports.length > 0) rules.push(rule(kind, `vpn.${kind}`, `udp dport { ${ports.join(', ')} }`, 'accept'));
  }
  const { registration } = settings.vpn;
  if (registration !== null)
    rules.push(rule('registration', 'vpn.registration', `tcp dport ${registration.port}`, 'accept'));
  if (settings.exit.interface === null) return rules;
  // Answers to whoever asks from outside make a gateway an amplifier.
  const outside = `iifname "${settings.exit.interface}" ct state new`;
  return [
    ...rules,
    rule('outside-udp', 'exit', `${outside} udp dport { 53, 67, 547, ${RESPONDD_PORT} }`, 'drop'),
    rule('outside-tcp', 'exit', `${outside} tcp dport 53`, 'drop'),
  ];
}

/** What clients may ask of the gateway itself. */
function clients({ settings, domains }: Gateway): Rule[] {
  const asks = domains.some(({ meshed }) => meshed) || settings.map !== null;
  return [
    rule('answers', 'domains', 'ct state established,related', 'accept'),
    rule('ping', 'domains', 'meta l4proto { icmp, ipv6-icmp, igmp }', 'accept'),
    rule('dhcp', 'domains', DHCP, 'accept'),
    rule('dns-udp', 'dns', 'udp dport 53', 'accept'),
    rule('dns-tcp', 'dns', 'tcp dport 53', 'accept'),
    rule('ntp', 'ntp', 'udp dport 123', 'accept'),
    ...(asks
      ? [
          // Answers to a question that went to a group belong to no connection that the kernel knows.
          rule('respondd', 'map', `udp dport ${RESPONDD_PORT}`, 'accept'),
          rule(
            'respondd-answers',
            'map',
            `udp sport ${RESPONDD_PORT} ip6 saddr { fe80::/10, ${domains.map(({ domain }) => domain.prefix6).join(', ')} }`,
            'accept',
          ),
        ]
      : []),
    ...settings.services.map(({ name, protocol, port }) =>
      rule(`service-${name}`, `services.${name}`, `${protocol} dport ${port}`, 'accept'),
    ),
    rule('chatter', 'domains', 'fib daddr type { broadcast, multicast }', 'drop'),
    rule('denied', 'services', '', 'reject with icmpx admin-prohibited'),
  ];
}

/** Sizes of TCP segments, both ways: the smaller of what the client wants and what passes. */
function segments({ domains }: Gateway): Rule[] {
  return domains.flatMap((each) => {
    const { names, sizes, domain } = each;
    const path = each.meshed ? 'vpn' : 'exit';
    return ([4, 6] as const).flatMap((family) => {
      const size = family === 4 ? sizes.mss4 : sizes.mss6;
      const smaller = `meta nfproto ipv${family} tcp flags & (syn|rst) == syn tcp option maxseg size > ${size}`;
      const verdict = `tcp option maxseg size set ${size}`;
      if (size >= (family === 4 ? 1460 : 1440)) return [];
      return [
        rule(`mss${family}-out-${domain.code}`, path, `iifname "${names.bridge}" ${smaller}`, verdict),
        rule(`mss${family}-in-${domain.code}`, path, `oifname "${names.bridge}" ${smaller}`, verdict),
      ];
    });
  });
}

function forward(gateway: Gateway): Rule[] {
  return [
    rule('outward', 'exit', `iifname ${bridges(gateway)}`, 'jump outward'),
    ...members(gateway),
    rule('inward', 'exit', `oifname ${bridges(gateway)}`, 'jump inward'),
  ];
}

/**
 * A machine that forwards for its clients would do so for the members of the mesh too: they may leave by the exit where
 * that is offered, get answers, and nothing else.
 */
function members(gateway: Gateway): Rule[] {
  const { settings, host } = gateway;
  if (host.mesh === null) return [];
  const from = `iifname "${host.mesh.interface}"`;
  const offered = rule(
    'offered',
    'exit.offer',
    `${from} oifname "${gateway.exit}" meta mark set ${OFFERED}`,
    'jump outward',
  );
  const answers = rule(
    'inward-members',
    'exit.offer',
    `iifname "${gateway.exit}" oifname "${host.mesh.interface}"`,
    'jump inward',
  );
  const rest = `${from} oifname != ${bridges(gateway)} ct state new,invalid`;
  return [
    ...(settings.exit.offer ? [offered, answers] : []),
    rule('members', settings.exit.offer ? 'exit.offer' : 'exit.members', rest, 'reject with icmpx admin-prohibited'),
  ];
}

function outward({ settings, domains, exit }: Gateway): Rule[] {
  const { reach, block } = settings.exit;
  const [reach4, reach6] = [reach.filter(is4), reach.filter((prefix) => !is4(prefix))];
  return [
    ...domains.map(({ domain, names }) =>
      rule(
        `within-${domain.code}`,
        `domains.${domain.code}`,
        `iifname "${names.bridge}" oifname "${names.bridge}"`,
        'accept',
      ),
    ),
    rule('leak', 'exit', `oifname != "${exit}"`, 'reject with icmpx admin-prohibited'),
    // What belongs to no connection is not translated, and would leave with the client's own address.
    rule('invalid', 'exit', 'ct state invalid', 'drop'),
    rule('answers', 'exit', 'ct state established,related', 'accept'),
    ...(reach4.length > 0 ? [rule('reach4', 'exit.reach', `ip daddr { ${reach4.join(', ')} }`, 'accept')] : []),
    ...(reach6.length > 0 ? [rule('reach6', 'exit.reach', `ip6 daddr { ${reach6.join(', ')} }`, 'accept')] : []),
    rule('own4', 'exit.reach', `ip daddr { ${OWN4.join(', ')} }`, 'reject with icmpx admin-prohibited'),
    rule('own6', 'exit.reach', `ip6 daddr { ${OWN6.join(', ')} }`, 'reject with icmpx admin-prohibited'),
    ...(block.length > 0
      ? [rule('blocked', 'exit.block', `tcp dport { ${block.join(', ')} }`, 'reject with icmpx admin-prohibited')]
      : []),
    rule('exit', 'exit', '', 'accept'),
  ];
}

function is4(prefix: Prefix): boolean {
  return isIPv4(prefixParts(prefix).address);
}

function inward(): Rule[] {
  return [rule('answers', 'exit', 'ct state established,related', 'accept'), rule('unasked', 'exit', '', 'drop')];
}

/** Who is translated at the exit, by family. */
function translated({
  settings,
  translates6,
  domains,
}: Gateway): { each: GatewayDomain; match: string; family: 4 | 6 }[] {
  return domains.flatMap((each) => [
    ...(settings.exit.nat ? [{ each, family: 4 as const, match: `ip saddr ${each.domain.prefix4}` }] : []),
    ...(translates6 ? [{ each, family: 6 as const, match: `ip6 saddr ${each.domain.prefix6}` }] : []),
  ]);
}

function translate(gateway: Gateway): Rule[] {
  const { exit, settings, host } = gateway;
  const rules = translated(gateway).map(({ each, family, match }) =>
    rule(
      `nat${family}-${each.domain.code}`,
      family === 4 ? 'exit.nat' : 'exit.nat6',
      `oifname "${exit}" ${match}`,
      'masquerade',
    ),
  );
  if (!settings.exit.offer || host.mesh === null) return rules;
  return [...rules, rule('nat-offered', 'exit.offer', `oifname "${exit}" meta mark ${OFFERED}`, 'masquerade')];
}

function untranslated(gateway: Gateway): Rule[] {
  return translated(gateway).map(({ each, family, match }) =>
    rule(
      `untranslated${family}-${each.domain.code}`,
      family === 4 ? 'exit.nat' : 'exit.nat6',
      `oifname "${gateway.exit}" ${match}`,
      'drop',
    ),
  );
}

/** Bans have a table of their own: a changed rule of the firewall must not let the banned in. */
export function banRules(allow: readonly Prefix[]): Ruleset {
  const path = 'gateway.bans';
  return {
    name: BANS_TABLE,
    sets: [
      { name: 'allowed4', properties: ['type ipv4_addr; flags interval; auto-merge;'], elements: allow.filter(is4) },
      {
        name: 'allowed6',
        properties: ['type ipv6_addr; flags interval; auto-merge;'],
        elements: allow.filter((prefix) => !is4(prefix)),
      },
      { name: 'banned4', properties: ['type ipv4_addr; flags timeout; size 65535;'], elements: null },
      // Whoever has one address of a /64 has all of them.
      { name: 'banned6', properties: ['type ipv6_addr; flags interval, timeout; size 65535;'], elements: null },
    ],
    chains: [
      {
        name: 'input',
        hook: hook('filter', 'input', -10),
        rules: [
          { id: 'allowed4', path, match: 'ip saddr @allowed4', verdict: 'accept' },
          { id: 'allowed6', path, match: 'ip6 saddr @allowed6', verdict: 'accept' },
          { id: 'banned4', path, match: 'ip saddr @banned4', verdict: 'drop' },
          { id: 'banned6', path, match: 'ip6 saddr @banned6', verdict: 'drop' },
        ],
      },
    ],
  };
}
