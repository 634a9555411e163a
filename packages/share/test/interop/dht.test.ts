import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { portableCrypto, toHex, utf8 } from '@kith/core';
import { freePort } from '@kith/lab/torrent';
import { dht } from '@kith/torrent';
import { listener, neighbourhood } from './dht/neighbourhood.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-dht-'));
const endings: (() => Promise<unknown>)[] = [];

after(async () => {
  for (const end of endings.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that ends with the test; `said` is all that it printed. */
function run(argv: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { cwd: folder, stdio: 'pipe' });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  endings.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return { child, said: () => said };
}

async function libtorrentNode(bootstrap: number, infoHash: Uint8Array) {
  const port = await freePort();
  const script = join(import.meta.dirname, 'dht_libtorrent.py');
  const argv = ['/usr/bin/python3', script, '127.0.0.1', String(port), '127.0.0.1', String(bootstrap)];
  return { port, ...run([...argv, toHex(infoHash)]) };
}

test('kith finds a torrent that libtorrent announced, and libtorrent one that kith announced', async () => {
  const kith = await neighbourhood('127.0.0.1', 6);
  endings.push(() => kith.close());
  const infoHash = randomBytes(20);
  const { port: ours, asked, close } = await listener('127.0.0.1');
  endings.push(close);
  const theirs = await libtorrentNode(kith.services[0]?.port ?? 0, infoHash);
  kith.services[3]?.track({ infoHash, port: undefined, urgent: true });
  await until(
    () => kith.found.some((found) => found === `${toHex(infoHash)} 127.0.0.1 ${theirs.port}`),
    () => `${theirs.said()} ${kith.found.join()}`,
    60_000,
  );
  kith.services[4]?.track({ infoHash, port: ours, urgent: false });
  await until(
    () => asked.includes(toHex(infoHash)),
    () => `libtorrent connects: ${theirs.said()}`,
    60_000,
  );
});

/** Asks until the answer has it: a question of theirs that times out on a busy machine is answered with nothing. */
async function told(node: Awaited<ReturnType<typeof libtorrentNode>>, question: string, answer: string): Promise<void> {
  let asked = Number.NEGATIVE_INFINITY;
  await until(
    () => {
      if (node.said().includes(answer)) return true;
      if (performance.now() - asked > 6_000) {
        asked = performance.now();
        node.child.stdin?.write(`${question}\n`);
      }
      return false;
    },
    node.said,
    30_000,
  );
}

test('values that kith put are read by libtorrent, and the other way round', async () => {
  const kith = await neighbourhood('127.0.0.1', 6);
  endings.push(() => kith.close());
  const [first, second] = kith.services;
  assert.ok(first !== undefined && second !== undefined);
  const theirs = await libtorrentNode(first.port, randomBytes(20));
  await until(() => theirs.said().includes('ready'), theirs.said, 30_000);
  const crypto = portableCrypto((length) => randomBytes(length));
  const value = utf8('15:from kith, read');
  const target = createHash('sha1').update(value).digest();
  assert.ok((await second.put({ value })) >= 5);
  await told(theirs, `get ${toHex(target)}`, 'from kith, read');

  const salt = utf8('news');
  const signed = dht.signItem(randomBytes(32), { value: utf8('13:signed, first'), sequence: 1, salt }, crypto);
  assert.ok((await second.put(signed)) >= 5);
  await told(theirs, `getm ${toHex(signed.key)} news`, 'signed, first');

  theirs.child.stdin?.write('put from-libtorrent\n');
  const put = createHash('sha1').update('15:from-libtorrent').digest();
  await until(() => theirs.said().includes(toHex(put)), theirs.said, 30_000);
  let got: dht.DhtItem | undefined;
  for (const end = performance.now() + 30_000; got === undefined && performance.now() < end;)
    got = await second.get(put);
  assert.deepEqual(got?.value, utf8('15:from-libtorrent'));
});

test('kith and Transmission find each other in a network of their own', async () => {
  // Transmission takes nobody at 127.0.0.0/8 for a node, so both get a namespace with another address in it.
  const program = fileURLToPath(import.meta.resolve('./dht/transmission-program.ts'));
  const setUp = 'ip link set lo up && ip address add 10.99.0.1/32 dev lo && exec "$@"';
  const argv = ['unshare', '--net', 'sh', '-c', setUp, 'sh', process.execPath, '--conditions=source', program, folder];
  const { child, said } = run(argv);
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, said());
  assert.match(said(), /kith found transmission/);
  assert.match(said(), /transmission found kith/);
});
