import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type GatewayDomain,
  NodeBook,
  nodesJson,
  type OwnMesh,
  ownNeighbours,
  ownNodeinfo,
  ownStatistics,
  parseAnswer,
} from '@kith/gateway';
import { gatewayFrom, LARGE } from '../../../gateway/test/sample.ts';
import { said } from './router.ts';

const GATEWAY = gatewayFrom(LARGE);
const CORK: GatewayDomain = GATEWAY.domains.find(({ domain }) => domain.code === 'cork') ?? assert.fail();
const NODE = '02:00:00:00:00:77';

const MESH: OwnMesh = {
  version: '2023.1',
  ports: [
    { name: 'fd-cork', address: CORK.macs.fastd },
    { name: 'dum-cork', address: CORK.macs.dummy },
  ],
  heard: [{ port: 'fd-cork', address: NODE, tq: 251, lastSeen: 400, best: true }],
};

function documents(mesh: OwnMesh | null) {
  const machine = { version: '1.2.3', model: 'VM', cores: 2, addresses: ['fe80::1', '2001:678:358::2'] };
  const flow = { bytes: 1, packets: 1 };
  const load = {
    time: 1_790_000_000,
    uptime: 100,
    idle: 190,
    load: 0.5,
    processes: { running: 1, total: 99 },
    memory: { total: 2e6, free: 1e6, available: 1.5e6, buffers: 0, cached: 0 },
    rootUsed: 0.25,
    clients: 7,
    traffic: { rx: flow, tx: flow },
  };
  return {
    nodeinfo: ownNodeinfo(GATEWAY, CORK, machine, mesh),
    statistics: ownStatistics(CORK, load),
    neighbours: ownNeighbours(CORK, mesh),
  };
}

for (const [what, mesh] of [
  ['with batman-adv', MESH],
  ['without batman-adv', null],
] as const) {
  test(`what a gateway says ${what} is read by a collector without a complaint`, () => {
    const own = documents(mesh);
    const { documents: read, oddities } = parseAnswer(JSON.stringify(own));
    assert.deepEqual(oddities, []);
    assert.deepEqual(JSON.parse(JSON.stringify(read.nodeinfo)).system, {
      site_code: 'fmie',
      domain_code: 'cork',
      role: 'gateway',
    });
    assert.equal(read.nodeinfo?.owner?.contact, 'hello@freemesh.example');
    assert.equal(read.statistics?.clients?.total, 7);
    assert.equal(Object.keys(read.neighbours?.batadv ?? {}).length, mesh === null ? 0 : 2);
  });
}

test('a router that has chosen this gateway makes it one on the map, with the link between the two', () => {
  const book = new NodeBook();
  book.take(parseAnswer(JSON.stringify(documents(MESH))).documents, 0);
  const chosen = said('near', NODE, { [CORK.macs.fastd]: 255 }, CORK.macs.dummy);
  book.take(parseAnswer(JSON.stringify(chosen)).documents, 0);
  const { nodes } = JSON.parse(JSON.stringify(nodesJson(book, 0)));
  const own = nodes.find((each: { nodeinfo: { hostname: string } }) => each.nodeinfo.hostname === 'tower');
  assert.deepEqual(own.flags, { online: true, gateway: true });
});
