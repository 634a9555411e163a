import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ERRORS, type ErrorCode, KithError } from '@kith/core';
import fc from 'fast-check';
import { Client } from '../src/api/client.ts';
import { readInviteRequest, readPingRequest, readRevokeRequest } from '../src/api/requests.ts';
import { serveApi } from '../src/api/server.ts';
import type { Service } from '../src/api/service.ts';
import type { ApiServer } from '../src/api/socket.ts';
import type { InviteRequest, LogLine } from '@kith/api';
import { LogBook } from '../src/daemon/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-api-'));
const socket = join(folder, 'daemon.sock');
const client = new Client(socket);
const log = new LogBook('debug', () => undefined);
let asked: unknown = null;
let stopped = 0;

function unused(): never {
  throw new Error('not part of this test');
}

const service: Service = {
  attend: () => undefined,
  status: unused,
  invites: () => ({ invites: [] }),
  invite(request) {
    asked = request;
    return { token: 'kith:x', id: '0123456789abcdef', via: ['alice'], expires: null, uses: request.uses };
  },
  revoke() {
    throw new KithError('MEMBER_UNKNOWN', 'home has no member "bbo", did you mean "bob"?');
  },
  change: unused,
  exit: unused,
  ping: unused,
  trace(member) {
    asked = member;
    throw new KithError('NOT_ADMIN', 'not you');
  },
  log: (since) => log.lines(since),
  followLog: (listener) => log.follow(listener),
  stop: () => void (stopped += 1),
  leave: unused,
};

let server: ApiServer;
before(async () => {
  server = await serveApi(service, socket);
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function code(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KithError, String(error));
  return error.code;
}

const REQUEST: InviteRequest = { name: 'bob', address: null, uses: 1, expiresIn: 1000, tags: [], via: null };

test('the socket is for its owner alone', () => {
  assert.equal(statSync(socket).mode & 0o777, 0o600);
});

test('a request arrives as it was sent and its answer comes back', async () => {
  const report = await client.invite(REQUEST);
  assert.deepEqual(asked, REQUEST);
  assert.equal(report.token, 'kith:x');
  assert.deepEqual(await client.stop(), { done: true });
  assert.equal(stopped, 1);
});

test('an error of the daemon comes back with its code and message', async () => {
  await assert.rejects(client.revoke({ target: 'bbo' }), /^KithError: home has no member "bbo", did you mean "bob"\?$/);
  assert.equal(await code(client.revoke({ target: 'bbo' })), 'MEMBER_UNKNOWN');
});

test('an error that nobody foresaw is told as one', async () => {
  assert.equal(await code(client.status()), 'INTERNAL');
});

test('a name in a path is carried whatever its characters are', async () => {
  assert.equal(await code(client.trace('a/b ?ü')), 'NOT_ADMIN');
  assert.equal(asked, 'a/b ?ü');
});

test('a body that is too long is refused before it is read', async () => {
  const tags = Array.from({ length: 100 }, () => 'x'.repeat(256));
  await assert.rejects(client.invite({ ...REQUEST, tags }), /^KithError: the body has more than 16384 bytes$/);
});

test('a wrong body is refused with the key that is wrong', () => {
  const cases: readonly (readonly [() => unknown, RegExp])[] = [
    [() => readInviteRequest(null), /must be a JSON object/],
    [() => readInviteRequest([]), /must be a JSON object/],
    [() => readInviteRequest({ ...REQUEST, uses: 0 }), /"uses" must be a whole number from 1 to 100/],
    [() => readInviteRequest({ ...REQUEST, name: 7 }), /"name" must be text/],
    [() => readInviteRequest({ ...REQUEST, tags: Array(33).fill('t') }), /"tags" must be a list of at most 32/],
    [() => readInviteRequest({ ...REQUEST, admin: true }), /unknown key "admin"/],
    [() => readPingRequest({ member: 'a', timeout: 60_001 }), /"timeout" must be a whole number from 1 to 60000/],
    [() => readRevokeRequest({}), /"target" must be text/],
  ];
  for (const [work, message] of cases)
    assert.throws(work, (error) => error instanceof KithError && message.test(error.message));
});

test('no JSON value whatever is taken for a request that it is not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const read of [readInviteRequest, readPingRequest, readRevokeRequest]) {
        try {
          read(value);
        } catch (error) {
          assert.ok(error instanceof KithError, String(error));
        }
      }
    }),
  );
});

test('a follower of the log gets what was and what comes, in order', { timeout: 10_000 }, async () => {
  const note = (text: string) => log.write({ level: 'info', kind: 'note', member: null, text });
  note('one');
  const lines: LogLine[] = [];
  for await (const line of client.followLog(0)) {
    lines.push(line);
    if (line.text === 'one') note('two');
    if (line.text === 'two') break;
  }
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['one', 'two'],
  );
  const { lines: since } = await client.log(1);
  assert.deepEqual(
    since.map(({ text }) => text),
    ['two'],
  );
});

test('where no daemon listens the caller is told so', async () => {
  assert.equal(await code(new Client(join(folder, 'none.sock')).status()), 'NOT_RUNNING');
});

test('an answer that is no JSON is told as a daemon that does not answer', async () => {
  const path = join(folder, 'broken.sock');
  const broken: Server = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{"a":');
  });
  await new Promise<void>((resolve) => broken.listen(path, resolve));
  assert.equal(await code(new Client(path).status()), 'DAEMON_UNREACHABLE');
  broken.close();
});

test('a folder deeper than a socket path may be long works as well', async () => {
  const deep = mkdtempSync(join(folder, `${'d'.repeat(120)}-`));
  const far = await serveApi(service, join(deep, 'daemon.sock'));
  assert.deepEqual(await new Client(join(deep, 'daemon.sock')).invites(), { invites: [] });
  await far.close();
});

test('every code has an exit code of the documented six', () => {
  for (const key of Object.keys(ERRORS) as ErrorCode[]) assert.ok(ERRORS[key].exit >= 1 && ERRORS[key].exit <= 6, key);
});
