/**
 * The nftables files of hosts and routers. Measured facts they rest on:
 * `masquerade` keeps the source port and maps independently of the destination, while replies are accepted from the
 * address and port that was written to only; `fully-random` draws a port per destination (symmetric mapping).
 * What comes in unasked is dropped before the kernel confirms a connection entry: an entry left by an unsolicited packet
 * would make a later hole punch leave from another port.
 */

/**
 * How a router treats its LAN:
 * - `preserving`: same port outside as inside, as long as no two machines use one port towards one destination.
 * - `independent`: another port outside, one per inside address and port, the same towards every destination.
 * - `symmetric`: a new port for every destination.
 * - `none-closed`: public addresses inside, no translation, nothing comes in unasked.
 * RFC 4787: mapping endpoint-independent for the first two, address-and-port-dependent for the third; filtering
 * address-and-port-dependent for all.
 */
export type NatKind = 'preserving' | 'independent' | 'symmetric' | 'none-closed';

/** All of a protocol, or one destination port of it. */
export type PortRule = 'tcp' | 'udp' | `${'tcp' | 'udp'}/${number}`;

export interface HostFirewall {
  /** `open`: everything may come in. `closed`: only answers, and what `allow` names. */
  readonly inbound: 'open' | 'closed';
  /** May come in although closed. */
  readonly allow?: readonly PortRule[];
  /** Dropped in both directions, running exchanges included. */
  readonly block?: readonly PortRule[];
}

/** A port of the router's outside that leads to a machine of its LAN. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly to: string;
  readonly toPort: number;
}

export interface RouterRules {
  readonly nat: NatKind;
  readonly udp: 'allow' | 'blocked';
  /** Whether forwarded ports also work from inside through the outside address. */
  readonly hairpin: boolean;
  /** The router's own address outside. */
  readonly outside: string;
  readonly forwards: readonly Forward[];
}

/** IPv6 does not work without these, however closed a firewall is. */
const NEIGHBOURS = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept';

function match(rule: PortRule): string {
  const [protocol, port] = rule.split('/');
  return port === undefined ? `meta l4proto ${protocol}` : `${protocol} dport ${port}`;
}

/** Creating the table first makes the deletion valid on the first run too; all of it is one transaction. */
function replaceTable(table: string, body: readonly string[]): string {
  return [`table ${table}`, `delete table ${table}`, `table ${table} {`, ...body, '}'].join('\n');
}

function chain(name: string, head: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, head, ...rules, '}'];
}

/** Only the cable is filtered: what arrives through a tunnel is the tunnel's business. */
export function hostRules(firewall: HostFirewall): string {
  const blocked = (side: 'iifname' | 'oifname') =>
    (firewall.block ?? []).map((rule) => `${side} "eth0" ${match(rule)} drop`);
  return replaceTable('inet lab_host', [
    ...chain('input', 'type filter hook input priority 0; policy accept;', [
      ...blocked('iifname'),
      'iifname != "eth0" accept',
      'ct state established,related accept',
      NEIGHBOURS,
      ...(firewall.allow ?? []).map((rule) => `${match(rule)} accept`),
      ...(firewall.inbound === 'closed' ? ['drop'] : []),
    ]),
    ...chain('output', 'type filter hook output priority 0; policy accept;', blocked('oifname')),
  ]);
}

const MASQUERADE: Readonly<Record<NatKind, readonly string[]>> = {
  preserving: ['oifname "wan" masquerade'],
  // The port is a function of the inside address and port alone, so the destination cannot change it. The kernel reads
  // the number in network order without turning it: all ports but 0 in, all ports but 0 out, whatever the processor.
  independent: [
    'oifname "wan" meta l4proto udp masquerade to :jhash ip saddr . udp sport mod 65535 offset 1',
    'oifname "wan" masquerade',
  ],
  symmetric: ['oifname "wan" masquerade fully-random'],
  'none-closed': [],
};

export function routerRules(rules: RouterRules): string {
  const forwarded = rules.forwards.map(
    (f) => `ip daddr ${rules.outside} ${f.protocol} dport ${f.port} dnat to ${f.to}:${f.toPort}`,
  );
  return [
    replaceTable('inet lab_router', [
      ...chain('input', 'type filter hook input priority 0; policy accept;', [
        'iifname "wan" ct state established,related accept',
        `iifname "wan" ${NEIGHBOURS}`,
        'iifname "wan" drop',
        // From inside to the outside address: silence, so that "no hairpin" looks the same for every port.
        `iifname "lan" ip daddr ${rules.outside} drop`,
      ]),
      ...chain('forward', 'type filter hook forward priority 0; policy drop;', [
        ...(rules.udp === 'blocked' ? ['meta l4proto udp drop'] : []),
        // A packet that belongs to nothing would leave untranslated.
        'ct state invalid drop',
        'ct state established,related accept',
        'ct status dnat accept',
        'iifname "lan" accept',
      ]),
    ]),
    replaceTable('ip lab_nat', [
      ...chain('prerouting', 'type nat hook prerouting priority dstnat; policy accept;', [
        ...forwarded.map((rule) => `iifname "wan" ${rule}`),
        ...(rules.hairpin ? forwarded.map((rule) => `iifname "lan" ${rule}`) : []),
      ]),
      ...chain('postrouting', 'type nat hook postrouting priority srcnat; policy accept;', [
        ...MASQUERADE[rules.nat],
        ...(rules.hairpin ? ['iifname "lan" oifname "lan" ct status dnat masquerade'] : []),
      ]),
    ]),
  ].join('\n');
}

/** Drops a share of the IP packets that arrive on an interface; ARP is spared, or a lost question would cost a second. */
export function lossRules(iface: string, percent: number): string {
  const drop = `meta protocol { ip, ip6 } numgen random mod 10000 < ${Math.round(percent * 100)} drop`;
  return replaceTable(
    `netdev lab_loss_${iface}`,
    percent === 0
      ? []
      : chain('arriving', `type filter hook ingress device "${iface}" priority 0; policy accept;`, [drop]),
  );
}
