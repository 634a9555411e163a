/**
 * A client, the gateway, the internet and a network that is none of theirs, each in a namespace of its own. The gateway
 * is as the small file wants it, put up with ip and nft by hand.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Desired, GatewayDomain } from '@kith/gateway';
import { desiredFrom, gatewayFrom, hostNamed, SMALL } from './sample.ts';

const NAMES = ['client', 'gateway', 'internet', 'other'] as const;
export type Name = (typeof NAMES)[number];

const folder = mkdtempSync(join(tmpdir(), 'kith-stage-'));
const host = hostNamed('tower', {
  exitMtu: 1492,
  folders: { state: join(folder, 'state'), run: join(folder, 'run') },
});
const { domains } = gatewayFrom(SMALL, host);
/** What the gateway's only domain has. */
export const domain: GatewayDomain = domains[0] ?? assert.fail('the small file has a domain');
export const DESIRED: Desired = desiredFrom(SMALL, host);
const BRIDGE = domain.names.bridge;
export const CLIENT4: string = domain.pool.first;
export const CLIENT6: string = domain.address6.replace(/2$/, '5');

export function namespace(name: Name): string {
  return `kith-fw-${process.pid}-${name}`;
}

export function sh(script: string, input = ''): { code: number | null; output: string } {
  const done = spawnSync('sh', ['-ec', script], { input, encoding: 'utf8', timeout: 20_000 });
  return { code: done.status, output: `${done.stdout}${done.stderr}` };
}

export function inside(name: Name, command: string): { code: number | null; output: string } {
  return sh(`exec ip netns exec ${namespace(name)} sh -ec '${command}'`);
}

export function must(name: Name, ...commands: readonly string[]): void {
  const { code, output } = inside(name, commands.join('\n'));
  assert.equal(code, 0, `${name}: ${commands.join('; ')}: ${output}`);
}

export function reaches(name: Name, address: string, options = ''): boolean {
  return inside(name, `ping -n -c 2 -i 0.2 -W 1 ${options} ${address}`).code === 0;
}

export function setUp(): void {
  for (const name of NAMES)
    assert.equal(sh(`ip netns add ${namespace(name)}; ip -n ${namespace(name)} link set lo up`).code, 0);
  const wire = (a: Name, ifA: string, b: Name, ifB: string): void => {
    const { code, output } = sh(
      `ip -n ${namespace(a)} link add ${ifA} type veth peer name ${ifB} netns ${namespace(b)}`,
    );
    assert.equal(code, 0, output);
  };
  wire('gateway', 'eth0', 'internet', 'eth0');
  wire('gateway', 'eth1', 'client', 'eth0');
  wire('gateway', 'eth2', 'other', 'eth0');
  for (const { item } of DESIRED.wanted) {
    if (item.kind === 'directory') mkdirSync(item.name, { recursive: true });
    if (item.kind !== 'file') continue;
    mkdirSync(dirname(item.name), { recursive: true });
    writeFileSync(item.name, item.value.content);
  }
  const rules = join(folder, 'rules.nft');
  writeFileSync(rules, Object.values(DESIRED.rulesets).join('\n'));
  must(
    'gateway',
    `nft -f ${rules}`,
    `ip link add ${BRIDGE} type bridge`,
    `ip link set eth1 master ${BRIDGE} up`,
    `ip link set ${BRIDGE} up`,
    ...DESIRED.wanted.flatMap(({ item }) =>
      item.kind === 'address'
        ? [
            `ip addr add ${item.value.address} dev ${item.value.device} ${item.value.address.includes(':') ? 'nodad' : ''}`,
          ]
        : [],
    ),
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
    'ip addr add 203.0.113.2/24 dev eth0',
    'ip addr add 2001:db8::2/64 dev eth0 nodad',
    'ip addr add 198.51.100.1/24 dev eth2',
    'ip link set eth0 up',
    'ip link set eth2 up',
    'ip route add default via 203.0.113.1',
  );
  must(
    'internet',
    'ip addr add 203.0.113.1/24 dev eth0',
    'ip addr add 192.168.1.1/32 dev lo',
    'ip addr add 2001:db8::1/64 dev eth0 nodad',
    'ip link set eth0 up',
    `ip route add ${domain.domain.prefix4} via 203.0.113.2`,
    `ip route add ${domain.domain.prefix6} via 2001:db8::2`,
    'nft add table inet watch',
    'nft add chain inet watch in "{ type filter hook prerouting priority -300; }"',
    `nft add rule inet watch in ip saddr ${domain.domain.prefix4} counter comment "\\"foreign4: x\\""`,
    `nft add rule inet watch in ip6 saddr ${domain.domain.prefix6} counter comment "\\"foreign6: x\\""`,
    'nft add rule inet watch in tcp option maxseg size 1452 counter comment "\\"mss1452: x\\""',
  );
  must('other', 'ip addr add 198.51.100.2/24 dev eth0', 'ip link set eth0 up', 'ip route add default via 198.51.100.1');
  must(
    'client',
    `ip addr add ${CLIENT4}/16 dev eth0`,
    `ip addr add ${CLIENT6}/64 dev eth0 nodad`,
    'ip addr add 172.30.0.9/32 dev eth0',
    'ip link set eth0 up',
    `ip route add default via ${domain.address4} src ${CLIENT4}`,
    `ip route add default via ${domain.address6}`,
  );
  // A bridge and a fresh link need a moment until the first packet passes.
  const deadline = Date.now() + 10_000;
  while (!reaches('client', domain.address6) || !reaches('client', domain.address4))
    assert.ok(Date.now() < deadline, 'the client never reached the gateway');
}

export function tearDown(): void {
  for (const name of NAMES) sh(`ip netns del ${namespace(name)}`);
  rmSync(folder, { recursive: true });
}
