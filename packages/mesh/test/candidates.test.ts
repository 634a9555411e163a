import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CANDIDATES } from '../src/control.ts';
import { directCandidates, isWorthTrying, openCandidates, ownEndpoints } from '../src/candidates.ts';
import { PRESENCE_LIMITS } from '../src/presence.ts';
import type { PresenceEndpoint } from '../src/presence.ts';
import { address, bench, connect, endpoint, idOf } from './fake.ts';
import type { Bench } from './fake.ts';

const local = (text: string): PresenceEndpoint => ({ kind: 'local', endpoint: endpoint(text) });
const reflexive = (text: string): PresenceEndpoint => ({ kind: 'reflexive', endpoint: endpoint(text) });
const fixed = (text: string): PresenceEndpoint => ({ kind: 'static', endpoint: endpoint(text) });

interface Case {
  readonly number: number;
  readonly what: string;
  readonly local: readonly string[];
  /** What reflectors say of us. */
  readonly seen?: readonly string[];
  readonly theirs: readonly PresenceEndpoint[];
  readonly tried: readonly string[];
}

const CASES: readonly Case[] = [
  {
    number: 1,
    what: 'public endpoints of every kind are tried',
    local: ['192.168.1.5'],
    theirs: [fixed('198.51.100.1:6550'), reflexive('198.51.100.2:40000'), local('198.51.100.3:6550')],
    tried: ['198.51.100.1:6550', '198.51.100.2:40000', '198.51.100.3:6550'],
  },
  {
    number: 2,
    what: 'behind one public address the private ones are tried, whatever their subnets',
    local: ['192.168.1.5'],
    seen: ['203.0.113.5:40000'],
    theirs: [reflexive('203.0.113.5:40001'), local('192.168.2.9:6550')],
    tried: ['203.0.113.5:40001', '192.168.2.9:6550'],
  },
  {
    number: 3,
    what: 'behind different public addresses an equal private subnet means nothing',
    local: ['192.168.1.5'],
    seen: ['203.0.113.5:40000'],
    theirs: [reflexive('198.51.100.2:40000'), local('192.168.1.9:6550')],
    tried: ['198.51.100.2:40000'],
  },
  {
    number: 4,
    what: 'where nobody outside has said anything, the same subnet is worth a try',
    local: ['192.168.1.5'],
    theirs: [local('192.168.1.9:6550'), local('192.168.2.9:6550'), local('10.0.0.9:6550')],
    tried: ['192.168.1.9:6550'],
  },
  {
    number: 5,
    what: 'where only the other side was told its address, the same subnet is worth a try',
    local: ['192.168.1.5'],
    theirs: [reflexive('198.51.100.2:40000'), local('192.168.1.9:6550'), local('192.168.2.9:6550')],
    tried: ['198.51.100.2:40000', '192.168.1.9:6550'],
  },
  {
    number: 6,
    what: 'a unique local IPv6 address is private too: the same /64 counts',
    local: ['fd00:1::5'],
    theirs: [local('[fd00:1::9]:6550'), local('[fd00:2::9]:6550')],
    tried: ['[fd00:1::9]:6550'],
  },
  {
    number: 7,
    what: 'loopback, link-local, multicast and broadcast addresses are never tried',
    local: ['192.168.1.5', '2001:db8::5', '127.0.0.1', '169.254.1.7', 'fe80::7'],
    theirs: [
      local('127.0.0.9:6550'),
      local('169.254.1.1:6550'),
      local('224.0.0.1:6550'),
      reflexive('255.255.255.255:6550'),
      local('[fe80::1]:6550'),
      local('[::1]:6550'),
      local('[ff02::1]:6550'),
      local('[::ffff:127.0.0.1]:6550'),
    ],
    tried: [],
  },
  {
    number: 8,
    what: 'our own endpoint is not tried, another port of our machine is',
    local: ['203.0.113.5'],
    theirs: [fixed('203.0.113.5:6550'), fixed('203.0.113.5:6551')],
    tried: ['203.0.113.5:6551'],
  },
  {
    number: 9,
    what: 'a family that this machine does not have is not tried',
    local: ['192.168.1.5'],
    theirs: [local('[2001:db8::9]:6550'), fixed('198.51.100.1:6550')],
    tried: ['198.51.100.1:6550'],
  },
];

function around({ local: own, seen = [], theirs }: Pick<Case, 'local' | 'seen' | 'theirs'>): Bench {
  const at = bench(2);
  at.context.localAddresses = own.map(address);
  for (const each of seen) at.context.nat.observe(idOf(at.world, 1), endpoint(each), 0);
  at.hear(1, { endpoints: theirs });
  return at;
}

for (const each of CASES) {
  test(`candidates ${each.number}: ${each.what}`, () => {
    const at = around(each);
    assert.deepEqual(directCandidates(at.context, at.peer(1), 0), each.tried);
  });
}

test('of a member that said goodbye nothing is tried but what answered before or was remembered', () => {
  const at = around({ local: ['192.168.1.5'], theirs: [] });
  at.hear(1, { seq: 9, goodbye: true, endpoints: [fixed('198.51.100.1:6550')] });
  assert.deepEqual(directCandidates(at.context, at.peer(1), 0), []);
  at.remembered.set(idOf(at.world, 1), [endpoint('198.51.100.7:1')]);
  connect(at.peer(1), '198.51.100.8:1', 0);
  assert.deepEqual(directCandidates(at.context, at.peer(1), 0), ['198.51.100.8:1', '198.51.100.7:1']);
});

test('an endpoint that was learnt but never answered is not among the candidates', () => {
  const at = around({ local: ['192.168.1.5'], theirs: [] });
  connect(at.peer(1), '198.51.100.8:1', 0).rtt = null;
  assert.deepEqual(directCandidates(at.context, at.peer(1), 0), []);
});

test('no more than sixteen are tried, those that answered first', () => {
  const at = around({ local: ['192.168.1.5'], theirs: [fixed('198.51.100.1:6550')] });
  for (let port = 1; port <= 15; port++) connect(at.peer(1), `198.51.100.8:${port}`, 0);
  at.remembered.set(
    idOf(at.world, 1),
    Array.from({ length: 20 }, (_, i) => endpoint(`198.51.100.9:${i + 1}`)),
  );
  const tried = directCandidates(at.context, at.peer(1), 0);
  assert.equal(tried.length, MAX_CANDIDATES);
  assert.equal(tried[0], '198.51.100.8:1');
  assert.equal(tried[15], '198.51.100.1:6550');
});

test('a first message goes to what others saw only where the member is proved reachable', () => {
  const theirs = [reflexive('198.51.100.2:40000'), fixed('198.51.100.1:6550')];
  const at = around({ local: ['192.168.1.5'], theirs });
  assert.deepEqual(openCandidates(at.context, at.peer(1), 0), ['198.51.100.1:6550']);
  at.hear(1, { seq: 9, reachable: true, endpoints: theirs });
  assert.deepEqual(openCandidates(at.context, at.peer(1), 0), ['198.51.100.2:40000', '198.51.100.1:6550']);
  at.hear(1, { seq: 10, endpoints: theirs });
  at.remembered.set(idOf(at.world, 1), [endpoint('198.51.100.2:40000')]);
  assert.deepEqual(openCandidates(at.context, at.peer(1), 0), ['198.51.100.2:40000', '198.51.100.1:6550']);
});

test('a node publishes what it was configured with, what others saw and its own addresses, in this order', () => {
  const at = around({
    local: ['192.168.1.5', '127.0.0.1', 'fe80::1', '2001:db8::5', '169.254.0.9'],
    seen: ['203.0.113.5:40000'],
    theirs: [],
  });
  at.config.staticEndpoints = [endpoint('203.0.113.5:6550')];
  assert.deepEqual(ownEndpoints(at.context, 0), [
    fixed('203.0.113.5:6550'),
    reflexive('203.0.113.5:40000'),
    local('192.168.1.5:6550'),
    local('[2001:db8::5]:6550'),
  ]);
});

test('a node publishes each endpoint once, and no more than a record holds', () => {
  const at = around({
    local: Array.from({ length: 20 }, (_, i) => `192.168.1.${i + 1}`),
    seen: ['203.0.113.5:6550'],
    theirs: [],
  });
  at.config.staticEndpoints = [endpoint('203.0.113.5:6550')];
  const own = ownEndpoints(at.context, 0);
  assert.equal(own.length, PRESENCE_LIMITS.endpoints);
  assert.deepEqual(own[0], fixed('203.0.113.5:6550'));
  assert.equal(own.filter(({ kind }) => kind === 'reflexive').length, 0);
});

test('an endpoint that a punch message names is judged like one that was published', () => {
  const at = around({ local: ['192.168.1.5'], theirs: [] });
  const worth = (text: string) => isWorthTrying(at.context, at.peer(1), endpoint(text), 0);
  assert.ok(worth('198.51.100.1:6550'));
  assert.ok(worth('192.168.1.9:6550'));
  for (const each of [
    '127.0.0.1:6550',
    '224.0.0.1:6550',
    '192.168.2.9:6550',
    '255.255.255.255:6550',
    '192.168.1.5:6550',
  ])
    assert.equal(worth(each), false, each);
});
