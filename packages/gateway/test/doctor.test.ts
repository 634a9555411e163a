/** Causes from facts: what a machine without routers, a mesh or a full table cannot show for real. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BatmanFacts,
  type Change,
  type ClientFacts,
  type DaemonFacts,
  diagnoseMember,
  type GatewayFacts,
  type Item,
  type ItemKey,
  keyOf,
  type MemberFacts,
  type MemberStatus,
} from '@kith/gateway';
import { diagnosed, DUBLIN, GATEWAY, HEALTHY, servedClient, WANTED } from './doctor-facts.ts';

const dublin = DUBLIN ?? assert.fail('the large file has a domain');
const KEY = 'ab'.repeat(32);

/** The item is there with another value, or not at all. */
function drifted(key: ItemKey, other: object | null): Change {
  const after = WANTED.wanted.find(({ item }) => keyOf(item) === key)?.item ?? assert.fail(`${key} is not wanted`);
  const before = other === null ? null : ({ ...after, value: { ...after.value, ...other } } as Item);
  return { operation: before === null ? 'add' : 'change', key, before, after, cause: null, needs: [] };
}

function daemon(name: string, changes: Partial<DaemonFacts>): readonly DaemonFacts[] {
  return (HEALTHY.daemons ?? []).map((each) => (each.name === name ? { ...each, ...changes } : each));
}

function client(changes: Partial<ClientFacts>): readonly ClientFacts[] {
  return HEALTHY.clients.map((each) => (each.domain === 'dublin' ? { ...each, ...changes } : each));
}

function machine(changes: Partial<GatewayFacts['machine']>): Partial<GatewayFacts> {
  return { machine: { ...HEALTHY.machine, ...changes } };
}

const MESH: BatmanFacts = { domain: 'dublin', neighbours: [], originators: 3, clients: 9, duplicates: [] };

/** Facts that differ from those of a healthy gateway, the only finding, and what its cause has to name. */
const CASES: readonly (readonly [name: string, changes: Partial<GatewayFacts>, finding: string, cause: RegExp])[] = [
  [
    'a kernel for clouds lacks batman-adv, and everything that follows is not told',
    {
      ...machine({ kernel: '6.1.0-44-cloud-amd64', hasBatman: false }),
      drift: [drifted('module batman-adv', null), drifted('batman bat-dublin', null)],
      daemons: daemon('fastd-dublin', { state: 'failing' }),
    },
    'kernel-without-batman 6.1.0-44-cloud-amd64',
    /clouds are made without it/,
  ],
  ['fastd is not installed', machine({ missing: ['fastd'] }), 'program-missing fastd', /fastd cannot be found/],
  [
    'gw_mode is off',
    { drift: [drifted('batman bat-dublin', { gatewayMode: 'off' })] },
    'gateway-mode batman bat-dublin',
    /gw_mode of "bat-dublin" is "off" instead of "server"/,
  ],
  [
    'the gateway announces no bandwidth',
    { drift: [drifted('batman bat-dublin', { down: 0 })] },
    'gateway-bandwidth batman bat-dublin',
    /0\/\d+ kbit\/s/,
  ],
  [
    'the table of connections is full, and clients fail at random',
    {
      ...machine({ conntrack: { count: GATEWAY.conntrack, most: GATEWAY.conntrack } }),
      clients: client({ answers: [{ service: 'dns-udp', family: 4, complaint: 'silence' }] }),
    },
    'conntrack-full conntrack',
    /entries in the kernel's table of connections are taken/,
  ],
  [
    'the table of connections was made small by hand, and is full',
    {
      ...machine({ conntrack: { count: 99, most: 100 } }),
      drift: [drifted('sysctl net/netfilter/nf_conntrack_max', { value: '100' })],
    },
    'conntrack-full conntrack',
    /99 of 100.*the file asks for/,
  ],
  [
    'the table of neighbours is full',
    machine({ neighbours4: { count: 1020, most: 1024 } }),
    'neighbours-full IPv4',
    /1020 of 1024/,
  ],
  [
    'a router has a key that fastd does not know',
    {
      daemons: daemon('fastd-dublin', {
        lastWords: [`Verbose: ignoring handshake from [hidden]:1002 (unknown key ${KEY})`],
      }),
    },
    'fastd-unknown-key dublin',
    new RegExp(KEY),
  ],
  [
    'a router has another MTU',
    {
      daemons: daemon('fastd-dublin', {
        lastWords: [
          'Warning: Handshake with [hidden]:1002 failed: received error: MTU configuration differs with peer (local MTU is 1312)',
        ],
      }),
    },
    'fastd-mtu dublin',
    /local MTU is 1312/,
  ],
  [
    'the limit of fastd is reached',
    { fastd: [{ domain: 'dublin', established: 50, peers: 60 }] },
    'fastd-full dublin',
    /50 routers are connected, and 50 is the limit/,
  ],
  ['fastd is of a version that amplifies', machine({ fastd: '22' }), 'fastd-version 22', /CVE-2025-24356/],
  [
    'no router ever came in over WireGuard',
    { wireguard: [{ domain: 'dublin', peers: [{ publicKey: KEY, handshake: null, received: 0 }] }] },
    'wireguard-silent dublin',
    /none of 1 known keys/,
  ],
  [
    'routers speak another VXLAN',
    {
      wireguard: [{ domain: 'dublin', peers: [{ publicKey: KEY, handshake: 20, received: 1000 }] }],
      batman: [{ ...MESH, neighbours: [{ address: '02:00:00:00:00:09', interface: 'fd-dublin' }] }],
    },
    'vxlan-silent dublin',
    /nothing of batman-adv comes over "vx-dublin"/,
  ],
  [
    'another node has the hardware address of this gateway',
    { batman: [{ ...MESH, duplicates: [dublin.macs.bridge] }] },
    'mac-twice dublin',
    new RegExp(dublin.macs.bridge),
  ],
  ['the domain has grown too large', { batman: [{ ...MESH, originators: 700 }] }, 'domain-large dublin', /700 nodes/],
  [
    'none of the members that clients leave through answers, and what follows is not told',
    {
      exit: { ...HEALTHY.exit, mesh: { leaves: { used: null, reason: 'cave does not answer' }, standing: 'serving' } },
      upstreams: HEALTHY.upstreams.map((each) => ({ ...each, complaint: 'no answer' })),
    },
    'exit-members eth0',
    /cave does not answer/,
  ],
  ['the host has no default route', { exit: { ...HEALTHY.exit, route4: null } }, 'no-route IPv4', /no default route/],
  [
    'packets leave by another interface than the file says',
    { exit: { ...HEALTHY.exit, route4: { device: 'eth9', via: null } } },
    'route-elsewhere IPv4',
    /sent to "eth9", while the file's exit is "eth0"/,
  ],
  ['there is no server for names', { upstreams: [] }, 'upstream-none dns', /names no server/],
  [
    'the gateway asks itself for names',
    { upstreams: [{ address: dublin.address4, complaint: 'silence', refuses: false }] },
    'upstream-circle dns',
    /this gateway itself/,
  ],
  [
    'chronyd has only its own clock',
    {
      clients: HEALTHY.clients.map((each) => ({
        ...each,
        answers: each.answers.map((one) => (one.service === 'ntp' ? { ...one, stratum: 10 } : one)),
      })),
    },
    'clock-unsynchronised chronyd',
    /192\.0\.2\.123/,
  ],
  [
    'another router advertises itself among the clients',
    {
      clients: client({
        advertisements: [
          ...servedClient(dublin).advertisements,
          { router: dublin.address6, mac: '02:00:00:00:00:66', lifetime: 1800, mtu: null, prefixes: [], dns: [] },
        ],
      }),
    },
    `stranger-router ${dublin.address6} dublin`,
    /02:00:00:00:00:66 advertises itself/,
  ],
  [
    'the doctor could not send a client',
    { clients: client({ complaint: 'no VXLAN here' }) },
    'no-client dublin',
    /no VXLAN here/,
  ],
  [
    'dnsmasq runs with what stood in its file before',
    { clients: client({ lease: { ...(servedClient(dublin).lease ?? assert.fail()), mtu: null, dns: [] } }) },
    'daemon-stale option-dns dublin',
    /has read another file/,
  ],
];

for (const [name, changes, finding, cause] of CASES) {
  test(`named from facts: ${name}`, () => {
    const found = diagnosed(changes);
    assert.deepEqual(
      found.map(({ code, subject }) => `${code} ${subject}`),
      [finding],
      JSON.stringify(found, null, 1),
    );
    assert.match(found[0]?.cause ?? '', cause);
    assert.notEqual(found[0]?.mend.text, '');
  });
}

test('of a gateway that is well there is nothing to say', () => {
  assert.deepEqual(diagnosed({}), []);
});

test('a daemon that has just been started is given time, one that is started again and again is not', () => {
  const answers = servedClient(dublin).answers.map((each) =>
    each.service === 'ntp' ? { ...each, complaint: 'silence' } : each,
  );
  const young = { daemons: daemon('chronyd', { state: 'starting', age: 2000 }), clients: client({ answers }) };
  assert.deepEqual(diagnosed(young), []);
  const found = diagnosed({ ...young, daemons: daemon('chronyd', { state: 'failing', age: 2000 }) });
  assert.deepEqual(
    found.map(({ code }) => code),
    ['daemon-down'],
  );
});

test('an offer of another gateway from its own pool is as it should be', () => {
  const cave = { server: '10.70.0.3', mac: '02:00:00:00:00:03', address: '10.70.200.7' };
  const offers = [...servedClient(dublin).offers, cave].map((offer) => ({
    ...offer,
    server: offer.server as typeof dublin.address4,
    address: offer.address as typeof dublin.address4,
  }));
  assert.deepEqual(diagnosed({ clients: client({ offers }) }), []);
});

test('errors are told before warnings, and those before what is only worth knowing', () => {
  const found = diagnosed({
    ...machine({ fastd: '22' }),
    upstreams: [],
    batman: [{ ...MESH, originators: 700 }],
  });
  assert.deepEqual(
    found.map(({ severity }) => severity),
    ['error', 'warning', 'notice'],
  );
});

const WELL: MemberStatus = {
  nat: 'easy',
  natReason: '',
  port: 6550,
  uptime: 3600_000,
  plane: { kind: 'native' },
  interface: { name: 'kith0', mtu: 1280 },
  member: true,
  revokedBy: null,
  warnings: [],
  members: [
    { name: 'me', self: true, online: true, lastSeen: 0, path: { kind: 'none', reason: '' }, loss: 0 },
    { name: 'nyc', self: false, online: true, lastSeen: 900, path: { kind: 'direct', reason: 'direct' }, loss: 0 },
  ],
};

function peer(changes: Partial<MemberStatus['members'][number]>): Pick<MemberStatus, 'members'> {
  return { members: WELL.members.map((each) => (each.self ? each : { ...each, ...changes })) };
}

const MEMBERS: readonly (readonly [
  name: string,
  status: Partial<MemberStatus> | null,
  facts: Partial<MemberFacts>,
  code: string,
])[] = [
  ['the daemon does not run', null, {}, 'mesh-down'],
  ['the clock is two minutes fast', {}, { clockAhead: 120_000 }, 'clock'],
  ['it was revoked', { member: false, revokedBy: 'alice', nat: 'symmetric' }, {}, 'revoked'],
  ['there is no interface', { interface: null }, {}, 'no-interface'],
  [
    'the interface is wider than what is beneath it',
    { interface: { name: 'kith0', mtu: 1480 } },
    { underlayMtu: 1492 },
    'mtu',
  ],
  ['nobody answers', peer({ lastSeen: null, path: { kind: 'none', reason: '' } }), {}, 'udp-blocked'],
  ['the NAT is symmetric', { nat: 'symmetric', ...peer({ path: { kind: 'relay', reason: '' } }) }, {}, 'nat'],
  ['a member is silent', peer({ lastSeen: 90_000 }), {}, 'stale'],
  ['packets are lost', peer({ loss: 0.2 }), {}, 'loss'],
  ['a member was gone for months', peer({ online: false, lastSeen: 90 * 86_400_000 }), {}, 'long-gone'],
  ['two members want one name', { warnings: ['two members want the name x'] }, {}, 'ledger'],
  ['the portable plane serves', { plane: { kind: 'portable', reason: 'no addon' } }, {}, 'portable-plane'],
];

for (const [name, status, facts, code] of MEMBERS) {
  test(`of a member: ${name}`, () => {
    const whole: MemberFacts = {
      status: status === null ? null : { ...WELL, ...status },
      clockAhead: 20,
      underlayMtu: 1500,
      ...facts,
    };
    assert.deepEqual(
      diagnoseMember(whole).map((finding) => finding.code),
      [code],
    );
  });
}

test('of a member that is well there is nothing to say', () => {
  assert.deepEqual(diagnoseMember({ status: WELL, clockAhead: null, underlayMtu: 1500 }), []);
});
