import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { fastdStatus } from '@kith/host';
import * as fc from 'fast-check';
import { parseFastdStatus } from '../../src/tunnels/fastd-status.ts';

const KEY = '93'.repeat(32);
const ZERO = { packets: 0, bytes: 0 };
const STATISTICS = { rx: { packets: 4, bytes: 400 }, rx_reordered: ZERO, tx: ZERO, tx_dropped: ZERO, tx_error: ZERO };
const CONNECTION = { established: 3053, method: 'null@l2tp', statistics: STATISTICS, mac_addresses: [] };
const PEER = { name: null, address: '192.0.2.2:32971', connection: CONNECTION };
const STATUS = { uptime: 3078, interface: 'fd-fmie', statistics: STATISTICS, peers: { [KEY]: PEER } };

const invalid = (pattern: RegExp) => (error: unknown) =>
  error instanceof KithError && error.code === 'HOST_ANSWER_INVALID' && pattern.test(error.message);

function parsed(value: unknown): ReturnType<typeof parseFastdStatus> {
  return parseFastdStatus(JSON.stringify(value), '/run/fastd.sock');
}

test('sessions, methods and counters are read', () => {
  const { peers, interface: device, uptime } = parsed(STATUS);
  assert.deepEqual([device, uptime, peers.length], ['fd-fmie', 3078, 1]);
  const [peer] = peers;
  assert.deepEqual([peer?.key, peer?.name, peer?.session?.age, peer?.session?.method], [KEY, null, 3053, 'null@l2tp']);
  assert.deepEqual(peer?.session?.traffic.rx, { packets: 4, bytes: 400 });
  const waiting = parsed({ ...STATUS, peers: { [KEY]: { name: 'r1', address: 'any', connection: null } } });
  assert.deepEqual(waiting.peers, [{ key: KEY, name: 'r1', address: 'any', session: null }]);
});

test('what is out of place is named', () => {
  const refused = (value: unknown, pattern: RegExp): void => assert.throws(() => parsed(value), invalid(pattern));
  refused({ ...STATUS, peers: { short: PEER } }, /"peers" has a field "short", which it may not/);
  refused({ ...STATUS, uptime: '1' }, /fastd at \/run\/fastd\.sock .* "uptime" is no whole number/);
});

test('whatever comes, only errors of the registry come out', () => {
  const read = (value: unknown): void => {
    try {
      parsed(value);
    } catch (error) {
      assert.ok(invalid(/./)(error), String(error));
    }
  };
  fc.assert(fc.property(fc.jsonValue(), read));
  for (const [base, wrap] of [
    [STATUS, (value: unknown) => value],
    [PEER, (peer: unknown) => ({ ...STATUS, peers: { [KEY]: peer } })],
    [CONNECTION, (connection: unknown) => ({ ...STATUS, peers: { [KEY]: { ...PEER, connection } } })],
  ] as const) {
    const changed = fc.tuple(fc.constantFrom(...Object.keys(base)), fc.jsonValue());
    fc.assert(fc.property(changed, ([key, value]) => read(wrap({ ...base, [key]: value }))));
  }
});

test('a socket that nobody serves and one that floods are told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-status-'));
  const path = join(folder, 'socket');
  await assert.rejects(fastdStatus(path), invalid(/does not answer: .*ENOENT/));
  const server = createServer((socket) => {
    const flood = (): boolean => !socket.destroyed && socket.write(Buffer.alloc(1 << 20, ' '), flood);
    socket.on('error', () => {});
    flood();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await assert.rejects(fastdStatus(path), invalid(/wrote more than/));
  server.close();
  rmSync(folder, { recursive: true });
});
