/** The rules of the small file with packets: a client, the gateway, the internet and a network that is none of theirs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ruleIdOf } from '@kith/gateway';
import { desiredFrom, gatewayFrom, hostNamed, SMALL } from '../sample.ts';

const NAMES = ['client', 'gateway', 'internet', 'other'] as const;
type Name = (typeof NAMES)[number];

const folder = mkdtempSync(join(tmpdir(), 'kith-firewall-'));
const host = hostNamed('tower', { exitMtu: 1492 });
const { domains } = gatewayFrom(SMALL, host);
const [domain] = domains;
assert.ok(domain !== undefined);
const BRIDGE = domain.names.bridge;
const CLIENT4 = domain.pool.first;
const CLIENT6 = domain.address6.replace(/2$/, '5');

function namespace(name: Name): string {
  return `kith-fw-${process.pid}-${name}`;
}

function sh(script: string, input = ''): { code: number | null; output: string } {
  const done = spawnSync('sh', ['-ec', script], { input, encoding: 'utf8', timeout: 20_000 });
  return { code: done.status, output: `${done.stdout}${done.stderr}` };
}

function inside(name: Name, command: string): { code: number | null; output: string } {
  return sh(`exec ip netns exec ${namespace(name)} sh -ec '${command}'`);
}

function must(name: Name, ...commands: readonly string[]): void {
  const { code, output } = inside(name, commands.join('\n'));
  assert.equal(code, 0, `${name}: ${commands.join('; ')}: ${output}`);
}

function reaches(name: Name, address: string, options = ''): boolean {
  return inside(name, `ping -n -c 2 -i 0.2 -W 1 ${options} ${address}`).code === 0;
}

interface Listed {
  readonly rule?: {
    readonly comment?: string;
    readonly expr: readonly { readonly counter?: { readonly packets: number } }[];
  };
}

/** Packets by id of the rule, over all chains. */
function counts(name: Name, table: string): Map<string, number> {
  const { output } = inside(name, `nft -j list table inet ${table}`);
  const entries: readonly Listed[] = JSON.parse(output).nftables;
  const out = new Map<string, number>();
  for (const { rule } of entries) {
    const id = ruleIdOf(rule?.comment ?? '') ?? rule?.comment ?? '';
    const packets = rule?.expr.find((each) => each.counter !== undefined)?.counter?.packets ?? 0;
    out.set(id, (out.get(id) ?? 0) + packets);
  }
  return out;
}

/** How often the gateway's rule was hit while `work` ran. */
function hits(id: string, work: () => void): number {
  const first = counts('gateway', 'kith').get(id) ?? assert.fail(`no rule ${id}`);
  work();
  return (counts('gateway', 'kith').get(id) ?? 0) - first;
}

function connect(name: Name, address: string, port: number): string {
  const script = `require("net").connect(${port}, "${address}").on("connect", () => { console.log("open"); process.exit() }).on("error", (e) => { console.log(e.code); process.exit(); }); setTimeout(() => { console.log("silence"); process.exit() }, 1500)`;
  return sh(`ip netns exec ${namespace(name)} ${process.execPath} -e '${script}'`).output.trim();
}

before(() => {
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
  const desired = desiredFrom(SMALL, host);
  const rules = join(folder, 'rules.nft');
  writeFileSync(rules, Object.values(desired.rulesets).join('\n'));
  must(
    'gateway',
    `nft -f ${rules}`,
    `ip link add ${BRIDGE} type bridge`,
    `ip link set eth1 master ${BRIDGE} up`,
    `ip link set ${BRIDGE} up`,
    ...desired.wanted.flatMap(({ item }) =>
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
});

after(() => {
  for (const name of NAMES) sh(`ip netns del ${namespace(name)}`);
  rmSync(folder, { recursive: true });
});

test('a client surfs over both families, and only translated packets leave', () => {
  assert.ok(reaches('client', '203.0.113.1'));
  assert.ok(reaches('client', '2001:db8::1'));
  const seen = counts('internet', 'watch');
  assert.deepEqual([seen.get('foreign4'), seen.get('foreign6')], [0, 0]);
});

test("the operator's own network behind the exit is out of reach", () => {
  assert.ok(hits('own4', () => assert.ok(!reaches('client', '192.168.1.1'))) > 0);
});

test('nothing leaves by an interface that is not the exit', () => {
  assert.ok(reaches('gateway', '198.51.100.2'), 'the gateway itself gets there');
  assert.ok(hits('leak', () => assert.ok(!reaches('client', '198.51.100.2'))) > 0);
});

test('a source that is not of the domain is dropped where it comes in', () => {
  assert.ok(hits('spoofed4-freemesh', () => assert.ok(!reaches('client', '203.0.113.1', '-I 172.30.0.9'))) > 0);
});

test('nobody outside reaches a client unasked', () => {
  assert.ok(hits('unasked', () => assert.ok(!reaches('other', CLIENT4))) > 0);
  assert.ok(!reaches('internet', CLIENT6));
});

test('clients reach what is served to them and are told at once about the rest', () => {
  assert.ok(hits('denied', () => assert.equal(connect('client', domain.address4, 22), 'EHOSTUNREACH')) > 0);
  assert.ok(hits('dns-tcp', () => assert.equal(connect('client', domain.address4, 53), 'ECONNREFUSED')) > 0);
  assert.ok(hits('dns-tcp', () => assert.equal(connect('client', domain.address6, 53), 'ECONNREFUSED')) > 0);
});

test('names are not served to the outside', () => {
  assert.ok(hits('outside-tcp', () => assert.equal(connect('internet', '203.0.113.2', 53), 'silence')) > 0);
});

test('port 25 is blocked, others are not', () => {
  assert.ok(hits('blocked', () => assert.equal(connect('client', '203.0.113.1', 25), 'EHOSTUNREACH')) > 0);
  assert.equal(connect('client', '203.0.113.1', 80), 'ECONNREFUSED');
});

test('segments are cut to what the exit takes', () => {
  const seen = (): number => counts('internet', 'watch').get('mss1452') ?? 0;
  const first = seen();
  connect('client', '203.0.113.1', 80);
  assert.equal(seen() - first, 1);
});
