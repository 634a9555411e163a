import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '@kith/core';
import type { tracker } from '@kith/torrent';
import { HttpTracker, TrackerServer, UdpTracker } from '../../src/tracker/index.ts';
import { until } from '../until.ts';

const HASH = new Uint8Array(20).fill(7);
const OTHER = new Uint8Array(20).fill(8);
const endings: (() => unknown)[] = [];
after(async () => {
  for (const end of endings.reverse()) await end();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'kith-tracker-'));
  chmodSync(path, 0o755);
  endings.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A program that ends with the test; `said` is all that it printed. */
function run(command: string, args: readonly string[], cwd: string): { child: ChildProcess; said: () => string } {
  const child = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, HOME: cwd } });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.on('error', (error) => (said += error.message));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  endings.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return { child, said: () => said };
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'ignore' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0)));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

function requestOf(change: Partial<tracker.AnnounceRequest> = {}): tracker.AnnounceRequest {
  const peerId = Buffer.from('-KI0001-abcdefghijkl');
  return { infoHash: HASH, peerId, port: 6881, uploaded: 0, downloaded: 0, left: 5, key: 1, ...change };
}

test('opentracker takes announces and scrapes over HTTP and UDP, and refuses what is not on its list', async () => {
  const cwd = folder();
  const port = await freePort();
  writeFileSync(join(cwd, 'whitelist'), `${toHex(HASH)}\n`, { mode: 0o644 });
  // It shuts itself into its folder, so that is where the list's path begins.
  const args = ['-i', '127.0.0.1', '-p', String(port), '-P', String(port), '-d', cwd, '-w', '/whitelist'];
  const { said } = run('opentracker', args, cwd);
  const http = new HttpTracker(`http://127.0.0.1:${port}/announce`);
  const udp = new UdpTracker(`udp://127.0.0.1:${port}`, { firstWait: 2_000 });
  await until(
    () =>
      http.announce(requestOf({ port: 7001, event: 'started' })).then(
        () => true,
        () => false,
      ),
    said,
  );
  const answer = await udp.announce(requestOf({ port: 7002, left: 0, event: 'started' }));
  assert.ok(answer.peers.some((peer) => peer.ip === '127.0.0.1' && peer.port === 7001));
  assert.deepEqual([answer.seeds, answer.leechers], [1, 1]);
  const again = await http.announce(requestOf({ port: 7001 }));
  assert.ok(again.peers.some((peer) => peer.port === 7002));
  for (const client of [http, udp]) {
    const [counts] = await client.scrape([HASH]);
    assert.deepEqual([counts?.seeds, counts?.leechers, counts?.downloaded], [1, 1, 0], client.url);
    await assert.rejects(client.announce(requestOf({ infoHash: OTHER })), { failure: 'refused' });
  }
  await http.announce(requestOf({ port: 7001, event: 'stopped' }));
  assert.deepEqual((await udp.announce(requestOf({ port: 7002, left: 0 }))).leechers, 0);
});

/** What a client does with our tracker, over one scheme: its start, its being found, its end. */
const CLIENTS: Readonly<Record<string, (url: string, peerPort: number, cwd: string) => Promise<() => Promise<void>>>> =
  {
    libtorrent: async (url, peerPort, cwd) => {
      const script = join(import.meta.dirname, 'announce_libtorrent.py');
      const { child, said } = run('/usr/bin/python3', [script, toHex(HASH), String(peerPort), url], cwd);
      await until(
        () => /reply|error/.test(said()),
        () => `libtorrent: ${said()}`,
      );
      assert.match(said(), /reply/);
      return () => {
        child.stdin?.end();
        return Promise.resolve();
      };
    },
    aria2: async (url, peerPort, cwd) => {
      // Its UDP trackers go through the socket of its DHT, which knows nobody here.
      const dht = [
        `--dht-listen-port=${await freePort()}`,
        `--dht-file-path=${join(cwd, 'dht.dat')}`,
        '--enable-dht6=false',
      ];
      const args = [...dht, '--bt-enable-lpd=false', '--enable-peer-exchange=false'];
      const magnet = `magnet:?xt=urn:btih:${toHex(HASH)}&tr=${encodeURIComponent(url)}`;
      const { child, said } = run(
        'aria2c',
        [...args, `--listen-port=${peerPort}`, '--interface=127.0.0.1', magnet],
        cwd,
      );
      return async () => {
        child.kill('SIGINT');
        await until(
          () => child.exitCode !== null,
          () => `aria2 ends: ${said()}`,
        );
      };
    },
    transmission: async (url, peerPort, cwd) => {
      const rpc = await freePort();
      const flags = [
        '-f',
        '-g',
        cwd,
        '-w',
        cwd,
        '-p',
        String(rpc),
        '-P',
        String(peerPort),
        '-O',
        '-Y',
        '-M',
        '-T',
        '-C',
      ];
      const { said } = run('transmission-daemon', [...flags, '-r', '127.0.0.1', '-i', '127.0.0.1'], cwd);
      const magnet = `magnet:?xt=urn:btih:${toHex(HASH)}&tr=${encodeURIComponent(url)}`;
      const remote = (...args: string[]) => succeeds('transmission-remote', [`127.0.0.1:${rpc}`, ...args]);
      await until(
        () => remote('-a', magnet),
        () => `transmission: ${said()}`,
      );
      return async () => {
        // It says so in its own time: ended at once it may not say it at all.
        assert.ok(await remote('-t', 'all', '-r'), `transmission takes it out: ${said()}`);
      };
    },
  };

for (const [name, start] of Object.entries(CLIENTS)) {
  for (const scheme of ['http', 'udp'] as const) {
    test(`${name} announces over ${scheme}, is found by others, and is gone once it says so`, async () => {
      const server = new TrackerServer({ host: '127.0.0.1' });
      endings.push(() => server.close());
      const port = await server.listen();
      const peerPort = await freePort();
      const end = await start(`${scheme}://127.0.0.1:${port}/announce`, peerPort, folder());
      await until(
        () => server.stats().peers.ipv4 === 1,
        () => `${name} is listed: ${JSON.stringify(server.stats())}`,
      );
      const ask = new HttpTracker(`http://127.0.0.1:${port}/announce`);
      const answer = await ask.announce(requestOf({ port: 7001 }));
      assert.deepEqual(answer.peers, [{ ip: '127.0.0.1', port: peerPort }]);
      await ask.announce(requestOf({ port: 7001, event: 'stopped' }));
      const { counts } = server.stats();
      assert.deepEqual([counts.malformed, counts.udpForged], [0, 0]);
      assert.equal(scheme === 'udp' ? counts.udpAnnounces : counts.httpAnnounces - 2, 1);
      await end();
      await until(
        () => server.stats().swarms === 0,
        () => `${name} said that it stops: ${JSON.stringify(server.stats())}`,
      );
    });
  }
}
