/** What the programs are told, for kinds of links too that a kernel may not have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatmanValue, LinkValue, WireGuardValue } from '@kith/gateway';
import { changingOf, makingOf } from '../../src/apply/change/links.ts';
import { batmanCommands, wireGuardArguments } from '../../src/apply/change/mesh.ts';

const ALONE = { up: true, mac: null, mtu: 1376, master: null, port: null } as const;
const BRIDGE: LinkValue = { ...ALONE, type: 'bridge', mac: '02:00:00:00:00:01', mtu: 1500, multicastQuerier: true };
const PORT: LinkValue = {
  type: 'adopted',
  up: true,
  mac: '02:00:00:00:00:02',
  mtu: 1500,
  master: 'br-a',
  port: { isolated: false, multicastRouter: 2 },
};

const MADE: readonly (readonly [string, LinkValue, readonly string[]])[] = [
  [
    'br-a',
    BRIDGE,
    ['link add name br-a address 02:00:00:00:00:01 mtu 1500 type bridge mcast_querier 1', 'link set dev br-a up'],
  ],
  ['wg-a', { ...ALONE, type: 'wireguard' }, ['link add name wg-a mtu 1376 type wireguard', 'link set dev wg-a up']],
  [
    'fd-a',
    { ...ALONE, type: 'tap', master: 'bat-a' },
    [
      'tuntap add dev fd-a mode tap',
      'link set dev fd-a mtu 1376',
      'link set dev fd-a master bat-a',
      'link set dev fd-a up',
    ],
  ],
  [
    'bat-a',
    { ...ALONE, type: 'batadv', algorithm: 'BATMAN_V', mtu: 1500, master: 'br-a', port: PORT.port },
    [
      'link add name bat-a mtu 1500 type batadv ra BATMAN_V',
      'link set dev bat-a master br-a',
      'link set dev bat-a type bridge_slave isolated off mcast_router 2',
      'link set dev bat-a up',
    ],
  ],
  [
    'vx-a',
    {
      ...ALONE,
      type: 'vxlan',
      vni: 7,
      underlay: 'wg-a',
      local: 'fe80::1',
      destinationPort: 4789,
      zeroChecksum: true,
      up: false,
    },
    ['link add name vx-a mtu 1376 type vxlan id 7 dev wg-a local fe80::1 dstport 4789 udp6zerocsumtx udp6zerocsumrx'],
  ],
];

for (const [name, value, lines] of MADE) {
  test(`a ${value.type} is made in one go`, () => assert.deepEqual(makingOf(name, value), lines));
}

test('of an interface of the machine only its place and whether it is up are changed', () => {
  const before: LinkValue = { ...PORT, up: false, master: null, port: null };
  assert.deepEqual(changingOf('eth1', before, { ...PORT, mac: null, mtu: null }), [
    'link set dev eth1 master br-a',
    'link set dev eth1 type bridge_slave isolated off mcast_router 2',
    'link set dev eth1 up',
  ]);
  assert.deepEqual(changingOf('eth1', PORT, { ...before, mtu: 9000 }), [
    'link set dev eth1 nomaster',
    'link set dev eth1 down',
  ]);
});

test('of a link that is kith’s only what differs is set', () => {
  assert.deepEqual(changingOf('br-a', BRIDGE, BRIDGE), []);
  assert.deepEqual(changingOf('br-a', { ...BRIDGE, mtu: 1400, mac: '02:00:00:00:00:03' }, BRIDGE), [
    'link set dev br-a address 02:00:00:00:00:01',
    'link set dev br-a mtu 1500',
  ]);
});

const MESH: BatmanValue = {
  gatewayMode: 'server',
  down: 100_000,
  up: 20_000,
  originatorInterval: 5000,
  hopPenalty: 60,
  bridgeLoopAvoidance: false,
  distributedArpTable: true,
  multicastForceFlood: false,
};

test('batman-adv is told everything once and later what differs', () => {
  assert.equal(batmanCommands(null, MESH).length, 6);
  assert.deepEqual(batmanCommands(MESH, MESH), []);
  assert.deepEqual(batmanCommands({ ...MESH, hopPenalty: 30 }, MESH), [['hop_penalty', '60']]);
  assert.deepEqual(batmanCommands({ ...MESH, gatewayMode: 'off' }, MESH), [
    ['gw_mode', 'server', '100000kbit/20000kbit'],
  ]);
});

test('a gateway that is taken out does not announce itself meanwhile', () => {
  assert.deepEqual(batmanCommands(MESH, { ...MESH, gatewayMode: 'off' }), [['gw_mode', 'off']]);
});

test('bandwidths of a gateway that is off are set all the same, or its plan would never be empty', () => {
  const off: BatmanValue = { ...MESH, gatewayMode: 'off' };
  assert.deepEqual(batmanCommands({ ...off, down: 10_000 }, off), [
    ['gw_mode', 'server', '100000kbit/20000kbit'],
    ['gw_mode', 'off'],
  ]);
});

test('WireGuard gets its key by name, new routers, and loses those that are gone', () => {
  const peer = (publicKey: string) => ({ publicKey, allowed: ['fe80::1/128', 'fe80::2/128'] });
  const before: WireGuardValue = { publicKey: 'k', listenPort: 1, peers: [peer('a'), peer('b')] };
  const after: WireGuardValue = { publicKey: 'k', listenPort: 51820, peers: [peer('b')] };
  assert.deepEqual(wireGuardArguments(before, after, '/s/wireguard.key'), [
    ...['listen-port', '51820', 'private-key', '/s/wireguard.key', 'peer', 'a', 'remove'],
    ...['peer', 'b', 'allowed-ips', 'fe80::1/128,fe80::2/128'],
  ]);
});
