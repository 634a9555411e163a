import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SharesReport } from '@kith/api';
import type { WebRtcState } from '@kith/share';
import { webrtcProblems } from '../../src/share/problems.ts';
import { routersFrom } from '../../src/web/routers.ts';
import type { Snapshot } from '../../src/web/sources.ts';
import { nodesOf, overviewOf, routerTopology, topologyOf } from '../../src/web/views.ts';
import { id, status } from './sample.ts';

const SNAPSHOT: Snapshot = {
  at: 1_000_000,
  networks: [{ label: 'friends', status: status(), problem: null, receivedRate: 5, sentRate: 6 }],
  shares: null,
  gateway: null,
  routers: null,
};

test('the overview counts who is there and how they are reached', () => {
  const [network] = overviewOf(SNAPSHOT).networks;
  assert.deepEqual(network, {
    ...{ label: 'friends', problem: null, receivedRate: 5, sentRate: 6, members: 4, online: 3, direct: 1, relayed: 1 },
    ...{ nat: 'symmetric', natReason: 'two reflectors saw two ports' },
  });
});

test('alerts name what is wrong and what to do, the worst first', () => {
  const problem = { code: 'NOT_RUNNING', message: 'no daemon answers', advice: 'Start it with `kith up`.' } as const;
  const warned = status({ warnings: ['two members want the name printer'], member: false, revokedBy: 'nyc' });
  const { alerts } = overviewOf({
    ...SNAPSHOT,
    networks: [
      { label: 'off', status: null, problem, receivedRate: 0, sentRate: 0 },
      { label: 'friends', status: warned, problem: null, receivedRate: 0, sentRate: 0 },
    ],
  });
  assert.deepEqual(
    alerts.map(({ severity, text }) => [severity, text]),
    [
      ['error', 'friends: this machine is no member any more: nyc revoked it'],
      ['warning', 'off: no daemon answers'],
      ['warning', 'friends: two members want the name printer'],
    ],
  );
  assert.ok(alerts.every(({ mend }) => mend !== ''));
});

test('alerts tell what keeps browsers from all that is shared', () => {
  const shares = { pid: 1, port: 2, shares: [] };
  const states: readonly WebRtcState[] = [
    { state: 'idle' },
    { state: 'running', pid: 3, connections: 1, library: 'node-datachannel' },
    { state: 'running', pid: 3, connections: 1, library: 'werift', slow: 'WebRTC runs without native code' },
    { state: 'waiting', reason: 'the process for WebRTC ended (SIGSEGV)', until: 4 },
    { state: 'unavailable', reason: 'there is no WebRTC here: no such file' },
  ];
  const alerts = states.map((state) => {
    const { alerts: all } = overviewOf({ ...SNAPSHOT, shares: { ...shares, problems: webrtcProblems(state) } });
    assert.ok(all.every(({ about, mend }) => about === 'shares' && mend !== ''));
    return all.map(({ severity, text }) => `${severity}: ${text}`).join();
  });
  assert.deepEqual(alerts, [
    '',
    '',
    'info: WebRTC runs without native code',
    'warning: the process for WebRTC ended (SIGSEGV); browsers get what is shared here by its link until it runs again',
    'warning: there is no WebRTC here: no such file; browsers get what is shared here by its link, and no other way',
  ]);
  assert.deepEqual(webrtcProblems(undefined), []);
});

test('an alert of a share in trouble names the verb that goes on with it', () => {
  const share = { id: 'e14d9608'.repeat(5), name: 'film', error: { code: 'DISK_FULL', message: 'the disk is full' } };
  const report = { pid: 1, port: 2, shares: [share], problems: [] } as unknown as SharesReport;
  const [alert] = overviewOf({ ...SNAPSHOT, shares: report }).alerts;
  assert.equal(alert?.text, 'film: the disk is full');
  assert.match(alert?.mend ?? '', /`kith share resume e14d9608`/);
});

test('the topology has the links between those that are there, and a relayed way with its reason', () => {
  const { nodes, links } = topologyOf(status());
  assert.equal(nodes.length, 4);
  assert.deepEqual(
    links.map(({ a, b, kind, rttMs, via }) => [a, b, kind, rttMs, via]),
    [
      [id(2), id(3), 'direct', 70, []],
      [id(1), id(2), 'direct', 20, []],
      [id(1), id(3), 'relayed', 90, [id(2)]],
    ],
    'the measured RTT of an own link; none to debian, which is away',
  );
  assert.match(links[2]?.reason ?? '', /symmetric/);
});

test('an own way that does not answer says so at once, whatever was published before', () => {
  const members = status().members.map((each) => (each.name === 'externalnyc' ? { ...each, unanswered: 2 } : each));
  const own = topologyOf(status({ members })).links.find(({ a, b }) => a === id(1) && b === id(2));
  assert.equal(own?.quality, 0);
  assert.match(own?.reason ?? '', /^no answer to 2 probes: direct/);
});

test('routers come from the map as it is exported, and what is malformed in it is left out', () => {
  const map = routersFrom({
    nodes: [
      {
        ...{ node_id: 'a1', hostname: 'tower', domain: 'dublin', is_online: true, clients: 3, model: 'TP-Link' },
        ...{ firstseen: '2026-11-01T00:00:00+0000', lastseen: '2026-11-02T00:00:00+0000' },
        ...{
          location: { latitude: 53, longitude: -6 },
          firmware: { release: '2023.2' },
          addresses: ['fd00::a', 7, 'x'],
        },
      },
      { hostname: 'without an id' },
      7,
      { node_id: 'b2', is_online: 'yes', location: { latitude: '53' } },
    ],
    links: [
      { source: 'a1', target: 'b2', source_tq: 0.9, target_tq: 2 },
      { source: 'a1' },
      { source: 'a1', target: 'c3' },
    ],
  });
  assert.deepEqual(
    map.routers.map(({ id: of, name, online }) => [of, name, online]),
    [
      ['a1', 'tower', true],
      ['b2', 'b2', false],
    ],
  );
  const [tower] = nodesOf({ ...SNAPSHOT, routers: map }).nodes.filter(({ kind }) => kind === 'router');
  assert.equal(tower?.clients, 3);
  assert.equal(tower?.firstSeen, Date.UTC(2026, 10, 1));
  assert.deepEqual(tower?.addresses, ['fd00::a']);
  assert.deepEqual(
    routerTopology(map).links.map(({ a, b, loss }) => [a, b, Math.round(loss * 10) / 10]),
    [['a1', 'b2', 0.1]],
  );
  assert.deepEqual(routersFrom('nothing'), { routers: [], links: [] });
});
