import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { History } from '../../src/web/history.ts';
import type { Snapshot } from '../../src/web/sources.ts';
import { id, member, status } from './sample.ts';

const MINUTE = 60_000;
const START = 30_000 * MINUTE;

function look(
  at: number,
  received: number,
  more: { pid?: number; online?: boolean; rttMs?: number | null } = {},
): Snapshot {
  const { pid = 7, online = true, rttMs = 20 } = more;
  const members = [member(1, 'fedora', { self: true }), member(2, 'nyc', { receivedBytes: received, online, rttMs })];
  const network = { label: 'friends', status: status({ pid, members }), problem: null, receivedRate: 0, sentRate: 0 };
  return { at, networks: [network], shares: null, gateway: null, routers: null };
}

test('looks are averaged over a minute, and their traffic counts between looks', () => {
  const history = new History(':memory:');
  history.add(look(START, 1000));
  history.add(look(START + 10_000, 3000, { rttMs: 40 }));
  history.add(look(START + 20_000, 3000, { online: false, rttMs: null }));
  const { step, points } = history.report(id(2), 'hour', START + MINUTE);
  assert.equal(step, MINUTE);
  assert.deepEqual(points, [{ time: START, rttMs: 30, loss: 0, online: 2 / 3, receivedRate: 100, sentRate: 0 }]);
  assert.deepEqual(history.report(id(1), 'hour', START).points, [], 'nothing of this node itself');
  history.close();
});

test('a daemon that starts anew counts from nothing, which is no negative traffic', () => {
  const history = new History(':memory:');
  history.add(look(START, 1_000_000));
  history.add(look(START + 10_000, 50, { pid: 8 }));
  history.add(look(START + 20_000, 1050, { pid: 8 }));
  assert.equal(history.report(id(2), 'hour', START).points[0]?.receivedRate, 100);
  history.close();
});

test('the past is there after a start, and what is too old goes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-history-'));
  try {
    const path = join(folder, 'history.sqlite');
    const first = new History(path);
    first.add(look(START, 0));
    first.close();
    const second = new History(path);
    second.add(look(START + 2 * MINUTE, 0));
    assert.deepEqual(
      second.report(id(2), 'hour', START + 2 * MINUTE).points.map(({ time }) => time - START),
      [0, 2 * MINUTE],
    );
    second.add(look(START + 400 * MINUTE, 0));
    assert.equal(second.report(id(2), 'hour', START + 400 * MINUTE).points.length, 1);
    assert.equal(second.report(id(2), 'day', START + 400 * MINUTE).points.length, 2);
    second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
