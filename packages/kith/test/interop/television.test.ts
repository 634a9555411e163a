/** Televisions that nobody here wrote: GNOME's UPnP library and VLC, in a network of their own. Needs root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bare, Lab, type LabProcess, parsePcap, type RunResult } from '@kith/lab';
import { BIN, type Json } from '../program.ts';

const SCRIPT = join(import.meta.dirname, 'television_gupnp.py');
const LIBRARIES = 'import gi; gi.require_version("GUPnP", "1.6"); gi.require_version("GUPnPAV", "1.0")';
const skip =
  spawnSync('/usr/bin/python3', ['-c', LIBRARIES]).status === 0
    ? false
    : 'needs python3-gi, gir1.2-gupnp-1.6 and gir1.2-gupnp-av-1.0';
const skipVlc = existsSync('/usr/bin/vlc') ? false : 'needs vlc-bin and vlc-plugin-base';

/** What the control point says: a line each. */
interface Said {
  readonly kind: 'server' | 'object' | 'walked' | 'notified' | 'gone';
  readonly title?: string;
  readonly name?: string;
  readonly at?: string;
  readonly upnp?: string;
  readonly value?: number;
  readonly resources?: readonly { readonly url: string; readonly info: string; readonly size: number }[];
}

describe('televisions', { skip }, () => {
  let lab: Lab;
  let folder: string;
  /** The machine that shares: `eth0` leads to the television, `eth1` to others, `kith0` stands for a mesh. */
  let home: Bare;
  let television: Bare;
  let other: Bare;
  let point: LabProcess;
  let heard: () => Said[];

  async function kith(args: readonly string[], who = 'alice'): Promise<RunResult> {
    const env = { KITH_STATE: join(folder, who) };
    return home.run([process.execPath, BIN, ...args], { env, timeoutMs: 60_000 });
  }

  async function json(args: readonly string[], who = 'alice'): Promise<Json> {
    const { code, stdout, stderr } = await kith(['--json', ...args], who);
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout) as Json;
  }

  async function until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (const deadline = performance.now() + 30_000; performance.now() < deadline; await delay(50)) {
      const seen = look();
      if (seen !== undefined) return seen;
    }
    throw new Error(
      `${what} did not come: ${heard()
        .map((each) => JSON.stringify(each))
        .join('\n')}`,
    );
  }

  const titled = (title: string): Promise<Said> =>
    until(title, () => heard().findLast((each) => each.kind === 'object' && each.title === title));

  /** Begins to look around. */
  async function look(): Promise<void> {
    const started = await television.spawn(['/usr/bin/python3', SCRIPT, 'eth0']);
    point = started;
    heard = () => started.stdout.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Said);
  }

  /** What curl got. */
  async function fetched(who: Bare, url: string, range: string): Promise<{ status: string; bytes: Buffer }> {
    const into = join(folder, 'part');
    rmSync(into, { force: true });
    const words = ['--silent', '--noproxy', '*', '--max-time', '20', '-w', '%{http_code}', '-o', into, '-r', range];
    const { stdout } = await who.run(['curl', ...words, url], { timeoutMs: 30_000 });
    return { status: stdout, bytes: existsSync(into) ? readFileSync(into) : Buffer.alloc(0) };
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kith-tv-'));
    chmodSync(folder, 0o755);
    for (const who of ['alice', 'bob']) mkdirSync(join(folder, who), { mode: 0o700 });
    mkdirSync(join(folder, 'shelf', 'season'), { recursive: true });
    lab = await Lab.create();
    [home, television, other] = [await lab.bare('home'), await lab.bare('television'), await lab.bare('other')];
    await lab.cable({ machine: home, iface: 'eth0' }, { machine: television, iface: 'eth0' });
    await lab.cable({ machine: home, iface: 'eth1' }, { machine: other, iface: 'eth0' });
    await home.configure('address home', {
      ip: [
        'addr add 192.168.7.1/24 dev eth0',
        'addr add 192.168.8.1/24 dev eth1',
        'link add kith0 type veth peer name peer0',
        'addr add 10.0.0.1/24 dev kith0',
        'link set kith0 up',
        'link set peer0 up',
      ],
    });
    for (const [machine, address, via] of [
      [television, '192.168.7.2/24', '192.168.7.1'],
      [other, '192.168.8.2/24', '192.168.8.1'],
    ] as const) {
      await machine.configure(`address ${machine.name}`, {
        ip: [`addr add ${address} dev eth0`, `route add default via ${via}`],
      });
    }
    film(join(folder, 'shelf', 'film.mp4'));
    writeFileSync(join(folder, 'shelf', 'film.srt'), '1\n00:00:01,000 --> 00:00:02,000\nhello\n');
    film(join(folder, 'shelf', 'season', 'a & b <1>.mp4'));
    writeFileSync(join(folder, 'shelf', 'notes.txt'), 'nothing to see');
    await json(['share', join(folder, 'shelf')]);
  });
  after(async () => {
    for (const who of ['alice', 'bob']) await kith(['share', 'stop'], who);
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('see nothing before somebody says so', async () => {
    assert.equal((await json(['share', 'tv']))['on'], false);
    const { stdout } = await home.run(['ss', '-Htuln']);
    assert.doesNotMatch(stdout, /:1900\b|192\.168\./);
  });

  test('are asked for by the name of their network, and never in the mesh', async () => {
    const unnamed = await kith(['share', 'tv', 'on']);
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.stderr, /--interface is one of eth0, eth1\n/);
    for (const name of ['kith0', 'lo', 'eth7']) {
      assert.equal((await kith(['share', 'tv', 'on', '--interface', name])).code, 2, name);
    }
    assert.equal((await json(['share', 'tv']))['on'], false);
    const report = await json(['share', 'tv', 'on', '--interface', 'eth0']);
    assert.equal(report['places']?.[0]?.['url'], 'http://192.168.7.1:6553/device.xml');
    assert.equal(report['titles'], 2);
  });

  test('find the machine, walk through its folders and read any part of its films', async () => {
    await look();
    await until('the end of the walk', () => heard().find(({ kind }) => kind === 'walked'));
    const objects = heard().filter(({ kind }) => kind === 'object');
    assert.deepEqual(
      objects.map(({ title, upnp }) => [title, upnp]),
      [
        ['shelf', 'object.container.storageFolder'],
        ['season', 'object.container.storageFolder'],
        ['a & b <1>.mp4', 'object.item.videoItem'],
        ['film.mp4', 'object.item.videoItem'],
      ],
    );
    const bytes = readFileSync(join(folder, 'shelf', 'film.mp4'));
    const [whole, subtitles] = (await titled('film.mp4')).resources ?? [];
    assert.ok(whole !== undefined && subtitles !== undefined);
    assert.equal(whole.size, bytes.length);
    const part = await fetched(television, whole.url, '1000-20999');
    assert.equal(part.status, '206');
    assert.ok(part.bytes.equals(bytes.subarray(1000, 21_000)), 'other bytes');
    assert.match((await fetched(television, subtitles.url, '0-')).bytes.toString(), /hello/);
    const season = (await titled('a & b <1>.mp4')).resources?.[0]?.url ?? '';
    assert.equal((await fetched(television, season, '-1')).bytes.length, 1);
  });

  test('hear of a film that has begun to come, and play any part of it before it is there', async () => {
    const path = join(folder, 'bob', 'long.mkv');
    const bytes = randomBytes(8_000_000);
    writeFileSync(path, bytes);
    const shared = await json(['share', path, '--piece-size', '64k'], 'bob');
    await json(['share', 'limit', '--up', '300k'], 'bob');
    const magnet = String(shared['shares']?.[0]?.['magnet']);
    await json(['get', magnet, '-o', join(folder, 'in'), '--detach']);
    await until('word of it', () => heard().find((each) => each.kind === 'notified' && (each.value ?? 0) > 1));
    await point.stop();
    await look();
    const url = (await titled('long.mkv')).resources?.[0]?.url ?? '';
    const part = await fetched(television, url, '6000000-6099999');
    assert.equal(part.status, '206');
    assert.ok(part.bytes.equals(bytes.subarray(6_000_000, 6_100_000)), 'other bytes');
    const long = await json(['shares', 'long.mkv']);
    assert.equal(long['state'], 'downloading', 'all was there before it was asked for');
  });

  test('are played to through VLC', { skip: skipVlc }, async () => {
    const own = join(folder, 'vlc');
    mkdirSync(own);
    // It refuses to run as root.
    chmodSync(own, 0o777);
    const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', 'env', `HOME=${own}`];
    const words = [
      '-I',
      'dummy',
      '-vv',
      '--vout',
      'dummy',
      '--aout',
      'dummy',
      '--run-time',
      '1',
      '--recursive',
      'expand',
    ];
    const root = 'upnp://192.168.7.1:6553/control/content-directory?ObjectID=0';
    const vlc = await television.spawn([...user, '/usr/bin/vlc', ...words, root]);
    const opened = /http:\/\/192\.168\.7\.1:6553\/media\/\S*\/film\.mp4' successfully opened/;
    await vlc.waitFor(opened, 30_000);
    await vlc.stop();
  });

  test('of another network hear nothing and get nothing', async () => {
    const capture = await lab.capture(other, { filter: 'udp port 1900' });
    // All of it once more: coming, being looked for, going.
    await json(['share', 'tv', 'off']);
    await until('word that it is gone', () => heard().find(({ kind }) => kind === 'gone'));
    await json(['share', 'tv', 'on', '--interface', 'eth0']);
    await until('its return', () => (heard().filter(({ kind }) => kind === 'server').length === 2 ? true : undefined));
    const url = (await titled('film.mp4')).resources?.[0]?.url ?? '';
    assert.equal((await fetched(television, url, '0-9')).status, '206');
    assert.equal((await fetched(other, url, '0-9')).status, '000');
    assert.deepEqual(parsePcap(await capture.stop()), []);
  });

  test('see only what they may', async () => {
    const report = await json(['share', 'tv', 'on', '--share', 'long.mkv']);
    assert.equal(report['titles'], 1);
    assert.equal((await json(['share', 'tv', 'on', '--all']))['titles'], 3);
  });

  test('find it again after the share process was started anew', async () => {
    await kith(['share', 'stop']);
    await until('word that it is gone', () =>
      heard().filter(({ kind }) => kind === 'gone').length === 2 ? true : undefined,
    );
    assert.equal((await json(['share', 'tv']))['on'], true);
    await until('its return', () => (heard().filter(({ kind }) => kind === 'server').length === 3 ? true : undefined));
    const report = await json(['share', 'tv', 'off']);
    assert.deepEqual([report['on'], report['places']?.[0]?.['url']], [false, null]);
    const { stdout } = await home.run(['ss', '-Htuln']);
    assert.doesNotMatch(stdout, /:1900\b|:6553\b/);
  });
});

/** Ten seconds in which something moves. */
function film(path: string): void {
  const words = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=160x120:r=10', '-t', '10', '-c:v', 'mpeg4', path];
  const { status, stderr } = spawnSync('ffmpeg', words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
