import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeIdFrom } from '@kith/core';
import type { NodeId } from '@kith/core';
import type { NatClass } from '@kith/mesh';
import { NatObserver } from '../src/nat.ts';
import { address, endpoint, PORT } from './fake.ts';

const id = (n: number): NodeId => nodeIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, n));
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

interface Case {
  readonly number: number;
  readonly what: string;
  /** This machine's own addresses. */
  readonly local: readonly string[];
  /** What reflectors 1, 2, … saw. */
  readonly seen: readonly string[];
  readonly punchFailed?: boolean;
  readonly nat: NatClass;
  readonly reason: RegExp;
}

const CASES: readonly Case[] = [
  { number: 1, what: 'nothing', local: ['10.0.0.5'], seen: [], nat: 'unknown', reason: /nobody outside has said/ },
  {
    number: 2,
    what: 'its own address',
    local: ['203.0.113.5'],
    seen: ['203.0.113.5:6550', '203.0.113.5:6550'],
    nat: 'none',
    reason: /own address 203\.0\.113\.5 is seen outside/,
  },
  {
    number: 3,
    what: 'one endpoint with its own port',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:6550'],
    nat: 'easy',
    reason: /keeps port 6550/,
  },
  {
    number: 4,
    what: 'one endpoint with another port',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:40000'],
    nat: 'unknown',
    reason: /turns port 6550 into 40000; one observer/,
  },
  {
    number: 5,
    what: 'one endpoint with another port, and punching failed',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:40000'],
    punchFailed: true,
    nat: 'symmetric',
    reason: /turns port 6550 into 40000, and punching through failed/,
  },
  {
    number: 6,
    what: 'the same other port by two',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:40000', '203.0.113.5:40000'],
    nat: 'easy',
    reason: /keeps 203\.0\.113\.5:40000 for every destination/,
  },
  {
    number: 7,
    what: 'the same other port by two, though punching failed',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:40000', '203.0.113.5:40000'],
    punchFailed: true,
    nat: 'easy',
    reason: /for every destination/,
  },
  {
    number: 8,
    what: 'a port for each of two',
    local: ['10.0.0.5'],
    seen: ['203.0.113.5:40000', '203.0.113.5:40001'],
    nat: 'symmetric',
    reason: /another port \(seen as 203\.0\.113\.5:40000 and 203\.0\.113\.5:40001\)/,
  },
  {
    number: 9,
    what: 'private addresses only: reflectors on the same LAN',
    local: ['10.0.0.5'],
    seen: ['10.0.0.5:6550', '192.168.1.5:40000', '100.64.0.9:1'],
    nat: 'unknown',
    reason: /nobody outside/,
  },
  {
    number: 10,
    what: 'its own IPv6 address and one IPv4 endpoint with another port',
    local: ['10.0.0.5', '2001:db8::5'],
    seen: ['[2001:db8::5]:6550', '203.0.113.5:40000'],
    nat: 'unknown',
    reason: /into 40000/,
  },
  {
    number: 11,
    what: 'its own IPv6 address and two IPv4 endpoints that agree',
    local: ['10.0.0.5', '2001:db8::5'],
    seen: ['[2001:db8::5]:6550', '203.0.113.5:40000', '203.0.113.5:40000'],
    nat: 'easy',
    reason: /keeps 203\.0\.113\.5:40000/,
  },
  {
    number: 12,
    what: 'its own IPv6 address and two IPv4 endpoints that differ',
    local: ['10.0.0.5', '2001:db8::5'],
    seen: ['203.0.113.5:40000', '[2001:db8::5]:6550', '203.0.113.5:40001'],
    nat: 'symmetric',
    reason: /another port/,
  },
  {
    number: 13,
    what: 'its own IPv6 address only',
    local: ['10.0.0.5', '2001:db8::5'],
    seen: ['[2001:db8::5]:6550'],
    nat: 'none',
    reason: /2001:db8::5/,
  },
];

for (const { number, what, local, seen, punchFailed, nat, reason } of CASES) {
  test(`verdict ${number}: who is seen as ${what} is ${nat}`, () => {
    const observer = new NatObserver(PORT);
    observer.setLocal(local.map(address));
    for (const [i, each] of seen.entries()) observer.observe(id(i), endpoint(each), 0);
    if (punchFailed === true) observer.punchFailed();
    const verdict = observer.verdict(1, false);
    assert.equal(verdict.nat, nat);
    assert.match(verdict.reason, reason);
    assert.equal(verdict.reachable, false, 'being seen is no proof of being reached');
  });
}

test('a punch that worked takes the failed ones back', () => {
  const observer = new NatObserver(PORT);
  observer.observe(id(1), endpoint('203.0.113.5:40000'), 0);
  observer.punchFailed();
  assert.equal(observer.verdict(1, false).nat, 'symmetric');
  observer.punchWorked();
  assert.equal(observer.verdict(1, false).nat, 'unknown');
});

test('a configured endpoint makes a node public, whatever others see', () => {
  const observer = new NatObserver(PORT);
  observer.observe(id(1), endpoint('203.0.113.5:40000'), 0);
  assert.deepEqual(observer.verdict(1, true), { nat: 'public', reason: 'an endpoint is configured', reachable: true });
});

test('being reached unasked makes a node public for a day, and is news again after that', () => {
  const observer = new NatObserver(PORT);
  assert.equal(observer.reachedUnasked(0), true);
  assert.equal(observer.reachedUnasked(MINUTE), false);
  assert.equal(observer.verdict(DAY + MINUTE - 1, false).reachable, true);
  assert.equal(observer.verdict(DAY + MINUTE, false).reachable, false);
  assert.equal(observer.reachedUnasked(DAY + MINUTE), true);
});

test('an observation counts for five minutes', () => {
  const observer = new NatObserver(PORT);
  observer.observe(id(1), endpoint('203.0.113.5:6550'), 0);
  assert.deepEqual(observer.reflexive(5 * MINUTE - 1), ['203.0.113.5:6550']);
  assert.deepEqual(observer.reflexive(5 * MINUTE), []);
  assert.equal(observer.verdict(5 * MINUTE, false).nat, 'unknown');
});

test('only what differs from the last word of the same reflector is news', () => {
  const observer = new NatObserver(PORT);
  assert.equal(observer.observe(id(1), endpoint('203.0.113.5:1'), 0), true);
  assert.equal(observer.observe(id(1), endpoint('203.0.113.5:1'), 1), false);
  assert.equal(observer.observe(id(2), endpoint('203.0.113.5:1'), 1), true);
  assert.equal(observer.observe(id(1), endpoint('203.0.113.5:2'), 2), true);
});

test('the endpoint that most reflectors saw comes first, and one reflector has one vote', () => {
  const observer = new NatObserver(PORT);
  for (let n = 0; n < 9; n++) observer.observe(id(9), endpoint(`198.51.100.1:${n + 1}`), n);
  observer.observe(id(1), endpoint('203.0.113.5:7'), 0);
  observer.observe(id(2), endpoint('203.0.113.5:7'), 0);
  assert.deepEqual(observer.reflexive(10), ['203.0.113.5:7', '198.51.100.1:9']);
});

test('no more than 32 reflectors are remembered, the latest ones', () => {
  const observer = new NatObserver(PORT);
  for (let n = 0; n < 40; n++) observer.observe(id(n), endpoint(`203.0.113.${n}:6550`), n);
  const seen = observer.reflexive(100);
  assert.equal(seen.length, 32);
  assert.ok(!seen.includes(endpoint('203.0.113.7:6550')) && seen.includes(endpoint('203.0.113.8:6550')));
});

test('a new network makes a node forget what it was told in the old one', () => {
  const observer = new NatObserver(PORT);
  observer.observe(id(1), endpoint('203.0.113.5:40000'), 0);
  observer.punchFailed();
  observer.reachedUnasked(0);
  observer.forget();
  assert.deepEqual(observer.verdict(1, false), new NatObserver(PORT).verdict(1, false));
});
