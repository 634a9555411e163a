/** Settings of the interface and the check against what the machine uses already. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KithError, parseAddress, parsePrefix } from '@kith/core';
import { interfaceBatch, mtuFor, refuseOverlap, usedPrefixes } from '../src/interface.ts';

const ADDRESSES = [
  {
    ifname: 'lo',
    addr_info: [
      { family: 'inet', local: '127.0.0.1', prefixlen: 8 },
      { family: 'inet6', local: '::1', prefixlen: 128 },
    ],
  },
  {
    ifname: 'eth0',
    addr_info: [
      { family: 'inet', local: '192.168.1.7', prefixlen: 24 },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64 },
    ],
  },
  { ifname: 'kith0', addr_info: [{ family: 'inet', local: '10.77.0.1', prefixlen: 16 }] },
];
const ROUTES = [
  { dst: 'default', gateway: '192.168.1.1', dev: 'eth0' },
  { dst: '10.9.0.0/16', dev: 'tun3' },
  { dst: '10.20.0.1', dev: 'eth0' },
  { dst: '10.77.0.0/16', dev: 'kith0' },
  { type: 'unreachable', dst: '10.88.0.0/16' },
  { dst: '10.30.0.0/16', nexthops: [{ via: '192.168.1.2', dev: 'eth0' }] },
];

describe('interface', () => {
  it('leaves room for padding, relay, tunnel, UDP and IPv6', () => {
    assert.equal(mtuFor(1500), 1392);
    assert.equal(mtuFor(1492), 1392);
    assert.equal(mtuFor(1380), 1280);
    for (let underlay = 1280; underlay < 1600; underlay++) {
      const padded = Math.ceil(mtuFor(underlay) / 16) * 16;
      assert(padded + 32 + 20 + 8 + 40 <= underlay);
    }
  });

  it('is set up by one batch', () => {
    const settings = {
      name: 'kith0',
      mtu: 1280,
      addresses: [
        { address: parseAddress('10.77.0.1'), length: 16 },
        { address: parseAddress('fd00::1'), length: 48 },
      ],
      routes: [parsePrefix('10.99.0.0/24')],
    };
    assert.deepEqual(interfaceBatch(settings).split('\n'), [
      'link set dev kith0 mtu 1280 up',
      'address replace 10.77.0.1/16 dev kith0',
      'address replace fd00::1/48 dev kith0 nodad',
      'route replace 10.99.0.0/24 dev kith0',
      '',
    ]);
  });

  it('takes no name that could be more than a name', () => {
    for (const name of ['', 'a b', 'x\nlink del lo', '-x', 'a123456789012345']) {
      const settings = { name, mtu: 1280, addresses: [], routes: [] };
      assert.throws(() => interfaceBatch(settings), { code: 'INTERFACE_FAILED' });
    }
  });

  it('knows the prefixes of the machine apart from its own interface and default routes', () => {
    assert.deepEqual(
      usedPrefixes(ADDRESSES, ROUTES, 'kith0').map(({ interfaceName, prefix }) => `${interfaceName} ${prefix}`),
      [
        'lo 127.0.0.0/8',
        'lo ::1/128',
        'eth0 192.168.1.0/24',
        'eth0 fe80::/64',
        'tun3 10.9.0.0/16',
        'eth0 10.20.0.1/32',
        'eth0 10.30.0.0/16',
      ],
    );
    assert.deepEqual(usedPrefixes(null, [{ dst: 7 }, null, { dev: 'x', dst: 'nonsense/99' }], 'kith0'), []);
  });

  it('refuses a prefix that overlaps, wider or narrower, and names both with the interface', () => {
    const used = usedPrefixes(ADDRESSES, ROUTES, 'kith0');
    for (const [wanted, clash] of [
      ['10.0.0.0/8', '10.9.0.0/16 on interface tun3'],
      ['10.9.3.0/24', '10.9.0.0/16 on interface tun3'],
      ['192.168.0.0/16', '192.168.1.0/24 on interface eth0'],
    ] as const) {
      assert.throws(
        () => refuseOverlap([parsePrefix('10.77.0.0/16'), parsePrefix(wanted)], used),
        (error) => {
          assert(error instanceof KithError && error.code === 'PREFIX_OVERLAP');
          assert(error.message.includes(wanted) && error.message.includes(clash), error.message);
          return true;
        },
      );
    }
    refuseOverlap(['10.77.0.0/16', 'fd00::/48', '0.0.0.0/0', '::/0'].map(parsePrefix), used);
  });
});
