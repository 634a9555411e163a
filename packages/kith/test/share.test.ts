import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BIN, type Json, Sandbox } from './program.ts';

const PATIENCE = 60_000;

/** Somebody with a share process of his own, which ends with the test. */
function person(t: TestContext): Sandbox {
  const sandbox = new Sandbox();
  t.after(async () => {
    await sandbox.run(['share', 'stop']);
    sandbox.remove();
  });
  return sandbox;
}

function content(sandbox: Sandbox, name: string, size: number): { readonly path: string; readonly bytes: Buffer } {
  const bytes = randomBytes(size);
  const path = join(sandbox.state, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

/** A list in what a verb printed; nothing where it failed. */
function listed(value: Json, name: string): readonly Json[] {
  const list: readonly Json[] | undefined = value[name];
  return list ?? [];
}

async function shared(sandbox: Sandbox, path: string, ...options: string[]): Promise<Json> {
  const { code, value } = await sandbox.json(['share', path, ...options]);
  assert.equal(code, 0, JSON.stringify(value));
  const [share] = listed(value, 'shares');
  assert.ok(share);
  return share;
}

/** The first line of a program's output that `reads`, within a minute. */
async function lineOf(child: ChildProcess, reads: (line: string) => boolean): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; await delay(20)) {
    const line = text.split('\n').slice(0, -1).find(reads);
    if (line !== undefined) return line;
    assert.equal(child.exitCode, null, text);
  }
  throw new Error(`it did not say so: ${text}`);
}

function start(t: TestContext, sandbox: Sandbox, args: readonly string[]): ChildProcess {
  const env = { ...process.env, KITH_STATE: sandbox.state };
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => void child.kill('SIGKILL'));
  return child;
}

function ended(child: ChildProcess): Promise<number | null> {
  return child.exitCode === null
    ? new Promise((resolve) => child.on('exit', resolve))
    : Promise.resolve(child.exitCode);
}

describe('kith share and kith get', () => {
  test('move a file from one to another by the link that is printed', async (t) => {
    const [alice, bob] = [person(t), person(t)];
    const { path, bytes } = content(alice, 'film.mp4', 3_000_000);
    const told = await alice.run(['share', path]);
    assert.equal(told.code, 0, told.stderr);
    const magnet = /^magnet:\?.*$/m.exec(told.stdout)?.[0] ?? '';
    assert.match(magnet, /x\.pe=127\.0\.0\.1:\d+$/);
    const got = await bob.run(['get', magnet, '-o', join(bob.state, 'in')]);
    assert.equal(got.code, 0, got.stderr);
    assert.ok(readFileSync(join(bob.state, 'in/film.mp4')).equals(bytes));
    const list = await bob.json(['shares']);
    assert.equal(list.value['shares']?.[0]?.['state'], 'seeding');
    const link = /^http:.*$/m.exec(told.stdout)?.[0] ?? '';
    assert.match(link, /\/s\/[\w-]{22}\/$/);
    const { files } = (await (await fetch(`${link}files.json`)).json()) as {
      readonly files: readonly { readonly url: string }[];
    };
    const answer = await fetch(files[0]?.url ?? '', { headers: { range: 'bytes=1000-1999' } });
    assert.equal(answer.status, 206);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(1000, 2000)));
  });

  test('go on after the process was killed in the middle, on either side', async (t) => {
    const [alice, bob] = [person(t), person(t)];
    const { path, bytes } = content(alice, 'big.bin', 8_000_000);
    const { magnet } = await shared(alice, path, '--piece-size', '64k');
    assert.equal((await alice.run(['share', 'limit', '--up', '2M'])).code, 0);
    const getting = start(t, bob, ['get', String(magnet), '-o', bob.state]);
    let done = 0;
    while (done < 1_000_000) {
      const { value } = await bob.json(['shares']);
      done = Number(value['shares']?.[0]?.['done'] ?? 0);
    }
    for (const sandbox of [bob, alice]) {
      const { value } = await sandbox.json(['shares']);
      process.kill(Number(value['pid']), 'SIGKILL');
    }
    assert.equal((await alice.run(['share', 'limit', '--up', '0'])).code, 0);
    assert.equal(await ended(getting), 0);
    assert.ok(readFileSync(join(bob.state, 'big.bin')).equals(bytes));
    const { value } = await alice.json(['shares']);
    assert.ok(Number(value['shares']?.[0]?.['uploaded']) < 8_000_000, 'nothing came twice');
  });

  test('a torrent file serves as well; what is loaded is paused, resumed, ended and deleted', async (t) => {
    const [alice, bob] = [person(t), person(t)];
    mkdirSync(join(alice.state, 'set'));
    content(alice, 'set/a.txt', 40_000);
    const { bytes } = content(alice, 'set/b.mp3', 50_000);
    const made = await alice.json([
      'torrent',
      'create',
      join(alice.state, 'set'),
      '-o',
      join(alice.state, 'x.torrent'),
    ]);
    assert.equal(made.code, 0, JSON.stringify(made.value));
    const share = await shared(alice, join(alice.state, 'set'));
    assert.equal(share['id'], made.value['infoHash']);
    const peer = /x\.pe=(\S+)$/.exec(String(share['magnet']))?.[1] ?? '';
    const words = ['get', join(alice.state, 'x.torrent'), '-o', bob.state, '--peer', peer, '--select', '*.mp3'];
    const got = await bob.run([...words, '--no-seed']);
    assert.equal(got.code, 0, got.stderr);
    assert.ok(readFileSync(join(bob.state, 'set/b.mp3')).equals(bytes));
    assert.equal(existsSync(join(bob.state, 'set/a.txt')), false);
    assert.equal((await bob.json(['shares', 'set'])).value['state'], 'paused');
    assert.equal((await bob.run(['share', 'resume', 'set'])).code, 0);
    assert.equal((await bob.json(['shares', 'set'])).value['state'], 'seeding');
    assert.equal((await bob.run(['share', 'rm', 'set', '--data'])).code, 0);
    assert.equal(existsSync(join(bob.state, 'set')), false);
    const kept = await alice.json(['share', 'rm', 'set', '--data']);
    assert.deepEqual([kept.code, kept.value['error']?.['code']], [6, 'SHARE_ORIGINAL']);
    assert.ok(existsSync(join(alice.state, 'set/a.txt')));
  });

  test('--detach does not wait, and Ctrl-C leaves it running', async (t) => {
    const bob = person(t);
    const magnet = `magnet:?xt=urn:btih:${'ab'.repeat(20)}&dn=nowhere`;
    const detached = await bob.run(['get', magnet, '--detach', '-o', bob.state]);
    assert.equal(detached.code, 0, detached.stderr);
    const waiting = start(t, bob, ['get', magnet.replace('abab', 'cdcd'), '-o', bob.state]);
    for (let count = 0; count < 2;) count = listed((await bob.json(['shares'])).value, 'shares').length;
    // Its first word comes when it waits.
    await new Promise((resolve) => waiting.stderr?.once('data', resolve));
    waiting.kill('SIGINT');
    assert.equal(await ended(waiting), 130);
    assert.equal(listed((await bob.json(['shares'])).value, 'shares').length, 2);
  });

  test('what cannot be done says why, with its code', async (t) => {
    const alice = person(t);
    const { path } = content(alice, 'a.bin', 20_000);
    const { magnet } = await shared(alice, path);
    const hash = 'ab'.repeat(20);
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['share', path], 2, 'TORRENT_DUPLICATE'],
      [['share', join(alice.state, 'none')], 4, 'TORRENT_SOURCE_UNREADABLE'],
      [['share'], 2, 'USAGE'],
      [['share', path, '--version', 'v3'], 2, 'USAGE'],
      [['share', path, '--tracker', 'http://198.51.100.1/announce'], 6, 'SHARE_NOT_PUBLIC'],
      [['get', String(magnet)], 2, 'TORRENT_DUPLICATE'],
      [['get', path], 2, 'TORRENT_INVALID'],
      [['get', 'magnet:?dn=x'], 2, 'MAGNET_NO_HASH'],
      [['get', `magnet:?xt=urn:btih:${hash}&tr=udp://tracker.example.org:80`], 6, 'SHARE_NOT_PUBLIC'],
      [['get', `magnet:?xt=urn:btih:${hash}`, '--peer', 'x'], 2, 'SHARE_PEER'],
      [['get', join(alice.state, 'no.torrent')], 2, 'SHARE_SOURCE'],
      [['shares', 'nobody'], 2, 'SHARE_UNKNOWN'],
      [['torrent', 'show', path], 2, 'TORRENT_INVALID'],
      [['share', 'limit', '--up', 'fast'], 2, 'USAGE'],
    ];
    for (const [words, exit, code] of cases) {
      const outcome = await alice.json(words);
      assert.deepEqual([outcome.code, outcome.value['error']?.['code']], [exit, code], words.join(' '));
    }
  });

  test('do not touch a file of the same name, even after the process ended, until they are told to', async (t) => {
    const [alice, bob] = [person(t), person(t)];
    const { path, bytes } = content(alice, 'notes.txt', 200_000);
    const { magnet, id } = await shared(alice, path);
    const mine = join(bob.state, 'notes.txt');
    writeFileSync(mine, 'my own');
    const getting = ['get', String(magnet), '-o', bob.state];
    for (let i = 0; i < 2; i++) {
      const { code, stderr } = await bob.run(getting);
      assert.equal(code, 6, stderr);
      assert.ok(stderr.includes(`${mine} is there already`), stderr);
      assert.match(stderr, /--overwrite/);
      assert.equal((await bob.run(['share', 'stop'])).code, 0);
    }
    const streaming = await bob.run(['stream', String(id)]);
    assert.equal(streaming.code, 6, streaming.stdout);
    const { value } = await bob.json(['shares', String(id)]);
    assert.equal(value['error']?.['code'], 'STORAGE_OCCUPIED');
    assert.equal(readFileSync(mine, 'utf8'), 'my own');
    const over = await bob.run([...getting, '--overwrite']);
    assert.equal(over.code, 0, over.stderr);
    assert.ok(readFileSync(mine).equals(bytes));
  });

  test('nothing starts only to say that nothing is shared', async (t) => {
    const alice = person(t);
    assert.equal((await alice.run(['shares'])).stdout, 'nothing is shared\n');
    assert.equal(existsSync(join(alice.state, '.share')), false);
  });

  test('the process has no rights, not even those of root', async (t) => {
    const alice = person(t);
    const { value } = await alice.json(['share', 'start']);
    const status = readFileSync(`/proc/${String(value['pid'])}/status`, 'utf8');
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
      assert.match(status, new RegExp(`^${set}:\\s*0+$`, 'm'));
  });
});

test('kith stream serves ranges of what is not loaded yet, and ends what it began', async (t) => {
  const [alice, bob] = [person(t), person(t)];
  const { path, bytes } = content(alice, 'film.mp4', 6_000_000);
  const { magnet } = await shared(alice, path, '--piece-size', '64k');
  assert.equal((await alice.run(['share', 'limit', '--up', '1M'])).code, 0);
  const streaming = start(t, bob, ['stream', String(magnet), '-o', bob.state]);
  const url = await lineOf(streaming, (line) => line.startsWith('http:'));
  const answer = await fetch(url, { headers: { range: 'bytes=5000000-5000999' } });
  assert.equal(answer.status, 206);
  assert.equal(answer.headers.get('content-type'), 'video/mp4');
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(5_000_000, 5_001_000)));
  streaming.kill('SIGINT');
  assert.equal(await ended(streaming), 0);
  assert.deepEqual((await bob.json(['shares'])).value['shares'], []);
});

test('kith torrent shows, makes and finds the file that was changed', async (t) => {
  const alice = person(t);
  mkdirSync(join(alice.state, 'set'));
  content(alice, 'set/a', 100_000);
  const { path, bytes } = content(alice, 'set/b', 100_000);
  const file = join(alice.state, 'set.torrent');
  const made = await alice.json(['torrent', 'create', join(alice.state, 'set'), '-o', file, '--version', 'v2']);
  assert.equal(made.code, 0, JSON.stringify(made.value));
  const shown = await alice.json(['torrent', 'show', file]);
  assert.equal(shown.value['version'], 'v2');
  assert.equal(listed(shown.value, 'files').length, 2);
  assert.match((await alice.run(['torrent', 'show', String(shown.value['magnet'])])).stdout, /of version 2/);
  const right = await alice.run(['torrent', 'verify', file, alice.state]);
  assert.deepEqual([right.code, right.stdout], [0, 'all 2 files are right\n'], right.stderr);
  bytes[50_000] = (bytes[50_000] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const wrong = await alice.json(['torrent', 'verify', file, alice.state]);
  assert.equal(wrong.code, 1);
  assert.deepEqual(
    [0, 1].map((i) => wrong.value['files']?.[i]?.['state']),
    ['right', 'wrong'],
  );
});

test('kith tracker brings two together who know of each other by nothing else', async (t) => {
  const [alice, bob] = [person(t), person(t)];
  const tracker = start(t, alice, ['tracker', '--port', '0', '--host', '127.0.0.1']);
  const announce = await lineOf(tracker, (line) => line.startsWith('http:'));
  const { path, bytes } = content(alice, 'a.bin', 300_000);
  await shared(alice, path, '--tracker', announce);
  const file = join(alice.state, 'a.torrent');
  assert.equal((await alice.run(['torrent', 'create', path, '--tracker', announce, '-o', file])).code, 0);
  const got = await bob.run(['get', file, '-o', bob.state]);
  assert.equal(got.code, 0, got.stderr);
  assert.ok(readFileSync(join(bob.state, 'a.bin')).equals(bytes));
  tracker.kill('SIGINT');
  assert.equal(await ended(tracker), 0);
});
