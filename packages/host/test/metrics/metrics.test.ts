import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { Family } from '@kith/gateway';
import { type Figures, metricsText } from '@kith/host';
import fc from 'fast-check';
import { parseLeases } from '../../src/metrics/leases.ts';
import { parseRuleCounts } from '../../src/metrics/rule-counters.ts';
import { parseInterfaceCounts } from '../../src/proc.ts';
import { FIGURES, readMetrics } from './sample.ts';

const NOTHING: Figures = { version: '1', gateway: null, map: null, responder: null, mesh: null, share: null };

test('all figures together are one valid text, each family and each sample once', () => {
  const families = readMetrics(metricsText(FIGURES));
  for (const [name, { type, help, samples }] of families) {
    assert.match(name, /^kith_/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.match(help, /^[A-Z].*\.$/, name);
    assert.ok(samples.length > 0, name);
  }
});

test('docs/metrics.md lists every family with its type and labels, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(kith_\w+)` +\| (\w+) +\| ([^|]*?) +\| ([^|]*?) +\|$/gm)].map(
    ([, name, type, labels, help]) => [name, type, labels, help],
  );
  const families = readMetrics(metricsText(FIGURES));
  const rendered = [...families].map(([name, { type, help, samples }]) => {
    const labels = [...new Set(samples.flatMap((sample) => [...sample.labels.keys()]))];
    return [name, type, labels.map((label) => `\`${label}\``).join(', '), help];
  });
  assert.deepEqual(listed, rendered);
});

test('what does not run has no families', () => {
  assert.deepEqual([...readMetrics(metricsText(NOTHING)).keys()], ['kith_info']);
});

test('figures are those of the sample', () => {
  const families = readMetrics(metricsText(FIGURES));
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
    families
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels.get(key) === text))?.value;
  assert.equal(value('kith_gateway_leases', { domain: 'cork' }), 12);
  assert.equal(value('kith_gateway_rule_packets_total', { table: 'kith', chain: 'clients', rule: 'dns-udp' }), 5);
  assert.equal(value('kith_gateway_batman_originators'), 1);
  assert.equal(value('kith_gateway_batman_clients', { behind: 'others' }), 1);
  assert.equal(value('kith_gateway_fastd_sessions'), 1);
  assert.equal(value('kith_gateway_interface_bytes_total', { direction: 'sent' }), 2 ** 40);
  assert.equal(value('kith_respondd_refused_total', { reason: 'twin' }), 2);
  assert.equal(value('kith_mesh_member_rtt_seconds', { network: 'home', member: 'nas' }), 0.0125);
  assert.equal(value('kith_mesh_paths', { kind: 'direct' }), 1);
  assert.equal(value('kith_share_peers'), 10);
  assert.equal(value('kith_node_info', { hostname: 'a"b\\c' }), 1);
});

test('no label and no value whatever breaks the text', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.oneof(fc.double(), fc.integer()))), (samples) => {
      const family = new Family('kith_x', 'gauge', 'A help.');
      const wanted = new Map<string, number>();
      for (const [text, value] of samples) {
        family.add(value, { text });
        if (!Number.isNaN(value)) wanted.set(text, value);
      }
      const finite = [...wanted].filter(([, value]) => Number.isFinite(value));
      const lines = family.text.split('\n').filter((line) => !/[+-]Inf$/.test(line));
      const read = readMetrics(lines.join('\n')).get('kith_x')?.samples ?? [];
      assert.deepEqual(
        read.map((sample) => [sample.labels.get('text'), sample.value]),
        finite.map(([text, value]) => [text, value === 0 ? 0 : value]),
      );
    }),
  );
});

const RULES = JSON.stringify({
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { table: { family: 'inet', name: 'kith', handle: 1 } },
    { chain: { family: 'inet', table: 'kith', name: 'clients', handle: 2 } },
    {
      rule: {
        family: 'inet',
        table: 'kith',
        chain: 'clients',
        handle: 3,
        comment: 'dns-udp: gateway.dns',
        expr: [{ match: {} }, { counter: { packets: 5, bytes: 300 } }, { accept: null }],
      },
    },
    {
      rule: {
        family: 'inet',
        table: 'kith',
        chain: 'version',
        handle: 4,
        comment: 'a1b2',
        expr: [{ counter: { packets: 0, bytes: 0 } }],
      },
    },
    { rule: { family: 'inet', table: 'kith', chain: 'x', handle: 5, comment: 'mute: x', expr: [{ drop: null }] } },
  ],
});

test('counters are those of the rules that kith wrote', () => {
  assert.deepEqual(parseRuleCounts(RULES), [
    { table: 'kith', chain: 'clients', rule: 'dns-udp', packets: 5, bytes: 300 },
  ]);
});

test('no listing of rules whatever breaks the reader', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((rule) => `{"nftables":[{"rule":${rule}}]}`),
        fc
          .tuple(fc.nat(RULES.length), fc.string())
          .map(([at, text]) => RULES.slice(0, at) + text + RULES.slice(at + 1)),
      ),
      (text) => {
        try {
          parseRuleCounts(text);
        } catch (error) {
          assert.ok(error instanceof KithError && error.code === 'HOST_ANSWER_INVALID', String(error));
        }
      },
    ),
  );
});

test('leases in force are read, those that ended and lines that are none are passed over', () => {
  const wall = 1_790_000_000_000;
  const text = `1790003600 02:00:00:00:00:05 10.70.4.5 laptop 01:02:00:00:00:00:05
1789990000 02:00:00:00:00:06 10.70.4.6 * *
0 06-02:00:00:00:00:07 10.70.4.7 * ff:00
1790003600 02:00:00:00:00:08 300.70.4.8 * *
duid 00:01:00:01:2e:aa:bb:cc:02:00:00:00:00:01
1790003600 1234 fd00::5 * 00:01
17900036`;
  assert.deepEqual(parseLeases(text, wall), [
    { address: '10.70.4.5', mac: '02:00:00:00:00:05', expires: 1_790_003_600_000, name: 'laptop' },
    { address: '10.70.4.7', mac: '02:00:00:00:00:07', expires: null, name: null },
  ]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => parseLeases(any, wall).length === 0));
});

test('counters of interfaces are read, also where the name stands right before the first number', () => {
  const text = `Inter-|   Receive                            |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 10 1 0 3 0 0 0 0 20 2 4 5 0 0 0 0
br-cork:1844674407370955 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
broken: 1 2
`;
  assert.deepEqual(parseInterfaceCounts(text), [
    {
      name: 'lo',
      received: { bytes: 10, packets: 1, errors: 0, dropped: 3 },
      sent: { bytes: 20, packets: 2, errors: 4, dropped: 5 },
    },
    {
      name: 'br-cork',
      received: { bytes: 1_844_674_407_370_955, packets: 1, errors: 0, dropped: 0 },
      sent: { bytes: 7, packets: 1, errors: 0, dropped: 0 },
    },
  ]);
});
