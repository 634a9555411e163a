/** What the programs list, and whatever else may come from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KithError } from '@kith/core';
import { linkItem, parseLinks } from '../../src/observe/links.ts';
import { parseDump } from '../../src/observe/mesh.ts';
import { parseAddresses, parseForwarding, parseRoutes, parseRules } from '../../src/observe/routing.ts';
import { parseTable } from '../../src/observe/tables.ts';

const BASICS = { flags: ['BROADCAST', 'UP'], mtu: 1500, link_type: 'ether', address: '02:00:00:00:00:01' };
const COMMON = { up: true, mac: '02:00:00:00:00:01', mtu: 1500, master: null, port: null };

async function valueOf(link: object): Promise<unknown> {
  const [found] = parseLinks(JSON.stringify([{ ...BASICS, ifname: 'x', ...link }]));
  return (await linkItem(found))?.value;
}

test('links are told by their kind, and the machine’s own are adopted', async () => {
  assert.deepEqual(await valueOf({}), { ...COMMON, type: 'adopted' });
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'veth' } }), { ...COMMON, type: 'adopted' });
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'dummy' } }), { ...COMMON, type: 'dummy' });
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'bridge', info_data: { mcast_querier: 1 } } }), {
    ...COMMON,
    type: 'bridge',
    multicastQuerier: true,
  });
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'tun', info_data: { type: 'tap' } } }), {
    ...COMMON,
    type: 'tap',
  });
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'tun', info_data: { type: 'tun' } } }), {
    ...COMMON,
    type: 'adopted',
  });
  assert.deepEqual(
    await valueOf({ flags: [], link_type: 'none', address: undefined, linkinfo: { info_kind: 'wireguard' } }),
    { ...COMMON, type: 'wireguard', up: false, mac: null },
  );
});

test('a VXLAN and a port of a bridge are told with what makes them so', async () => {
  const info_data = {
    ...{ id: 7, link: 'wg-a', local6: 'fe80::1', port: 4789 },
    ...{ udp_zero_csum6_tx: true, udp_zero_csum6_rx: true },
  };
  assert.deepEqual(await valueOf({ linkinfo: { info_kind: 'vxlan', info_data } }), {
    ...COMMON,
    ...{ type: 'vxlan', vni: 7, underlay: 'wg-a', local: 'fe80::1', destinationPort: 4789, zeroChecksum: true },
  });
  const slave = { info_slave_kind: 'bridge', info_slave_data: { isolated: true, multicast_router: 2 } };
  assert.deepEqual(await valueOf({ master: 'br-a', linkinfo: { info_kind: 'veth', ...slave } }), {
    ...COMMON,
    ...{ type: 'adopted', master: 'br-a', port: { isolated: true, multicastRouter: 2 } },
  });
});

test('routes have the names that a plan gives them', () => {
  const json = JSON.stringify([
    { type: 'unreachable', dst: 'default', dev: 'lo', metric: 4_278_198_272, flags: [] },
    { dst: 'default', gateway: 'fe80::1', dev: 'eth0', metric: 1024 },
    { dst: 'fd00::9', dev: 'br-a' },
    { type: 'blackhole', dst: 'fd01::/16' },
  ]);
  assert.deepEqual(
    parseRoutes(json, 6, 42).map(({ name, value: { device, via } }) => [name, device, via]),
    [
      ['6 42 unreachable', null, null],
      ['6 42 default', 'eth0', 'fe80::1'],
      ['6 42 fd00::9/128', 'br-a', null],
    ],
  );
  assert.deepEqual(parseRoutes('', 4, 42), []);
});

test('rules of others are not taken for ours', () => {
  const json = JSON.stringify([
    { priority: 0, src: 'all', table: 'local' },
    { priority: 31_000, src: 'all', iif: 'br-a', table: '42' },
    { priority: 31_001, src: 'all', iif: 'br-a', action: 'unreachable' },
    { priority: 31_002, src: 'all', iif: 'br-a', table: 'mullvad' },
    { priority: 32_766, src: 'all', table: 'main' },
  ]);
  assert.deepEqual(
    parseRules(json, 4).map(({ name, value: { action } }) => [name, action]),
    [
      ['4 31000', { lookup: 42 }],
      ['4 31001', 'unreachable'],
    ],
  );
});

test('of a VXLAN only what was set by hand is told', () => {
  const json = JSON.stringify([
    { mac: '00:00:00:00:00:00', dst: 'fe80::5', viaIf: 'wg-a', flags: ['self'], state: 'permanent' },
    { mac: '02:00:00:00:00:05', dst: 'fe80::5', flags: ['self'], state: '' },
    { mac: '33:33:00:00:00:01', flags: ['self'], state: 'permanent' },
  ]);
  assert.deepEqual(
    parseForwarding(json, 'vx-a').map(({ name }) => name),
    ['vx-a fe80::5'],
  );
});

test('WireGuard’s private key is passed over', () => {
  const dump =
    'SECRET\tPUBLIC\t51820\toff\nPEER\t(none)\t(none)\tfe80::1/128\t0\t0\t0\toff\nNEW\t(none)\t(none)\t(none)\t0\t0\t0\toff\n';
  const value = parseDump(dump);
  assert.deepEqual(value, {
    publicKey: 'PUBLIC',
    listenPort: 51_820,
    peers: [
      { publicKey: 'PEER', allowed: ['fe80::1/128'] },
      { publicKey: 'NEW', allowed: [] },
    ],
  });
  assert.equal(parseDump('(none)\t(none)\t0\toff\n'), null);
});

const PARSERS: Readonly<Record<string, (json: string) => unknown>> = {
  links: parseLinks,
  addresses: parseAddresses,
  routes: (json) => parseRoutes(json, 4, 42),
  rules: (json) => parseRules(json, 4),
  'entries of a VXLAN': (json) => parseForwarding(json, 'vx-a'),
  'a table': (json) => parseTable(json, 'kith'),
};
const KEYS = ['ifname', 'flags', 'mtu', 'linkinfo', 'info_kind', 'dst', 'priority', 'iif', 'table', 'nftables', 'rule'];

for (const [what, parse] of Object.entries(PARSERS)) {
  test(`whatever comes instead of ${what}, nothing but typed errors come out`, () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .array(fc.object({ key: fc.constantFrom(...KEYS), maxDepth: 3 }), { maxLength: 3 })
        .map((v) => JSON.stringify(v)),
      fc.object({ key: fc.constantFrom(...KEYS), maxDepth: 3 }).map((v) => JSON.stringify({ nftables: [v] })),
    );
    fc.assert(
      fc.property(anything, (json) => {
        try {
          parse(json);
        } catch (error) {
          assert.ok(error instanceof KithError && error.code === 'HOST_ANSWER_INVALID', String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
}
