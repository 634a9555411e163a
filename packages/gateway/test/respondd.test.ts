import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError, utf8 } from '@kith/core';
import { answerText, parseAnswer, parseRequest, requestText } from '@kith/gateway';
import fc from 'fast-check';

/** As a router with Gluon 2023.2 answers, shortened. */
const RECORDED = {
  nodeinfo: {
    node_id: '30b5c2c3d4e5',
    hostname: 'cork-roof',
    hardware: { model: 'TP-Link TL-WDR4300 v1', nproc: 1 },
    network: {
      mac: '30:b5:c2:c3:d4:e5',
      addresses: ['fe80::32b5:c2ff:fec3:d4e5', '2001:678:358::1234'],
      mesh: { bat0: { interfaces: { wireless: ['32:b5:c2:c3:d4:e1'], tunnel: ['32:b5:c2:c3:d4:e7'] } } },
      mesh_vpn: { provider: 'fastd', enabled: true },
    },
    software: {
      firmware: { base: 'gluon-v2023.2', release: '1.4' },
      autoupdater: { enabled: true, branch: 'stable' },
      'batman-adv': { version: '2023.1-openwrt-1', compat: 15 },
      fastd: { enabled: true, version: 'v22' },
    },
    system: { site_code: 'fmie', domain_code: 'cork', role: 'node' },
    location: { latitude: 51.9, longitude: -8.47 },
    owner: { contact: 'ada@example.org' },
  },
  statistics: {
    node_id: '30b5c2c3d4e5',
    time: 1_790_000_000,
    uptime: 86_400.52,
    loadavg: 0.12,
    rootfs_usage: 0.1,
    memory: { total: 126_000, free: 80_000, available: 90_000 },
    clients: { total: 7, wifi: 6, wifi24: 4, wifi5: 2 },
    traffic: { rx: { bytes: 1e12, packets: 1e9 }, tx: { bytes: 5e11 } },
    gateway: 'd6:06:41:7e:a3:5d',
    gateway_tq: 250,
  },
  neighbours: {
    node_id: '30b5c2c3d4e5',
    batadv: { '32:b5:c2:c3:d4:e7': { neighbours: { '86:00:1a:c2:68:c2': { tq: 251, lastseen: 0.4, best: true } } } },
  },
};

test('what a router says is read whole', () => {
  const { documents, oddities } = parseAnswer(JSON.stringify(RECORDED));
  assert.deepEqual(oddities, []);
  const { nodeinfo, statistics, neighbours } = documents;
  assert.equal(nodeinfo?.hostname, 'cork-roof');
  assert.deepEqual(nodeinfo?.network.mesh?.['bat0']?.interfaces.tunnel, ['32:b5:c2:c3:d4:e7']);
  assert.deepEqual([statistics?.clients?.total, statistics?.traffic?.rx?.bytes], [7, 1e12]);
  assert.equal(neighbours?.batadv['32:b5:c2:c3:d4:e7']?.neighbours['86:00:1a:c2:68:c2']?.tq, 251);
});

test('values of the wrong type or size are left out and named, the rest stays', () => {
  const odd = structuredClone<Record<string, unknown>>(RECORDED);
  odd['nodeinfo'] = {
    ...RECORDED.nodeinfo,
    hostname: 7,
    hardware: 'none',
    location: { latitude: 910, longitude: 0 },
    network: { mac: 'x', addresses: ['<script>', 'fe80::1'] },
  };
  const { documents, oddities } = parseAnswer(JSON.stringify(odd));
  assert.deepEqual(oddities.toSorted(), [
    'nodeinfo.hardware',
    'nodeinfo.hostname',
    'nodeinfo.location.latitude',
    'nodeinfo.network.mac',
  ]);
  assert.deepEqual(documents.nodeinfo?.network.addresses, ['fe80::1']);
  assert.equal(documents.nodeinfo?.location, undefined);
  assert.equal(documents.nodeinfo?.owner?.contact, 'ada@example.org');
});

test('control characters that would move a cursor or turn a line around are taken out of names', () => {
  const { documents } = parseAnswer(JSON.stringify({ nodeinfo: { node_id: 'a', hostname: '\u001b[2Jroof\u202e\n' } }));
  assert.equal(documents.nodeinfo?.hostname, '[2Jroof');
});

test('a flood of neighbours is cut and named', () => {
  const neighbours = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [
      `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      { tq: 1 },
    ]),
  );
  const text = JSON.stringify({ neighbours: { node_id: 'a', batadv: { '02:00:00:00:00:00': { neighbours } } } });
  const { documents, oddities } = parseAnswer(text);
  assert.equal(Object.keys(documents.neighbours?.batadv['02:00:00:00:00:00']?.neighbours ?? {}).length, 256);
  assert.deepEqual(oddities, ['neighbours.batadv.02:00:00:00:00:00.neighbours']);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['what is no JSON', 'GET nodeinfo', /no JSON/],
  ['a list', '[]', /no JSON object/],
  ['an answer without a router', '{}', /names no router/],
  ['an answer for two routers', '{"nodeinfo":{"node_id":"a"},"statistics":{"node_id":"b"}}', /several routers: a, b/],
  ['an endless answer', `{"a":"${'x'.repeat(300_000)}"}`, /262144 is the most/],
];

for (const [what, text, message] of REFUSED) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => parseAnswer(text),
      (error) => error instanceof KithError && message.test(error.message),
    );
  });
}

test('no answer whatever crashes the reader', () => {
  const near = fc.constantFrom(
    'node_id',
    'nodeinfo',
    'statistics',
    'neighbours',
    'batadv',
    'network',
    'mesh',
    '__proto__',
    '02:00:00:00:00:00',
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value')),
      fc.dictionary(near, tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.dictionary(near, json).map((each) => JSON.stringify(each)),
      ),
      (text) => {
        try {
          parseAnswer(text);
        } catch (error) {
          assert.ok(error instanceof KithError && error.code === 'RESPONDD_INVALID', String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a question names what it wants, and is answered with that', () => {
  assert.deepEqual(parseRequest(utf8(requestText())), {
    providers: ['nodeinfo', 'statistics', 'neighbours'],
    enveloped: true,
  });
  assert.deepEqual(parseRequest(utf8('GET statistics unknown')), { providers: ['statistics'], enveloped: true });
  assert.deepEqual(parseRequest(utf8('nodeinfo')), { providers: ['nodeinfo'], enveloped: false });
  const { documents } = parseAnswer(JSON.stringify(RECORDED));
  const enveloped = answerText({ providers: ['statistics'], enveloped: true }, documents);
  assert.deepEqual(parseAnswer(enveloped ?? '').documents.statistics, documents.statistics);
  assert.equal(
    JSON.parse(answerText({ providers: ['nodeinfo'], enveloped: false }, documents) ?? '').node_id,
    '30b5c2c3d4e5',
  );
  assert.equal(answerText({ providers: ['nodeinfo'], enveloped: true }, {}), null);
});

for (const text of ['', 'GET', 'GET unknown', 'nodeinfo statistics', 'nodeinfo\n', `GET ${'nodeinfo '.repeat(40)}`]) {
  test(`${JSON.stringify(text.slice(0, 20))} is no question that is answered`, () => {
    assert.equal(parseRequest(utf8(text)), null);
  });
}

test('no question whatever breaks the reader, and what it takes names something that is told', () => {
  const words = fc.array(fc.constantFrom('GET', 'nodeinfo', 'statistics', 'neighbours', 'other', ''));
  const datagram = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    words.map((list) => utf8(list.join(' '))),
  );
  fc.assert(
    fc.property(datagram, (bytes) => {
      const request = parseRequest(bytes);
      assert.ok(
        request === null || (request.providers.length > 0 && (request.enveloped || request.providers.length === 1)),
      );
    }),
  );
});
