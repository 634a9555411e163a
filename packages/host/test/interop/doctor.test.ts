/** A gateway that serves is broken in one place after the other, and the doctor has to name that place. Needs root. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '@kith/gateway';
import { BRIDGE, OWN_POOL, sh, Stage, STATE_SIZE } from '../doctor/stage.ts';
import { until } from '../until.ts';

const absent = ['dnsmasq', 'chronyd', 'nft'].filter(
  (program) => spawnSync('sh', ['-c', `command -v ${program} || command -v /usr/sbin/${program}`]).status !== 0,
);
const skip = absent.length === 0 ? false : `needs ${absent.join(' and ')}`;

let stage: Stage;

before(async () => {
  if (skip !== false) return;
  stage = await Stage.open();
  await stage.ask({ verb: 'apply' });
});

after(async () => {
  if (skip === false) await stage.close();
});

test('on a host that is as the file wants it, nothing is found', { skip }, async () => {
  // chronyd compares a few answers before it believes a server.
  await until(
    'the clock is compared',
    async () => (await stage.findings()).every(({ code }) => code !== CLOCK),
    40_000,
  );
  assert.deepEqual(await stage.findings(), []);
});

const CLOCK = 'clock-unsynchronised';

interface Fault {
  readonly name: string;
  readonly inject: () => unknown;
  /** `code subject` of the only finding. */
  readonly finding: string;
  /** What its cause has to name. */
  readonly cause: RegExp;
  /** Where applying the file again is not what mends it. */
  readonly mend?: () => unknown;
  readonly keeperless?: boolean;
}

function nft(script: string): () => void {
  return () => sh('gateway', `nft '${script}'`);
}

/** Takes a rule out by its id, as somebody at the keyboard does. */
function takeOut(chain: string, id: string): () => void {
  return () => {
    const listing = sh('gateway', `nft -a list chain inet kith ${chain}`);
    const handle = new RegExp(`comment "${id}: .*# handle (\\d+)`).exec(listing)?.[1] ?? assert.fail(`no rule ${id}`);
    sh('gateway', `nft delete rule inet kith ${chain} handle ${handle}`);
  };
}

/** Writes another line into a daemon's file and starts it with that. */
function edited(name: string, daemon: string, from: RegExp, to: string): () => Promise<void> {
  return async () => {
    const path = join(stage.state, name);
    const text = readFileSync(path, 'utf8');
    const other = text.replace(from, to);
    assert.notEqual(other, text, `${name} has nothing like ${from.source}`);
    writeFileSync(path, other);
    await stage.ask({ verb: 'kill', name: daemon });
    await stage.ask({ verb: 'revived', name: daemon });
  };
}

/** A DHCP server among the clients. */
async function serveLeases(address: string, range: string): Promise<void> {
  sh('other', `ip addr add ${address}/16 dev eth0`);
  const argv = ['dnsmasq', '-k', '-C', '/dev/null', '--pid-file=', '--port=0', '--bind-interfaces', '--interface=eth0'];
  await stage.strange([...argv, `--dhcp-range=${range},600`, `--dhcp-leasefile=${stage.folder}/strange.leases`]);
}

let squatter: ChildProcess | null = null;

async function takePort(): Promise<void> {
  // Before it is started again, a second later.
  await stage.ask({ verb: 'kill', name: 'dnsmasq' });
  const script = "require('dgram').createSocket('udp4').bind(53)";
  squatter = await stage.spawn('gateway', [process.execPath, '-e', script], 'udp', 53);
  await until('it fails', async () =>
    (await stage.ask({ verb: 'examine' })).facts.daemons?.some(({ state }) => state === 'failing'),
  );
}

async function giveBackPort(): Promise<void> {
  if (squatter !== null) await stage.end(squatter);
  await stage.ask({ verb: 'begin', name: 'dnsmasq' });
}

/** chronyd starts while its server is silent, and has nothing but its own clock. */
async function unwatchClock(): Promise<void> {
  sh('internet', 'nft "table ip dead { chain in { type filter hook input priority 0; udp dport 123 drop; }; }"');
  await stage.ask({ verb: 'kill', name: 'chronyd' });
  await stage.ask({ verb: 'revived', name: 'chronyd' });
}

const FAULTS: readonly Fault[] = [
  {
    name: 'the rule for leases is taken out',
    inject: takeOut('clients', 'dhcp'),
    finding: 'rule-missing clients/dhcp',
    cause: /rule "dhcp" of chain "clients".*taken out/,
  },
  {
    name: 'the rule for answers of respondd is taken out',
    inject: takeOut('clients', 'respondd-answers'),
    finding: 'rule-missing clients/respondd-answers',
    cause: /rule "respondd-answers"/,
  },
  {
    name: 'DNS over TCP is closed',
    inject: takeOut('clients', 'dns-tcp'),
    finding: 'rule-missing clients/dns-tcp',
    cause: /rule "dns-tcp"/,
  },
  {
    name: 'NAT is gone',
    inject: takeOut('translate', 'nat4-main'),
    finding: 'rule-missing translate/nat4-main',
    cause: /rule "nat4-main" of chain "translate"/,
  },
  {
    name: 'ports of the gateway are open to the world',
    inject: takeOut('input', 'outside-udp'),
    finding: 'rule-missing input/outside-udp',
    cause: /rule "outside-udp"/,
  },
  {
    name: 'segments are cut to a wrong size under the old comment',
    inject: () => {
      const listing = sh('gateway', 'nft -a list chain inet kith segments');
      const [, handle = ''] = /comment "mss4-out-main: .*# handle (\d+)/.exec(listing) ?? assert.fail(listing);
      const rule = `iifname "${BRIDGE}" meta nfproto ipv4 tcp flags & (syn|rst) == syn tcp option maxseg size > 1400 counter tcp option maxseg size set 1400 comment "mss4-out-main: gateway.exit"`;
      sh('gateway', `nft 'replace rule inet kith segments handle ${handle} ${rule}'`);
    },
    finding: 'rule-changed segments/mss4-out-main',
    cause: /rule "mss4-out-main".*changed by hand/,
  },
  {
    name: "somebody's rule stands in the chain",
    inject: nft('insert rule inet kith clients udp dport 123 drop'),
    finding: 'rule-foreign clients/rule',
    cause: /put in by somebody else/,
  },
  {
    name: 'all rules of the host are flushed',
    inject: nft('delete table inet kith'),
    finding: 'table-missing kith',
    cause: /table "inet kith".*flushed/,
  },
  {
    name: 'another firewall on the host drops the time',
    inject: nft('table ip other { chain in { type filter hook input priority 10; udp dport 123 drop; }; }'),
    mend: nft('delete table ip other'),
    finding: 'other-firewall ntp4 main',
    cause: /chain "in" of table "ip other" drops/,
  },
  {
    name: 'chronyd has no line for IPv6',
    inject: edited('chrony.conf', 'chronyd', /^allow fd.*\n/m, ''),
    finding: 'file chrony.conf',
    cause: /lacks "allow fd70::\/64"/,
  },
  {
    name: 'leases tell a wrong MTU',
    inject: edited('dnsmasq.conf', 'dnsmasq', /option:mtu,\d+/, 'option:mtu,1500'),
    finding: 'file dnsmasq.conf',
    cause: /lacks ".*option:mtu,1492".*has ".*option:mtu,1500"/,
  },
  {
    name: 'advertisements name another resolver',
    inject: edited('dnsmasq.conf', 'dnsmasq', /(option6:dns-server),.*/, '$1,[fd70::9]'),
    finding: 'file dnsmasq.conf',
    cause: /option6:dns-server/,
  },
  {
    name: 'a daemon is stopped and stays so',
    inject: () => stage.ask({ verb: 'stop', name: 'chronyd' }),
    finding: 'daemon-down chronyd',
    cause: /chronyd was stopped/,
  },
  {
    name: 'nobody keeps the daemons',
    inject: () => undefined,
    keeperless: true,
    finding: 'keeper-down keeper',
    cause: /kith gateway run/,
  },
  {
    name: 'the kernel does not forward',
    inject: () => sh('gateway', 'sysctl -qw net.ipv4.ip_forward=0'),
    finding: 'forwarding-off sysctl net/ipv4/ip_forward',
    cause: /net\.ipv4\.ip_forward is 0 instead of 1/,
  },
  {
    name: "the rule that leads to the clients' routes is gone",
    inject: () => sh('gateway', 'ip rule del priority 31000'),
    finding: 'policy-route rule 4 31000',
    cause: /the rule that sends packets from "br-main"/,
  },
  {
    name: "the clients' default route is gone",
    inject: () => sh('gateway', 'ip route del default table 42 dev eth0'),
    finding: 'policy-route route 4 42 default',
    cause: /the clients' route "4 42 default" is gone/,
  },
  {
    name: "the bridge lost the gateway's address",
    inject: () => sh('gateway', `ip addr del 10.70.0.2/16 dev ${BRIDGE}`),
    finding: `address address ${BRIDGE} 10.70.0.2/16`,
    cause: /10\.70\.0\.2\/16.*taken away/,
  },
  {
    name: "the clients' interface fell out of the bridge",
    inject: () => sh('gateway', 'ip link set eth1 nomaster'),
    finding: 'link link eth1',
    cause: /"eth1" is no port of anything instead of "br-main"/,
  },
  {
    name: 'the exit has no carrier',
    inject: () => sh('internet', 'ip link set eth0 down'),
    mend: () => sh('internet', 'ip link set eth0 up'),
    finding: 'exit-down eth0',
    cause: /"eth0" has no carrier/,
  },
  {
    name: 'nobody answers behind the exit',
    inject: () =>
      sh('internet', 'nft "table ip dead { chain in { type filter hook input priority 0; policy drop; }; }"'),
    mend: () => sh('internet', 'nft delete table ip dead'),
    finding: 'exit-silent eth0',
    cause: /nobody answers behind "eth0"/,
  },
  {
    name: 'the server for names is dead',
    inject: () =>
      sh(
        'internet',
        'nft "table ip dead { chain in { type filter hook input priority 0; udp dport 53 drop; tcp dport 53 drop; }; }"',
      ),
    mend: () => sh('internet', 'nft delete table ip dead'),
    finding: 'upstream-dead dns',
    cause: /no server for names.*203\.0\.113\.1/,
  },
  {
    name: 'the way behind the exit is narrower than it says',
    inject: () =>
      sh(
        'internet',
        'nft "table ip narrow { chain in { type filter hook input priority 0; meta length > 1440 drop; }; }"',
      ),
    mend: () => sh('internet', 'nft delete table ip narrow'),
    finding: 'mtu wide4 main',
    cause: /packets of 1492 bytes do not come back from 203\.0\.113\.1, 1440 do/,
  },
  {
    name: 'another server hands out addresses of this pool',
    inject: () => serveLeases('10.70.0.3', '10.70.1.0,10.70.1.200'),
    mend: () => stage.endStrangers(),
    finding: 'pool-overlap 10.70.0.3 main',
    cause: /the gateway "cave" offers 10\.70\.1\.\d+, which is of this gateway's pool 10\.70\.1\.0 to/,
  },
  {
    name: 'a stranger hands out addresses',
    inject: () => serveLeases('192.168.1.1', '192.168.1.10,192.168.1.99'),
    mend: () => stage.endStrangers(),
    finding: 'stranger-dhcp 192.168.1.1 main',
    cause: /192\.168\.1\.1 \(.*is no gateway of the file/,
  },
  {
    name: "another machine has the gateway's address",
    inject: () => sh('other', 'ip addr add 10.70.0.2/16 dev eth0'),
    mend: () => sh('other', 'ip addr flush dev eth0 scope global'),
    finding: 'address-twice 10.70.0.2 main',
    cause: /answers for 10\.70\.0\.2 too/,
  },
  {
    name: 'nothing is advertised',
    inject: edited('dnsmasq.conf', 'dnsmasq', /^enable-ra\n/m, ''),
    finding: 'file dnsmasq.conf',
    cause: /lacks "enable-ra"/,
  },
  {
    name: 'another program has the port of names',
    inject: takePort,
    mend: giveBackPort,
    finding: 'daemon-down dnsmasq',
    cause: /another program has its port/,
  },
  {
    name: 'the clock is compared with nobody',
    inject: unwatchClock,
    mend: () => sh('internet', 'nft delete table ip dead'),
    finding: `${CLOCK} chronyd`,
    cause: /has not reached 203\.0\.113\.1/,
  },
  {
    name: 'the disk is full',
    inject: () => writeFileSync(join(stage.state, 'ballast'), Buffer.alloc(STATE_SIZE - (1 << 19))),
    mend: () => rmSync(join(stage.state, 'ballast')),
    finding: 'disk-full state',
    cause: /the file system of .*state is full/,
  },
  {
    name: 'a client is banned',
    inject: nft(`add element inet kith_bans banned4 { ${OWN_POOL} timeout 1h }`),
    mend: nft(`delete element inet kith_bans banned4 { ${OWN_POOL} }`),
    finding: `client-banned ${OWN_POOL}/32`,
    cause: new RegExp(`${OWN_POOL.replaceAll('.', '\\.')}.*banned`),
  },
];

for (const { name, inject, finding, cause, mend, keeperless = false } of FAULTS) {
  test(`named: ${name}`, { skip }, async () => {
    let found: readonly Finding[] = [];
    try {
      await inject();
      found = await stage.findings({ keeperless });
      assert.deepEqual(found.map(nameOf), [finding], JSON.stringify(found, null, 1));
      assert.match(found[0]?.cause ?? '', cause);
    } finally {
      await (mend === undefined ? stage.ask({ verb: 'fix', findings: found }) : mend());
    }
  });
}

/** Paths of this test's folder and numbers that the kernel gave are nobody's business. */
function nameOf({ code, subject }: Finding): string {
  return `${code} ${subject}`
    .replace('file file', 'file')
    .replaceAll(/ \/\S*\//g, ' ')
    .replace(/rule \d+$/, 'rule');
}

test('what may be mended without asking is, and nothing is left to find', { skip }, async () => {
  assert.deepEqual((await stage.findings()).map(nameOf), []);
});
