import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import * as fc from 'fast-check';
import { Answer } from '../../src/answer.ts';
import * as tables from '../../src/batman/tables.ts';

const MAC = 'd6:e0:84:19:ef:7b';
const FLAGS = '{"del": false,"roam": false,"wifi": true,"isolated": false,"nopurge": true,"new": false,"raw": 256}';
const MESH =
  `{"version":"2022.3","algo_name":"BATMAN_IV","mesh_ifindex":3,"mesh_ifname":"bat0","mesh_address":"${MAC}",` +
  '"hard_ifindex":2,"hard_ifname":"cb","hard_address":"76:23:1d:b3:1c:5c","tt_ttvn":2,"bla_crc":58161,' +
  '"aggregated_ogms_enabled":true,"ap_isolation_enabled":false,"bridge_loop_avoidance_enabled":false,' +
  '"distributed_arp_table_enabled":true,"fragmentation_enabled":true,"gw_bandwidth_down":500,"gw_bandwidth_up":100,' +
  '"gw_mode":"server","gw_sel_class":20,"hop_penalty":30,"multicast_forceflood_enabled":false,"orig_interval":1000}';

function answer(text: string): Answer {
  return Answer.parse(text, 'batctl');
}

function refused(read: () => unknown, pattern: RegExp): void {
  assert.throws(
    read,
    (error) => error instanceof KithError && error.code === 'HOST_ANSWER_INVALID' && pattern.test(error.message),
  );
}

test('the settings of an interface are read, bandwidths in kbit/s', () => {
  assert.deepEqual(tables.parseMesh(answer(MESH)), {
    version: '2022.3',
    algorithm: 'BATMAN_IV',
    address: MAC,
    primary: { interface: 'cb', address: '76:23:1d:b3:1c:5c' },
    gatewayMode: 'server',
    down: 50_000,
    up: 10_000,
    originatorInterval: 1000,
    hopPenalty: 30,
    isolation: false,
    bridgeLoopAvoidance: false,
    distributedArpTable: true,
    fragmentation: true,
    multicastForceFlood: false,
  });
  const alone = tables.parseMesh(answer(MESH.replace(/"hard_ifindex".*?1c:5c",/, '')));
  assert.equal(alone.primary, null);
});

test('ways are told apart by what their algorithm measures', () => {
  const way = (measure: string): string =>
    `[{"hard_ifindex":2,"hard_ifname":"cb","orig_address":"${MAC}","best":true,"last_seen_msecs":940,"neigh_address":"${MAC}",${measure}}]`;
  const [iv] = tables.parseOriginators(answer(way('"tq":3')));
  assert.deepEqual(iv, {
    address: MAC,
    nextHop: MAC,
    interface: 'cb',
    quality: { algorithm: 'BATMAN_IV', tq: 3 },
    lastSeen: 940,
    best: true,
  });
  const [v] = tables.parseOriginators(answer(way('"throughput":8823500').replace('"best":true,', '')));
  assert.deepEqual([v?.quality, v?.best], [{ algorithm: 'BATMAN_V', throughput: 8_823_500 }, false]);
  refused(() => tables.parseOriginators(answer(way('"tq":256'))), /"\[0\]\.tq" is no whole number from 0 to 255/);
  refused(() => tables.parseOriginators(answer(way('"x":1'))), /"\[0\]" has no "tq"/);
});

test("a gateway's throughput is in the unit of the others", () => {
  const text = `[{"hard_ifindex":2,"hard_ifname":"cb","orig_address":"${MAC}","best":true,"throughput":88235,"bandwidth_up":100,"bandwidth_down":500,"router":"${MAC}"}]`;
  const [gateway] = tables.parseGateways(answer(text));
  assert.deepEqual(gateway?.quality, { algorithm: 'BATMAN_V', throughput: 8_823_500 });
  assert.deepEqual([gateway?.down, gateway?.up], [50_000, 10_000]);
});

test('clients are read from both tables', () => {
  const common = `"tt_address":"${MAC}","tt_crc32":3455033144,"tt_vid":-1,"tt_flags":${FLAGS}`;
  assert.deepEqual(tables.parseLocalClients(answer(`[{${common}}]`)), [
    { address: MAC, vlan: null, wifi: true, roaming: false, lastSeen: null },
  ]);
  const remote = `[{"orig_address":"${MAC}",${common.replace('-1', '7')},"best":true},{"orig_address":"${MAC}",${common}}]`;
  assert.deepEqual(
    tables.parseRemoteClients(answer(remote)).map(({ vlan, best, originator }) => [vlan, best, originator]),
    [
      [7, true, MAC],
      [null, false, MAC],
    ],
  );
});

test('a table longer than any mesh is refused before it is read', () => {
  const text = JSON.stringify(new Array(tables.MOST_NODES + 1).fill({}));
  refused(() => tables.parseNeighbours(answer(text)), /has 4097 elements, 4096 are the most/);
});

const PARSERS = [
  tables.parseMesh,
  tables.parseHardInterfaces,
  tables.parseOriginators,
  tables.parseNeighbours,
  tables.parseGateways,
  tables.parseLocalClients,
  tables.parseRemoteClients,
];

/** Reads with every parser; only the error that is promised may come out. */
function readAll(text: string): void {
  for (const parse of PARSERS) {
    try {
      parse(answer(text));
    } catch (error) {
      assert.ok(error instanceof KithError && error.code === 'HOST_ANSWER_INVALID', String(error));
    }
  }
}

test('whatever comes, only errors of the registry come out', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), readAll));
  // Real answers with a value put out of place get further than texts at random.
  const record = {
    hard_ifname: 'cb',
    hard_address: MAC,
    orig_address: MAC,
    neigh_address: MAC,
    router: MAC,
    tt_address: MAC,
    tt_vid: 0,
    tt_flags: { wifi: true, roam: false },
    last_seen_msecs: 1,
    tq: 1,
    bandwidth_down: 1,
    bandwidth_up: 1,
    best: true,
  };
  const mesh: Record<string, unknown> = { ...record, ...Object(JSON.parse(MESH)) };
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(mesh)), fc.jsonValue(), (key, value) => {
      readAll(JSON.stringify({ ...mesh, [key]: value }));
      readAll(JSON.stringify([{ ...record, [key]: value }]));
    }),
  );
});
