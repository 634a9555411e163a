import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Documents,
  graphJson,
  meshviewerJson,
  NodeBook,
  nodelistJson,
  nodeMetrics,
  nodesJson,
  parseAnswer,
} from '@kith/gateway';
import fc from 'fast-check';
import { linksOf } from '../src/map/book.ts';
import { mapTime } from '../src/map/time.ts';

const NOW = 1_790_000_000_000;

interface Sketch {
  readonly id: string;
  readonly mac: string;
  readonly wireless?: string;
  readonly tunnel?: string;
  readonly gateway?: string;
  readonly hears?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function says(sketch: Sketch): Documents {
  const { id: node_id, mac, wireless, tunnel, gateway, hears = {} } = sketch;
  const interfaces = {
    wireless: wireless === undefined ? [] : [wireless],
    tunnel: tunnel === undefined ? [] : [tunnel],
  };
  const batadv = Object.fromEntries(
    Object.entries(hears).map(([own, others]) => [
      own,
      { neighbours: Object.fromEntries(Object.entries(others).map(([other, tq]) => [other, { tq }])) },
    ]),
  );
  return parseAnswer(
    JSON.stringify({
      nodeinfo: {
        node_id,
        hostname: `router-${node_id}`,
        network: { mac, mesh: { bat0: { interfaces } } },
        location: { latitude: 1, longitude: 2 },
      },
      statistics: {
        node_id,
        uptime: 60,
        clients: { total: 5, wifi24: 2, wifi5: 2 },
        gateway,
        memory: { total: 100, available: 25 },
      },
      neighbours: { node_id, batadv },
    }),
  ).documents;
}

/** A gateway, a router with a tunnel to it, and one behind that over the air. */
function village(): NodeBook {
  const book = new NodeBook();
  book.take(
    says({
      id: 'gw',
      mac: '02:00:00:00:00:10',
      tunnel: '02:00:00:00:00:11',
      hears: { '02:00:00:00:00:11': { '02:00:00:00:00:21': 204 } },
    }),
    NOW,
  );
  book.take(
    says({
      id: 'near',
      mac: '02:00:00:00:00:20',
      tunnel: '02:00:00:00:00:21',
      wireless: '02:00:00:00:00:22',
      gateway: '02:00:00:00:00:11',
      hears: { '02:00:00:00:00:21': { '02:00:00:00:00:11': 255 }, '02:00:00:00:00:22': { '02:00:00:00:00:32': 51 } },
    }),
    NOW,
  );
  book.take(says({ id: 'far', mac: '02:00:00:00:00:30', wireless: '02:00:00:00:00:32' }), NOW);
  return book;
}

test('links join what both ends say, know their kind, and stand once', () => {
  assert.deepEqual(
    linksOf(village().nodes).map(({ type, source, target, sourceQuality, targetQuality }) => [
      type,
      source,
      target,
      sourceQuality,
      targetQuality,
    ]),
    [
      ['vpn', 'gw', 'near', 0.8, 1],
      ['wifi', 'near', 'far', 0.2, null],
    ],
  );
});

test('the files of maps tell the same routers and links', () => {
  const book = village();
  const [nodes, graph, viewer, list] = [nodesJson, graphJson, meshviewerJson, nodelistJson].map((make) =>
    JSON.parse(JSON.stringify(make(book, NOW))),
  );
  assert.deepEqual([nodes.version, nodes.nodes.length, nodes.timestamp], [2, 3, '2026-09-21T14:13:20+0000']);
  assert.deepEqual(
    nodes.nodes.map((each: { nodeinfo: { node_id: string }; flags: unknown }) => [each.nodeinfo.node_id, each.flags]),
    [
      ['far', { online: true, gateway: false }],
      ['gw', { online: true, gateway: true }],
      ['near', { online: true, gateway: false }],
    ],
  );
  assert.deepEqual(
    graph.batadv.links.map(
      ({ tq, type, bidirect, source }: { tq: number; type: string; bidirect: boolean; source: number }) => [
        graph.batadv.nodes[source].node_id,
        tq,
        type,
        bidirect,
      ],
    ),
    [
      ['gw', 1.25, 'tunnel', true],
      ['near', 5, 'wireless', false],
    ],
  );
  const near = viewer.nodes.find((each: { node_id: string }) => each.node_id === 'near');
  assert.deepEqual(
    [near.gateway, near.clients, near.clients_other, near.memory_usage, near.uptime],
    ['gw', 5, 1, 0.75, '2026-09-21T14:12:20+0000'],
  );
  assert.deepEqual(
    viewer.links.map((each: { source_tq: number; target_tq: number }) => [each.source_tq, each.target_tq]),
    [
      [0.8, 1],
      [0.2, 0.2],
    ],
  );
  assert.deepEqual(
    [list.version, list.nodes[1].node_type, list.nodes[0].position],
    ['1.0.0', 'gateway', { lat: 1, long: 2 }],
  );
});

test('a silent router goes offline, loses its links and is forgotten in the end', () => {
  const book = village();
  book.take(says({ id: 'gw', mac: '02:00:00:00:00:10', tunnel: '02:00:00:00:00:11' }), NOW + 590_000);
  const later = JSON.parse(JSON.stringify(meshviewerJson(book, NOW + 600_000)));
  assert.deepEqual(
    later.nodes.map((each: { node_id: string; is_online: boolean; clients: number }) => [
      each.node_id,
      each.is_online,
      each.clients,
    ]),
    [
      ['far', false, 0],
      ['gw', true, 5],
      ['near', false, 0],
    ],
  );
  assert.deepEqual(later.links, []);
  assert.deepEqual(book.prune(NOW + 7 * 86_400_000), ['far', 'near']);
  assert.deepEqual(
    book.nodes.map(({ id }) => id),
    ['gw'],
  );
});

test('a router with the id of another one is told and does not take its place while that one speaks', () => {
  const book = village();
  const twin = says({ id: 'gw', mac: '02:00:00:00:00:99' });
  assert.equal(book.take(twin, NOW + 1000), 'twin');
  assert.equal(book.nodes.find(({ id }) => id === 'gw')?.nodeinfo?.network.mac, '02:00:00:00:00:10');
  assert.equal(book.take(twin, NOW + 600_000), 'known');
});

test('a flood of invented routers fills the book and no more', () => {
  const book = new NodeBook({ most: 3, offlineAfter: 1, forgetAfter: 2 });
  const taken = ['a', 'b', 'c', 'd', 'a'].map((id) => book.take(says({ id, mac: '02:00:00:00:00:01' }), NOW));
  assert.deepEqual(taken, ['new', 'new', 'new', 'full', 'known']);
});

test('dates are those of the calendar', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 8_000_000_000_000 }), (ms) => {
      assert.equal(mapTime(ms), new Date(ms).toISOString().replace(/\.\d+Z$/, '+0000'));
    }),
  );
});

test('figures have names with help and type once, a sample for what is known, and no series twice', () => {
  const book = village();
  book.take(parseAnswer(JSON.stringify({ nodeinfo: { node_id: 'odd', hostname: 'a"b\\c' } })).documents, NOW);
  const text = nodeMetrics(book, NOW);
  const lines = text.trimEnd().split('\n');
  for (const line of lines) {
    assert.match(
      line,
      /^(?:# (?:HELP|TYPE) kith_[a-z_]+ .+|kith_[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? -?[\d.e+]+)$/,
    );
  }
  const samples = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.equal(new Set(samples).size, samples.length);
  const types = lines.filter((line) => line.startsWith('# TYPE'));
  assert.equal(new Set(types).size, types.length);
  assert.match(text, /^kith_nodes 4$/m);
  assert.match(text, /^kith_node_info\{node="odd",hostname="a\\"b\\\\c",.*gateway="false"\} 1$/m);
  assert.match(text, /^kith_node_clients\{node="near",band="other"\} 1$/m);
  assert.match(text, /^kith_link_quality_ratio\{source="near",target="gw",.*type="vpn"\} 1$/m);
  assert.doesNotMatch(text, /kith_node_uptime_seconds\{node="odd"/);
});
