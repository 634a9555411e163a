import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lab, LabError } from '../src/index.ts';
import { Peer, until } from './peer.ts';

const OWNER = fileURLToPath(new URL('./lab-owner.ts', import.meta.url));
const left = (prefix: string) => readdirSync('/run/netns').filter((name) => name.startsWith(prefix));

/** Whether a process with this id runs: a zombie does not. */
function runs(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}

describe('a lab', () => {
  it('builds four machines in less than 1.5 s and draws them', async () => {
    const start = performance.now();
    const lab = await Lab.create({ name: 'four machines' });
    try {
      const internet = await lab.internet();
      const [, , home] = await Promise.all([
        lab.host('externalnyc', { on: internet, address: '203.0.113.10/24' }),
        lab.host('externalblr', { on: internet, address: '198.51.100.10', firewall: 'closed' }),
        lab.router('home', { on: internet, address: '192.0.2.10', udp: 'blocked' }),
      ]);
      await lab.host('fedora', { on: home });
      await lab.host('pi', { on: home });
      const elapsed = performance.now() - start;
      assert.ok(elapsed < 1500, `${elapsed} ms`);
      assert.equal(
        lab.pretty(),
        [
          'four machines',
          'internet 203.0.113.0/24 198.51.100.0/24 192.0.2.0/24',
          '├─ externalnyc 203.0.113.10',
          '├─ externalblr 198.51.100.10 [firewall closed]',
          '└─ home 192.0.2.10 [nat preserving, udp blocked] lan 192.168.1.0/24',
          '   ├─ fedora 192.168.1.10',
          '   └─ pi 192.168.1.11',
        ].join('\n'),
      );
    } finally {
      await lab.close();
    }
  });

  it('leaves no namespace and no process when it closes', async () => {
    const lab = await Lab.create();
    const internet = await lab.internet();
    const host = await lab.host('host', { on: internet });
    await lab.capture(host);
    const stubborn = await host.spawn(['sh', '-c', `trap '' TERM; setsid sleep 600 & echo child $!; sleep 600`]);
    const [, child] = await stubborn.waitFor(/^child (\d+)$/);
    assert.equal(left(lab.prefix).length, 2);
    assert.equal(runs(Number(child)), true);
    await Promise.all([lab.close(), lab.close()]);
    assert.deepEqual(left(lab.prefix), []);
    await until('both processes are gone', 2000, () => !runs(Number(child)) && !runs(stubborn.pid));
    await assert.rejects(lab.host('late', { on: internet }), /the lab is closed/);
  });

  it('leaves nothing within 5 s when its process is killed', async () => {
    const owner = spawn(
      process.execPath,
      [...process.execArgv.filter((arg) => arg.startsWith('--conditions')), OWNER],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: owner.stdout }).once('line', resolve);
      owner.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)));
    });
    const [, prefix = '', ...pids] = /^prefix (\S+) pids (\d+) (\d+)$/.exec(line) ?? [];
    assert.equal(left(prefix).length, 2);
    assert.deepEqual(pids.map(Number).map(runs), [true, true]);
    owner.kill('SIGKILL');
    await until(
      'namespaces and processes are gone',
      5000,
      () => left(prefix).length === 0 && !pids.map(Number).some(runs),
    );
  });

  it('sweeps what dead runs left, and nothing of the living', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      // A namespace of a process with this pid that started at another time.
      const [, pid = ''] = lab.prefix.split('-');
      const dead = `kl-${pid}-0-1-orphan`;
      assert.equal((await internet.run(['ip', 'netns', 'add', dead])).code, 0);
      assert.ok((await Lab.sweep()).includes(dead));
      assert.deepEqual(left(`kl-${pid}-0-`), []);
      assert.equal(left(lab.prefix).length, 1);
    } finally {
      await lab.close();
    }
  });

  it('does not disturb another one with the same names and addresses', async () => {
    const labs = await Promise.all([Lab.create(), Lab.create()]);
    try {
      const pairs = await Promise.all(
        labs.map(async (lab) => {
          const internet = await lab.internet();
          const server = await lab.host('server', { on: internet, address: '203.0.113.10' });
          const home = await lab.router('home', { on: internet, address: '203.0.113.20' });
          const host = await lab.host('host', { on: home });
          const [atServer, peer] = await Promise.all([Peer.start(server, 7000), Peer.start(host, 6550)]);
          return { atServer, peer };
        }),
      );
      for (const [i, { peer }] of pairs.entries()) {
        peer.send('203.0.113.10', 7000, `from-lab-${i}`);
        assert.equal(await peer.seenBy('203.0.113.10', 7000), '203.0.113.20:6550');
      }
      assert.deepEqual(
        pairs.map(({ atServer }) => [atServer.count('from-lab-0'), atServer.count('from-lab-1')]),
        [
          [1, 0],
          [0, 1],
        ],
      );
      await labs[0]?.close();
      assert.equal(await pairs[1]?.peer.seenBy('203.0.113.10', 7000), '203.0.113.20:6550');
    } finally {
      await Promise.all(labs.map(async (lab) => lab.close()));
    }
  });

  it('cannot reach anything outside of itself', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const host = await lab.host('host', { on: internet });
      const { stdout } = await internet.run(['ip', '-o', 'link']);
      assert.deepEqual(
        new Set([...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map((each) => each[1])),
        new Set(['lo', 'net0', 'net1', 'net2', 'p1']),
      );
      assert.equal((await host.run(['ping', '-c', '1', '-W', '1', '10.0.0.1'])).code, 1);
    } finally {
      await lab.close();
    }
  });

  it('says what is wrong with a name, an address, or a user', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      await lab.host('taken', { on: internet, address: '203.0.113.10' });
      await assert.rejects(lab.internet(), /there is a machine called internet already/);
      await assert.rejects(lab.host('taken', { on: internet }), /there is a machine called taken already/);
      await assert.rejects(lab.host('Not a name', { on: internet }), /"Not a name" is no name for a machine/);
      await assert.rejects(lab.host('second', { on: internet, address: '203.0.113.10' }), /203\.0\.113\.10 is taken/);
      await assert.rejects(
        lab.host('private', { on: internet, address: '10.0.0.1' }),
        /10\.0\.0\.1 is not public here/,
      );
      await assert.rejects(lab.router('six', { on: internet, ipv6: true }), /six cannot have IPv6/);
    } finally {
      await lab.close();
    }
    const getuid = process.getuid;
    process.getuid = () => 1000;
    try {
      await assert.rejects(Lab.create(), LabError);
    } finally {
      if (getuid !== undefined) process.getuid = getuid;
    }
  });
});

describe('a process in a lab', () => {
  it('is waited for by what it prints, and stopped with its children', async () => {
    const lab = await Lab.create();
    const folder = mkdtempSync(join(tmpdir(), 'lab-'));
    try {
      const internet = await lab.internet();
      const log = join(folder, 'log');
      const env = { GREETING: 'hello' };
      const program = 'echo $GREETING; sleep 600 & echo child $!; read line; echo got $line >&2; wait';
      const started = await internet.spawn(['sh', '-c', program], { env, log });
      await started.waitFor(/^hello$/);
      const [, child] = await started.waitFor(/^child (\d+)$/);
      started.write('a line');
      await started.waitFor(/^got a line$/);
      await assert.rejects(
        started.waitFor(/^never$/, 50),
        /printed no line matching .* within 50 ms; it printed:\n {2}hello/,
      );
      started.forget();
      await assert.rejects(started.waitFor(/^hello$/, 50), /it printed:\n {2}nothing/);
      assert.deepEqual(await started.stop(), { code: null, signal: 'SIGTERM' });
      await until('the child is gone', 2000, () => !runs(Number(child)));
      await assert.rejects(started.waitFor(/^never$/), /ended without a line/);
      await until('the log is written', 2000, () => readFileSync(log, 'utf8').endsWith('got a line\n'));
    } finally {
      await lab.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('that is run to its end gives its outputs and code, and does not run for ever', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const result = await internet.run(['sh', '-c', 'cat; echo wrong >&2; exit 3'], { input: 'text' });
      assert.deepEqual(result, { stdout: 'text', stderr: 'wrong\n', code: 3 });
      await assert.rejects(internet.run(['sleep', '600'], { timeoutMs: 50 }), /sleep 600 did not end within 50 ms/);
    } finally {
      await lab.close();
    }
  });
});
