/** Faults of daemons, their files, and of who else is there. Needs root. */
import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '@kith/gateway';
import { diagnosing, edited, nft } from '../doctor/faults.ts';
import { OWN_POOL, sh, type Stage, STATE_SIZE } from '../doctor/stage.ts';
import { until } from '../until.ts';

/** A DHCP server among the clients. */
async function serveLeases(stage: Stage, address: string, range: string): Promise<void> {
  sh('other', `ip addr add ${address}/16 dev eth0`);
  const argv = ['dnsmasq', '-k', '-C', '/dev/null', '--pid-file=', '--port=0', '--bind-interfaces', '--interface=eth0'];
  await stage.strange([...argv, `--dhcp-range=${range},600`, `--dhcp-leasefile=${stage.folder}/strange.leases`]);
}

let squatter: ChildProcess | null = null;

async function takePort(stage: Stage): Promise<void> {
  // Before it is started again, a second later.
  await stage.ask({ verb: 'kill', name: 'dnsmasq' });
  const script = "require('dgram').createSocket('udp4').bind(53)";
  squatter = await stage.spawn('gateway', [process.execPath, '-e', script], 'udp', 53);
  await until('it fails', async () =>
    (await stage.ask({ verb: 'examine' })).facts.daemons?.some(({ state }) => state === 'failing'),
  );
}

async function giveBackPort(stage: Stage): Promise<void> {
  if (squatter !== null) await stage.end(squatter);
  await stage.ask({ verb: 'begin', name: 'dnsmasq' });
}

function isClock({ code }: Finding): boolean {
  return code === 'clock-unsynchronised';
}

/** chronyd starts while its server is silent, and has nothing but its own clock. */
async function unwatchClock(stage: Stage): Promise<void> {
  sh('internet', 'nft "table ip dead { chain in { type filter hook input priority 0; udp dport 123 drop; }; }"');
  await stage.ask({ verb: 'kill', name: 'chronyd' });
  await stage.ask({ verb: 'revived', name: 'chronyd' });
  await until('it had time to compare', async () => (await stage.findings()).some(isClock), 60_000);
}

/** It asks at once when it starts, and a minute later otherwise. */
async function watchClock(stage: Stage): Promise<void> {
  sh('internet', 'nft delete table ip dead');
  await stage.ask({ verb: 'kill', name: 'chronyd' });
  await stage.ask({ verb: 'revived', name: 'chronyd' });
}

diagnosing([
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
    inject: (stage) => stage.ask({ verb: 'stop', name: 'chronyd' }),
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
    name: 'another server hands out addresses of this pool',
    inject: (stage) => serveLeases(stage, '10.70.0.3', '10.70.1.0,10.70.1.200'),
    mend: (stage) => stage.endStrangers(),
    finding: 'pool-overlap 10.70.0.3 main',
    cause: /the gateway "cave" offers 10\.70\.1\.\d+, which is of this gateway's pool 10\.70\.1\.0 to/,
  },
  {
    name: 'a stranger hands out addresses',
    inject: (stage) => serveLeases(stage, '192.168.1.1', '192.168.1.10,192.168.1.99'),
    mend: (stage) => stage.endStrangers(),
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
    mend: watchClock,
    finding: 'clock-unsynchronised chronyd',
    cause: /has not reached 203\.0\.113\.1/,
  },
  {
    name: 'the disk is full',
    inject: (stage) => writeFileSync(join(stage.state, 'ballast'), Buffer.alloc(STATE_SIZE - (1 << 19))),
    mend: (stage) => rmSync(join(stage.state, 'ballast')),
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
]);
