import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, KithError, parseAddress } from '@kith/core';
import {
  desiredOn,
  gatewayOn,
  kindOfKey,
  readGatewayFile,
  type RegistryPolicy,
  type RouterEntry,
  RouterRegistry,
  wireguardLinkLocal,
} from '@kith/gateway';
import * as fc from 'fast-check';
import { hostNamed, IDENTITY, LARGE, ROUTER_KEY } from './sample.ts';

const HOUR = 3_600_000;
const HOME = parseAddress('192.0.2.7');

/** Keys of fastd that differ. */
function key(i: number): string {
  return i.toString(16).padStart(64, '0');
}

function request(i: number, from: Address = HOME): Parameters<RouterRegistry['ask']>[0] {
  return { kind: 'fastd', key: key(i), domain: 'dublin', name: null, from };
}

function registry(policy: Partial<RegistryPolicy> = {}): RouterRegistry {
  return new RouterRegistry({ approve: 'hand', limit: 3, ...policy });
}

const limit = (error: unknown): boolean => error instanceof KithError && error.code === 'ROUTER_LIMIT';

test('a router waits until an operator lets it in', () => {
  const all = registry();
  assert.equal(all.ask(request(1), 0).standing, 'waiting');
  assert.equal(all.decide(key(1), 'admitted', 'cork', 1).domain, 'dublin');
  const again = all.ask(request(1), 2);
  assert.deepEqual([again.standing, again.by, again.since, again.seen], ['admitted', 'operator', 1, 2]);
});

test('one that was turned away stays away, also where everybody is let in', () => {
  const all = registry({ approve: 'all' });
  assert.equal(all.ask(request(1), 0).standing, 'admitted');
  all.decide(key(1), 'refused', 'dublin', 1);
  assert.equal(all.ask(request(1), 2).standing, 'refused');
  assert.equal(all.forget(key(1))?.standing, 'refused');
  assert.equal(all.ask(request(1), 3).standing, 'admitted');
});

test('everybody is let in as long as there is room, and who waits gets the next place', () => {
  const all = registry({ approve: 'all' });
  assert.deepEqual(
    [1, 2, 3, 4].map((i) => all.ask(request(i), 0).standing),
    ['admitted', 'admitted', 'admitted', 'waiting'],
  );
  assert.throws(() => all.decide(key(4), 'admitted', 'dublin', 1), limit);
  all.forget(key(2));
  assert.equal(all.ask(request(4), 2).standing, 'admitted');
});

test('an operator lets in a key that nobody asked with, and no nonsense', () => {
  const entry = registry().decide(ROUTER_KEY, 'admitted', 'cork', 5);
  assert.deepEqual([entry.kind, entry.domain, entry.by, entry.from], ['wireguard', 'cork', 'operator', null]);
  assert.throws(
    () => registry().decide('me', 'admitted', 'cork', 5),
    (error) => error instanceof KithError && error.code === 'ROUTER_KEY_INVALID',
  );
});

test('ten keys from one place wait, of IPv6 a /64 is one', () => {
  const all = registry();
  for (let i = 0; i < 10; i++) all.ask(request(i, parseAddress(`2001:db8::${i + 1}`)), 0);
  assert.throws(() => all.ask(request(10, parseAddress('2001:db8::ffff')), 0), limit);
  assert.equal(all.ask(request(11, parseAddress('2001:db8:0:1::1')), 0).standing, 'waiting');
});

test('strangers push out strangers, never whom somebody decided on', () => {
  const all = registry();
  all.decide(key(5000), 'admitted', 'dublin', 0);
  all.decide(key(5001), 'refused', 'dublin', 0);
  for (let i = 0; i < 2000; i++) all.ask(request(i, parseAddress(`10.${i >> 8}.${i & 255}.1`)), i);
  assert.equal(all.entries.length, 1002);
  assert.equal(all.entries[0]?.key, key(1000));
  assert.deepEqual(
    all.entries.slice(-2).map(({ key: each }) => each),
    [key(5000), key(5001)],
  );
});

test('who is silent for long is forgotten, unless an operator decided', () => {
  const all = registry({ approve: 'all', limit: 2 });
  all.ask(request(1), 0);
  all.ask(request(2), 0);
  all.ask(request(3), 0);
  all.decide(key(9), 'refused', 'dublin', 0);
  all.connected([key(2), key(77)], 48 * HOUR);
  assert.deepEqual(all.tidy(72 * HOUR), []);
  assert.deepEqual(
    all.tidy(72 * HOUR + 1).map(({ key: each }) => each),
    [key(1)],
  );
  assert.deepEqual(
    all.tidy(1000 * HOUR).map(({ key: each }) => each),
    [key(3), key(2)],
  );
  assert.deepEqual(
    all.entries.map(({ key: each }) => each),
    [key(9)],
  );
});

test('whatever is asked and decided, no limit is passed, and what is kept makes the same registry', () => {
  const step = fc.record({
    key: fc.nat(60).map(key),
    place: fc.nat(5),
    what: fc.constantFrom('ask', 'admitted', 'refused', 'forget', 'tidy'),
    after: fc.nat(100 * HOUR),
  });
  fc.assert(
    fc.property(fc.constantFrom('hand', 'all'), fc.array(step, { maxLength: 200 }), (approve, steps) => {
      const all = registry({ approve });
      let now = 0;
      for (const { key: each, place, what, after } of steps) {
        now += after;
        try {
          if (what === 'ask') all.ask({ ...request(0, parseAddress(`10.0.0.${place}`)), key: each }, now);
          else if (what === 'tidy') all.tidy(now);
          else if (what === 'forget') all.forget(each);
          else all.decide(each, what, 'dublin', now);
        } catch (error) {
          assert.ok(limit(error));
        }
        const standing = (wanted: RouterEntry['standing']): RouterEntry[] =>
          all.entries.filter((entry) => entry.standing === wanted);
        assert.ok(standing('admitted').length <= 3);
        for (let i = 0; i <= 5; i++)
          assert.ok(standing('waiting').filter(({ from }) => from === `10.0.0.${i}`).length <= 10);
      }
      const kept: RouterEntry[] = JSON.parse(JSON.stringify(all.entries));
      assert.deepEqual(new RouterRegistry({ approve, limit: 3 }, kept).entries, all.entries);
    }),
  );
});

test('keys are told apart by how they are written', () => {
  assert.equal(kindOfKey(ROUTER_KEY), 'wireguard');
  assert.equal(kindOfKey(key(1)), 'fastd');
  for (const other of ['', key(1).toUpperCase().replace('0', 'A'), `${ROUTER_KEY} `, ROUTER_KEY.replace('g=', 'h=')])
    assert.equal(kindOfKey(other), null);
});

test('routers that were let in are wanted in their domain, as those of the file are', () => {
  const file = readGatewayFile(LARGE, 'kith.yaml');
  const other = ROUTER_KEY.replace('xTIB', 'xTIA');
  const admitted = [
    { kind: 'wireguard', key: other, domain: 'cork' },
    { kind: 'wireguard', key: ROUTER_KEY, domain: 'cork' },
    { kind: 'fastd', key: key(1), domain: 'cork' },
  ] as const;
  const gateway = gatewayOn(hostNamed('tower', { admitted }), file.settings, IDENTITY);
  assert.deepEqual(
    gateway.domains.map(({ wireguard }) => wireguard?.peers),
    [[ROUTER_KEY], [ROUTER_KEY, other]],
  );
  const items = desiredOn(gateway, file.causeOf).wanted.map(({ item }) => item);
  const names = items.filter(({ kind }) => kind === 'forwarding').map(({ name }) => name);
  assert.ok(names.includes(`vx-cork ${wireguardLinkLocal(other)}`));
  assert.ok(!names.includes(`vx-dublin ${wireguardLinkLocal(other)}`));
});

test('a registration that would be for nobody is refused with the line that makes sense of it', () => {
  const read = (vpn: string): unknown =>
    readGatewayFile(`gateway:\n  community: Freemesh\n  exit: eth0\n  clients: eth1\n  vpn: ${vpn}\n`, 'kith.yaml');
  assert.throws(() => read('{ registration: {} }'), /vpn\.registration.*write "fastd" or "wireguard"/);
  assert.throws(() => read('{ fastd: {}, registration: {} }'), /vpn\.registration.*"accept: known"/);
  read('{ fastd: { accept: known }, registration: {} }');
  read('{ wireguard: {}, registration: { port: 80, approve: all, limit: 10 } }');
});
