/** The supervisor with small shell scripts for daemons. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KithError } from '@kith/core';
import type { DaemonValue } from '@kith/gateway';
import { type DaemonReport, Supervisor } from '@kith/host';
import { markedBelow } from '../../src/supervisor/child.ts';
import type { Timing } from '../../src/supervisor/daemon.ts';
import { until } from '../until.ts';
import { remoteSupervisor } from './supervisor-process.ts';

const FAST: Partial<Timing> = {
  probe: 20,
  ready: 5_000,
  alive: 50,
  answer: 200,
  grace: 500,
  running: 100,
  look: 20,
  backOff: { first: 20, most: 160, healthy: 60_000 },
};

const folders: string[] = [];
const open: Supervisor[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-supervisor-'));
  folders.push(folder);
  return folder;
}

async function supervisorIn(folder: string, timing = FAST): Promise<Supervisor> {
  const supervisor = await Supervisor.open({ folder: `${folder}/daemons`, logs: `${folder}/log`, timing });
  open.push(supervisor);
  return supervisor;
}

after(async () => {
  for (const supervisor of open) {
    await supervisor.keep([]);
    await supervisor.close();
  }
  for (const folder of folders) {
    // A test that failed half-way must not leave daemons.
    for (const { entry } of markedBelow(`${folder}/daemons`)) process.kill(entry.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

function script(text: string, reads: Record<string, string> = {}): DaemonValue {
  return { argv: ['sh', '-c', text], ready: { type: 'running' }, reads };
}

/** A server on a Unix socket, which is slow to come. */
function server(path: string): DaemonValue {
  const code = `setTimeout(() => require('net').createServer(c => c.end()).listen(${JSON.stringify(path)}), 100)`;
  return { argv: [process.execPath, '-e', code], ready: { type: 'socket', path }, reads: {} };
}

async function only(supervisor: Supervisor): Promise<DaemonReport> {
  const [first, ...others] = await supervisor.list();
  assert.deepEqual(others, []);
  return first ?? assert.fail('no daemon');
}

const copies = (folder: string): number[] => markedBelow(`${folder}/daemons`).map((each) => each.entry.pid);

test('a start resolves when the probe answers, and the report tells the process', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  const value = server(`${folder}/socket`);
  await supervisor.start('quiet', value);
  const report = await only(supervisor);
  assert.equal(report.state, 'ready');
  assert.deepEqual(report.value, value);
  assert.deepEqual(copies(folder), [report.pid]);
  assert.equal(report.restarts, 0);
});

test('a start with an equal value leaves the process alone; another value or `again` replaces it', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  const pidAfter = async (value: DaemonValue, again = false): Promise<number | null> => {
    await supervisor.start('one', value, again);
    assert.equal(copies(folder).length, 1);
    return (await only(supervisor)).pid;
  };
  const first = await pidAfter(script('exec sleep 1000', { '/a': '1' }));
  assert.equal(await pidAfter(script('exec sleep 1000', { '/a': '1' })), first);
  const second = await pidAfter(script('exec sleep 1000', { '/a': '2' }));
  assert.notEqual(second, first);
  assert.notEqual(await pidAfter(script('exec sleep 1000', { '/a': '2' }), true), second);
});

test('a start that fails tells the last words and leaves nothing running', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  await assert.rejects(
    supervisor.start('broken', script('echo line 3: what is \u001b[1mthat; exit 5')),
    (error: unknown) => {
      assert.ok(error instanceof KithError);
      assert.equal(error.code, 'DAEMON_NOT_READY');
      assert.match(
        error.message,
        /^broken: ended with exit code 5; its last words:\n {2}line 3: what is {2}\[1mthat\n/,
      );
      return true;
    },
  );
  assert.deepEqual(await supervisor.list(), []);
  assert.deepEqual(copies(folder), []);
  assert.deepEqual(readdirSync(`${folder}/daemons`), []);
});

test('one that runs but never serves is given up at its time', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder, { ...FAST, ready: 300 });
  const value: DaemonValue = { ...script('exec sleep 1000'), ready: { type: 'socket', path: `${folder}/none` } };
  await assert.rejects(supervisor.start('mute', value), /mute: was not ready within 0.3 s: .*none: ENOENT/);
  assert.deepEqual(copies(folder), []);
});

test('a program that is not there is named at once', async () => {
  const supervisor = await supervisorIn(newFolder());
  await assert.rejects(
    supervisor.start('missing', { argv: ['no-such-daemon'], ready: { type: 'running' }, reads: {} }),
    (error: unknown) => error instanceof KithError && error.code === 'HOST_PROGRAM_MISSING',
  );
});

test('one that is killed is started again and ready again', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  await supervisor.start('one', server(`${folder}/socket`));
  const { pid } = await only(supervisor);
  rmSync(`${folder}/socket`);
  process.kill(pid ?? assert.fail('no process'), 'SIGKILL');
  await until('another process is ready', async () => {
    const now = await only(supervisor);
    return now.state === 'ready' && now.pid !== pid && now.restarts === 1;
  });
  assert.equal(copies(folder).length, 1);
});

test('what a daemon that ended has left behind is gone before it is started again', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  await supervisor.start('one', script('sleep 1000 & exec sleep 1001'));
  const before = copies(folder);
  assert.equal(before.length, 2);
  const { pid } = await only(supervisor);
  process.kill(pid ?? assert.fail('no process'), 'SIGKILL');
  await until('it is ready again', async () => {
    const now = await only(supervisor);
    return now.state === 'ready' && now.pid !== pid;
  });
  assert.deepEqual(
    copies(folder).filter((each) => before.includes(each)),
    [],
  );
});

test('one that stands still is noticed, ended and started again', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  await supervisor.start('one', server(`${folder}/socket`));
  const { pid } = await only(supervisor);
  // A listener whose socket is gone is as silent as one that hangs.
  rmSync(`${folder}/socket`);
  await until('it serves again', async () => {
    const now = await only(supervisor);
    return now.state === 'ready' && now.pid !== pid;
  });
  assert.match(readFileSync(`${folder}/log/one.log`, 'utf8'), /no longer answers: .*socket: ENOENT; starts again/);
});

test('one that ends again and again is started ever more seldom', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder, { ...FAST, running: 0 });
  // Ready for a moment each time, so that the start succeeds.
  await supervisor.start('loop', script('sleep 0.05; exit 1'));
  await until('six restarts', async () => (await only(supervisor)).restarts >= 6);
  const delays = [...readFileSync(`${folder}/log/loop.log`, 'utf8').matchAll(/starts again in ([\d.]+) s/g)];
  assert.deepEqual(
    delays.slice(0, 6).map((match) => Number(match[1])),
    [0.02, 0.04, 0.08, 0.16, 0.16, 0.16],
  );
  await supervisor.stop('loop');
  assert.deepEqual(copies(folder), []);
});

test('a stop waits until the daemon and what it started are gone, even when they do not listen', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  await supervisor.start('stubborn', script("trap '' TERM; sleep 1000 & while :; do sleep 1; done"));
  assert.ok(copies(folder).length >= 2);
  await supervisor.stop('stubborn');
  assert.deepEqual(copies(folder), []);
  assert.deepEqual(await supervisor.list(), []);
  await supervisor.stop('stubborn');
});

test('a stop ends a start that still waits', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  const value: DaemonValue = { ...script('exec sleep 1000'), ready: { type: 'socket', path: `${folder}/none` } };
  const starting = supervisor.start('slow', value);
  const refused = assert.rejects(starting, /slow: its start was broken off/);
  await until('it runs', async () => copies(folder).length === 1);
  await supervisor.stop('slow');
  await refused;
  assert.deepEqual(copies(folder), []);
});

test('changes of one daemon that come at once happen one after the other', async () => {
  const folder = newFolder();
  const supervisor = await supervisorIn(folder);
  const values = ['1', '2', '3'].map((digest) => script('exec sleep 1000', { '/a': digest }));
  const starts = await Promise.allSettled(values.map((value) => supervisor.start('one', value)));
  assert.equal(starts[2]?.status, 'fulfilled');
  assert.deepEqual((await only(supervisor)).value, values[2]);
  assert.equal(copies(folder).length, 1);
});

test('a closed supervisor leaves its daemons to the next one', async () => {
  const folder = newFolder();
  const first = await supervisorIn(folder);
  await first.start('one', script('exec sleep 1000'));
  const { pid } = await only(first);
  await first.close();
  assert.deepEqual(copies(folder), [pid]);
  const second = await supervisorIn(folder);
  assert.equal((await only(second)).pid, pid);
  await second.keep(['another']);
  assert.deepEqual(copies(folder), []);
});

test('a supervisor that is killed loses nothing: the next one takes over the same process', async () => {
  const folder = newFolder();
  const value = script('while :; do echo alive; sleep 0.05; done');
  const first = remoteSupervisor(folder, FAST);
  const [before] = await first.ask({ start: 'one', value });
  await first.kill();
  const size = readFileSync(`${folder}/log/one.log`).length;
  await until('it prints on', () => readFileSync(`${folder}/log/one.log`).length > size);
  const second = await supervisorIn(folder);
  await second.start('one', value);
  const report = await only(second);
  assert.equal(report.pid, before?.pid);
  assert.equal(report.lastWords.at(-1), 'alive');
  process.kill(report.pid ?? assert.fail('no process'), 'SIGKILL');
  await until('it is started again', async () => {
    const now = await only(second);
    return now.state === 'ready' && now.pid !== report.pid;
  });
});

test('however often supervisors are killed at whatever moment, there is one copy', async () => {
  const folder = newFolder();
  const log = (): string => (existsSync(`${folder}/log/one.log`) ? readFileSync(`${folder}/log/one.log`, 'utf8') : '');
  for (let round = 0; round < 10; round++) {
    const lines = log().length;
    const remote = remoteSupervisor(folder, { ...FAST, running: 0 });
    // Another value each time: a stop and a start follow upon the take-over, and the kill falls somewhere into them.
    remote.send({ start: 'one', value: script('exec sleep 1000', { '/a': String(round) }) });
    await until('it began', () => log().length > lines);
    await sleep(round * 3);
    await remote.kill();
    assert.ok(copies(folder).length <= 1, `${copies(folder).length} copies after round ${round}`);
  }
  const last = await supervisorIn(folder);
  const value = script('exec sleep 1000', { '/a': 'last' });
  await last.start('one', value);
  assert.deepEqual(copies(folder), [(await only(last)).pid]);
});

test('a process without a readable record is ended, one of a record that names none is taken over', async () => {
  const folder = newFolder();
  const first = remoteSupervisor(folder, FAST);
  await first.ask({ start: 'torn', value: script('exec sleep 1000') });
  const [, early] = await first.ask({ start: 'early', value: script('exec sleep 1000') });
  await first.kill();
  writeFileSync(`${folder}/daemons/torn.json`, '{"version":1,"name":"to');
  const record: object = JSON.parse(readFileSync(`${folder}/daemons/early.json`, 'utf8'));
  writeFileSync(`${folder}/daemons/early.json`, JSON.stringify({ ...record, process: null }));
  const second = await supervisorIn(folder);
  assert.deepEqual([(await only(second)).name, (await only(second)).pid], ['early', early?.pid]);
  assert.deepEqual(copies(folder), [early?.pid]);
});

test('a stop that a kill of the supervisor broke off is finished by the next one', async () => {
  const folder = newFolder();
  const first = remoteSupervisor(folder, { ...FAST, grace: 60_000 });
  await first.ask({ start: 'stubborn', value: script("trap '' TERM; while :; do sleep 0.05; done") });
  // Another value: the old one has to go first, and does not.
  first.send({ start: 'stubborn', value: script('exec sleep 1000') });
  await until('it is being ended', () =>
    readFileSync(`${folder}/daemons/stubborn.json`, 'utf8').includes('"stopping":true'),
  );
  await first.kill();
  assert.ok(copies(folder).length > 0);
  const second = await supervisorIn(folder);
  assert.deepEqual(await second.list(), []);
  assert.deepEqual(copies(folder), []);
});

test('a record whose process has ended, or is another one by now, starts the daemon anew', async () => {
  const folder = newFolder();
  const first = remoteSupervisor(folder, FAST);
  const [before] = await first.ask({ start: 'one', value: script('exec sleep 1000') });
  await first.kill();
  const path = `${folder}/daemons/one.json`;
  const record: { process: object } = JSON.parse(readFileSync(path, 'utf8'));
  process.kill(before?.pid ?? assert.fail('no process'), 'SIGKILL');
  // The same id, but this process: started at another time.
  writeFileSync(path, JSON.stringify({ ...record, process: { ...record.process, pid: process.pid } }));
  const second = await supervisorIn(folder);
  await until('it is ready', async () => (await only(second)).state === 'ready');
  assert.notEqual((await only(second)).pid, process.pid);
});
