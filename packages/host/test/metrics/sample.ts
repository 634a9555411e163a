/** Figures of everything that there can be, and a reader of Prometheus' text format 0.0.4. */
import assert from 'node:assert/strict';
import { NodeBook, nodeMetrics, parseAnswer, ruleIdOf } from '@kith/gateway';
import type { Figures, MapSnapshot, RuleCount } from '@kith/host';
import { desiredFrom, LARGE } from '../../../gateway/test/sample.ts';
import { said } from '../respondd/router.ts';

const WALL = 1_790_000_000_000;
const TRAFFIC = {
  rx: { packets: 1, bytes: 2 },
  tx: { packets: 3, bytes: 4 },
  dropped: { packets: 0, bytes: 0 },
  failed: { packets: 0, bytes: 0 },
};
const COUNTS = { bytes: 2 ** 40, packets: 7, errors: 1, dropped: 2 };
const QUALITY = { algorithm: 'BATMAN_IV', tq: 251 } as const;
const MAC = '02:00:00:00:00:07';
const CLIENT = { address: MAC, vlan: null, wifi: false, roaming: false };

function book(): NodeBook {
  const nodes = new NodeBook();
  for (const [id, mac, other] of [
    ['gw', '02:00:00:00:00:01', '02:00:00:00:00:02'],
    ['a"b\\', '02:00:00:00:00:02', '02:00:00:00:00:01'],
  ] as const) {
    const documents = said(id.replaceAll(/\W/g, ''), mac, { [other]: 251 });
    nodes.take(parseAnswer(JSON.stringify(documents).replaceAll('router-ab', 'a\\"b\\\\c')).documents, WALL);
  }
  return nodes;
}

/** The rules of a real gateway, each of which has counted something. */
function rulesOf(file: string): RuleCount[] {
  return desiredFrom(file).wanted.flatMap(({ item }): RuleCount[] => {
    if (item.kind !== 'table') return [];
    const { name: table, chains } = item.value;
    return Object.entries(chains).flatMap(([chain, comments]) =>
      comments.flatMap((comment) => ({ table, chain, rule: ruleIdOf(comment) ?? '', packets: 5, bytes: 300 })),
    );
  });
}

const SNAPSHOT: MapSnapshot = {
  known: 2,
  online: 2,
  fresh: [],
  lost: [],
  loaded: { restored: 0, skipped: 0 },
  collector: {
    interfaces: [],
    questions: 10,
    answers: 9,
    refused: { source: 0, port: 0, rate: 1, flood: 0, deflate: 0, size: 0, content: 0, twin: 2, full: 0 },
    complaints: [],
    oddities: [],
  },
};

export const FIGURES: Figures = {
  version: '1.2.3',
  gateway: {
    domains: [
      {
        code: 'cork',
        leases: 12,
        pool: 1000,
        batman: {
          interface: 'bat-cork',
          mesh: {
            version: '2023.1',
            algorithm: 'BATMAN_IV',
            address: MAC,
            primary: { interface: 'dum-cork', address: MAC },
            gatewayMode: 'server',
            down: 1,
            up: 1,
            originatorInterval: 5000,
            hopPenalty: 60,
            isolation: false,
            bridgeLoopAvoidance: true,
            distributedArpTable: true,
            fragmentation: true,
            multicastForceFlood: false,
          },
          ports: [{ name: 'fd-cork', address: MAC, active: true }],
          originators: [
            { address: MAC, nextHop: MAC, interface: 'fd-cork', quality: QUALITY, lastSeen: 1, best: true },
            { address: MAC, nextHop: MAC, interface: 'vx-cork', quality: QUALITY, lastSeen: 1, best: false },
          ],
          neighbours: [{ address: MAC, interface: 'fd-cork', lastSeen: 1, throughput: null }],
          gateways: [],
          local: [{ ...CLIENT, lastSeen: 5 }],
          remote: [
            { ...CLIENT, originator: MAC, best: true },
            { ...CLIENT, originator: MAC, best: false },
          ],
        },
        fastd: {
          limit: 50,
          status: {
            uptime: 1,
            interface: 'fd-cork',
            traffic: TRAFFIC,
            peers: [
              {
                key: '1'.repeat(64),
                name: 'a',
                address: 'any',
                session: { age: 1, method: 'null', traffic: TRAFFIC, macs: [] },
              },
              { key: '2'.repeat(64), name: 'b', address: 'any', session: null },
            ],
          },
        },
      },
    ],
    draining: false,
    daemons: [
      {
        name: 'dnsmasq',
        value: { argv: ['dnsmasq'], ready: { type: 'running' }, reads: {} },
        state: 'ready',
        pid: 7,
        since: WALL,
        restarts: 1,
        lastWords: [],
      },
    ],
    rules: rulesOf(LARGE),
    conntrack: { entries: 100, limit: 65_536 },
    interfaces: [{ name: 'br-cork', received: COUNTS, sent: COUNTS }],
    bans: { ipv4: 3, ipv6: 1, total: 17 },
  },
  map: { metrics: () => nodeMetrics(book(), WALL), snapshot: () => SNAPSHOT },
  responder: { interfaces: [], answered: 4, ignored: { source: 0, rate: 1, question: 0, failed: 0 } },
  mesh: [
    {
      label: 'home',
      uptime: 5000,
      members: [
        {
          name: 'me',
          self: true,
          online: true,
          path: { kind: 'none' },
          rttMs: null,
          loss: 0,
          sentBytes: 0,
          receivedBytes: 0,
        },
        {
          name: 'nas',
          self: false,
          online: true,
          path: { kind: 'direct' },
          rttMs: 12.5,
          loss: 0.1,
          sentBytes: 10,
          receivedBytes: 20,
        },
      ],
      relayedPackets: 1,
      relayedBytes: 2,
      ledgerSize: 3,
      warnings: [],
    },
  ],
  share: [
    { state: 'seeding', size: 5, done: 5, downloaded: 1, uploaded: 2, downRate: 3, upRate: 4, peers: 5 },
    { state: 'downloading', size: 5, done: 5, downloaded: 1, uploaded: 2, downRate: 3, upRate: 4, peers: 5 },
  ],
};

export interface FamilyRead {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: ReadonlyMap<string, string>; readonly value: number }[];
}

const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,(?!$)|$)/y;

/** Fails on all that the format forbids, and on what a scrape would refuse: families or samples twice. */
export function readMetrics(text: string): ReadonlyMap<string, FamilyRead> {
  assert.ok(text.endsWith('\n'), 'the text ends with a newline');
  const families = new Map<string, FamilyRead & { samples: { labels: Map<string, string>; value: number }[] }>();
  const seen = new Set<string>();
  let current = '';
  let help = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const head = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/.exec(line);
    if (head !== null) {
      const [, kind = '', name = '', rest = ''] = head;
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} comes twice`);
        help = rest;
      } else {
        assert.match(rest, /^(?:gauge|counter)$/);
        families.set(name, { type: rest, help, samples: [] });
      }
      current = name;
      continue;
    }
    const [, name = '', inner = '', number = ''] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/s.exec(line) ?? [];
    assert.equal(name, current, `"${line}" stands among the samples of ${current}`);
    const key = line.slice(0, line.lastIndexOf(' '));
    assert.ok(!seen.has(key), `${key} comes twice`);
    seen.add(key);
    assert.ok(Number.isFinite(Number(number)), line);
    families.get(name)?.samples.push({ labels: labelsOf(inner, line), value: Number(number) });
  }
  return families;
}

function labelsOf(inner: string, line: string): Map<string, string> {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const match = LABEL.exec(inner);
    assert.ok(match !== null, line);
    labels.set(
      match[1] ?? '',
      (match[2] ?? '').replaceAll(/\\([\\n"])/g, (_, mark) => (mark === 'n' ? '\n' : mark)),
    );
  }
  return labels;
}
