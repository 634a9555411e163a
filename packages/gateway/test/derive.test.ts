import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressBytes, parsePrefix, prefixContains, prefixOf, readUint32BE } from '@kith/core';
import { linkLocalOfMac, namesOf, vniOf, wireguardLinkLocal } from '@kith/gateway';
import fc from 'fast-check';
import { macFor, prefix4For, prefix6For } from '../src/derive/hashes.ts';
import { fastdMtu, payloadMtu, sizesFor, vxlanMtu, wireguardMtu } from '../src/derive/mtu.ts';
import { addressAt, gatewayAddress, poolOf, poolSize, sizeOf } from '../src/derive/pools.ts';
import { conntrackFor, leaseFor, neighboursFor } from '../src/derive/tuning.ts';
import { gatewayFrom, hostNamed, LARGE, ROUTER_KEY, SMALL } from './sample.ts';

function number(address: Address): number {
  return readUint32BE(addressBytes(address), 0);
}

const prefixes4 = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 8, max: 26 }))
  .map(([start, length]) => {
    const bytes = [24, 16, 8, 0].map((shift) => (start >>> shift) & 255);
    return prefixOf(bytes.join('.') as Address, length);
  });

test('pools of gateways are disjoint, inside the prefix, and hold no address that is kept', () => {
  fc.assert(
    fc.property(prefixes4, fc.integer({ min: 1, max: 64 }), (prefix, slots) => {
      fc.pre(poolSize(prefix, slots) > 0);
      let last = number(gatewayAddress(prefix, slots - 1));
      for (let slot = 0; slot < slots; slot++) {
        const pool = poolOf(prefix, slots, slot);
        assert.ok(number(pool.first) > last, 'begins after what was before');
        assert.equal(number(pool.last) - number(pool.first) + 1, pool.size);
        assert.ok(prefixContains(prefix, pool.first) && prefixContains(prefix, pool.last));
        last = number(pool.last);
      }
      assert.ok(last < number(addressAt(prefix, sizeOf(prefix) - 1)), 'the broadcast address is in none');
    }),
  );
});

test('the gateways of one file have addresses, pools and hardware addresses of their own', () => {
  const [tower, cave] = ['tower', 'cave'].map((name) => gatewayFrom(LARGE, hostNamed(name)).domains);
  for (const [place, domain] of (tower ?? []).entries()) {
    const other = cave?.[place];
    assert.ok(other !== undefined);
    assert.notEqual(domain.address4, other.address4);
    assert.notEqual(domain.address6, other.address6);
    assert.ok(number(domain.pool.last) < number(other.pool.first));
    assert.deepEqual(
      Object.values(domain.macs).filter((mac) => Object.values(other.macs).includes(mac)),
      [],
    );
  }
});

test('an address is counted from the start of its prefix over all bytes', () => {
  assert.equal(addressAt(parsePrefix('10.255.255.0/24'), 255), '10.255.255.255');
  assert.equal(addressAt(parsePrefix('10.0.0.0/8'), 256 * 256 + 255), '10.1.0.255');
  assert.equal(addressAt(parsePrefix('fd00::/64'), 65_535 + 2), 'fd00::1:1');
});

// Gluon's documentation on MTU; https://gluon.readthedocs.io: payloads over an underlay of 1436 and 1500 bytes, IPv4.
const PAYLOADS: readonly (readonly [what: string, payload: number, expected: number])[] = [
  ['fastd with its usual 1312', payloadMtu(1312), 1280],
  ['WireGuard with its usual 1376', payloadMtu(vxlanMtu(1376)), 1274],
  ['fastd over 1436', payloadMtu(fastdMtu(1436, 4, 'salsa2012+umac')), 1338],
  ['fastd over 1500', payloadMtu(fastdMtu(1500, 4, 'null+salsa2012+umac')), 1402],
  ['L2TP of fastd over 1436', payloadMtu(fastdMtu(1436, 4, 'null@l2tp')), 1354],
  ['WireGuard over 1436', payloadMtu(vxlanMtu(wireguardMtu(1436, 4))), 1274],
  ['WireGuard over 1500', payloadMtu(vxlanMtu(wireguardMtu(1500, 4))), 1338],
  ['WireGuard over 1500, IPv6', payloadMtu(vxlanMtu(wireguardMtu(1500, 6))), 1318],
];

for (const [what, payload, expected] of PAYLOADS) {
  test(`${what} leaves ${expected} bytes to a client`, () => assert.equal(payload, expected));
}

const SIZES: readonly (readonly [ways: readonly number[], client: number, mss4: number, mss6: number])[] = [
  [[1500], 1500, 1460, 1440],
  [[1500, 1274], 1280, 1234, 1214],
  [[1500, 1280], 1280, 1240, 1220],
  [[1500, 1338], 1338, 1298, 1278],
  [[1354, 1500], 1354, 1314, 1294],
  [[1492], 1492, 1452, 1432],
  [[9000], 1500, 1460, 1440],
];

for (const [ways, client, mss4, mss6] of SIZES) {
  test(`ways of ${ways.join(' and ')} bytes: clients have ${client}, segments ${mss4} and ${mss6}`, () => {
    assert.deepEqual(sizesFor(ways), { client, mss4, mss6 });
  });
}

test("a tunnel's network id is the one that Gluon's routers compute", () => {
  assert.equal(vniOf('0'.repeat(64)), 6_761_335);
  assert.equal(vniOf('0123456789ABCDEF'.repeat(4)), 212_190);
});

test("a router's address in the tunnel is the one that Gluon gives it for its key", () => {
  assert.equal(wireguardLinkLocal(ROUTER_KEY), 'fe80::23d:c6ff:fea5:fe50');
});

test('a link-local address has the hardware address in it, with the universal bit turned', () => {
  assert.equal(linkLocalOfMac('02:11:22:33:44:55'), 'fe80::11:22ff:fe33:4455');
});

test('hardware addresses are local, of one machine, and differ by community, domain, gateway and role', () => {
  const seen = new Set<string>();
  for (const community of ['a', 'b'])
    for (const domain of ['c', 'd'])
      for (const gateway of ['0', '1'])
        for (const role of ['bridge', 'dummy']) seen.add(macFor(community, domain, gateway, role));
  assert.equal(seen.size, 16);
  for (const mac of seen) assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
});

test('prefixes that nobody chose are drawn from the names, apart from those that are taken', () => {
  const first = prefix4For('fmie', 'dublin', []);
  assert.ok(first !== null);
  assert.equal(prefix4For('fmie', 'dublin', []), first);
  assert.notEqual(prefix4For('fmie', 'dublin', [first]), first);
  assert.equal(prefix4For('fmie', 'dublin', [parsePrefix('10.0.0.0/8')]), null);
  assert.match(prefix6For('fmie', 'dublin'), /^fd[0-9a-f:]+::\/64$/);
  assert.notEqual(prefix6For('fmie', 'dublin'), prefix6For('fmie', 'cork'));
});

test('names of interfaces fit the kernel for the longest code', () => {
  for (const name of Object.values(namesOf('abcdefghij'))) assert.ok(name.length <= 15, name);
});

test('a lease is short where the pool is small or another gateway stands by', () => {
  assert.equal(leaseFor(16_000, 1), 3600);
  assert.equal(leaseFor(16_000, 2), 600);
  assert.equal(leaseFor(50, 1), 600);
  assert.equal(gatewayFrom(LARGE).domains[1]?.lease, 300, 'the file has the last word');
});

test("limits of the kernel grow with the clients and stay within the machine's memory", () => {
  assert.deepEqual(neighboursFor(100), { thresh1: 1024, thresh2: 2048, thresh3: 4096 });
  assert.deepEqual(neighboursFor(16_319), { thresh1: 8192, thresh2: 16_384, thresh3: 32_768 });
  assert.equal(conntrackFor(100, 2 ** 33), 65_536);
  assert.equal(conntrackFor(16_319, 2 ** 30), 262_144);
  assert.equal(conntrackFor(16_319, 2 ** 34), 2_097_152);
  assert.equal(conntrackFor(16_319, 2 ** 20), 32_768);
});

test("a host that the file's list of gateways does not name is told so", () => {
  assert.throws(
    () => gatewayFrom(LARGE, hostNamed('attic')),
    /this host is "attic", the file's gateways are tower, cave/,
  );
});

test('an exit through the mesh needs a mesh, and has its MTU', () => {
  const text = SMALL.replace('exit: eth0', 'exit: { members: [tower] }');
  assert.throws(() => gatewayFrom(text, hostNamed('pi', { mesh: null })), /the mesh is not up/);
  assert.deepEqual(gatewayFrom(text).domains[0]?.sizes, { client: 1280, mss4: 1240, mss6: 1220 });
});
