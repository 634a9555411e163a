/** Whole networks of real daemons in namespaces: what a person does to get from nothing to a ping, and what is refused. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Host, type Internet, Lab, type RunResult } from '@kith/lab';
import { ERRORS, type ErrorCode } from '@kith/core';
import { BIN, type Json, runCommand, Sandbox } from '../program.ts';

/** A machine of the lab with kith on it and state of its own. */
class Kith {
  readonly host: Host;
  readonly sandbox: Sandbox = new Sandbox();

  constructor(host: Host) {
    this.host = host;
  }

  run(args: readonly string[], input = ''): Promise<RunResult> {
    return this.host.run([process.execPath, BIN, ...args], {
      env: { KITH_STATE: this.sandbox.state },
      input,
      timeoutMs: 60_000,
    });
  }

  async json(args: readonly string[], input = ''): Promise<Json> {
    const { stdout } = await this.run(['--json', ...args], input);
    return JSON.parse(stdout) as Json;
  }

  async must(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    assert.equal(code, 0, `kith ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Asks until `content` with what `kith status --json` says. */
  async until(what: string, content: (status: Json) => boolean, deadlineMs = 15_000): Promise<Json> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const status = await this.json(['status']);
      if (content(status)) return status;
      assert.ok(performance.now() < deadline, `${what}: ${JSON.stringify(status)}`);
    }
  }

  async close(): Promise<void> {
    await this.run(['down']);
    this.sandbox.remove();
  }
}

function refused(outcome: RunResult, code: ErrorCode, message: RegExp): void {
  assert.match(outcome.stderr, message);
  assert.ok(outcome.stderr.includes(ERRORS[code].advice), `the advice of ${code} in: ${outcome.stderr}`);
  assert.equal(outcome.code, ERRORS[code].exit);
}

function member(status: Json, name: string): Json | undefined {
  const members: readonly Json[] = status['members'] ?? [];
  return members.find((each) => each['name'] === name);
}

describe('a network of real daemons', () => {
  let lab: Lab;
  let internet: Internet;
  let alice: Kith;
  let bob: Kith;
  const all: Kith[] = [];

  const machine = async (name: string): Promise<Kith> => {
    const kith = new Kith(await lab.host(name, { on: internet }));
    all.push(kith);
    return kith;
  };

  before(async () => {
    lab = await Lab.create();
    internet = await lab.internet();
    alice = await machine('alice');
    bob = await machine('bob');
    await alice.must(['-n', 'home', 'init', 'alice', '--prefix', '10.7.0.0/24']);
    await alice.must(['up']);
  });
  after(async () => {
    await Promise.all(all.map((each) => each.close()));
    await lab.close();
  });

  it('grows by an invite and a join, and carries packets', async () => {
    const token = await alice.must(['invite', 'bob']);
    assert.match(await bob.must(['join', '-'], token), /^asking home .*\njoined home as bob, 10\.7\.0\.2\n/);
    await bob.must(['up']);
    await bob.until('alice is online', (status) => member(status, 'alice')?.['online'] === true);
    const { code, stdout } = await bob.host.run(['ping', '-c', '1', '-W', '5', '10.7.0.1'], { timeoutMs: 20_000 });
    assert.equal(code, 0, stdout);
    assert.match(await bob.must(['ping', 'alice', '-c', '1']), /^alice \(10\.7\.0\.1\): [\d.]+ ms, direct /);
    assert.match(await bob.must(['trace', '10.7.0.1']), /^alice \(10\.7\.0\.1\)\n/);
    const status = await bob.until(
      'the path is direct',
      (each) => member(each, 'alice')?.['path']?.['kind'] === 'direct',
    );
    assert.equal(status['interface']?.['name'], 'kith-home');
    assert.ok(Number(member(status, 'alice')?.['receivedBytes']) > 0);
  });

  it('keeps no right but the one to work on its interface', async () => {
    const { pid } = (await bob.json(['status'])) as { pid: number };
    const caps = /^CapEff:\s+(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
    assert.equal(BigInt(`0x${caps}`), 1n << 12n, 'CAP_NET_ADMIN');
  });

  it('refuses an invite that was used, one that was revoked, and a name that is taken', async () => {
    const carol = await machine('carol');
    const token = await alice.must(['invite']);
    refused(
      await carol.run(['join', '-', '--name', 'alice'], token),
      'NAME_TAKEN',
      /the name alice belongs to the member at 10\.7\.0\.1/,
    );
    await carol.must(['join', '-', '--name', 'carol'], token);
    const late = await machine('late');
    refused(await late.run(['join', '-'], token), 'INVITE_USED', /invite/);
    const second = await alice.must(['invite', 'late']);
    await alice.must(['revoke', 'late']);
    refused(await late.run(['join', '-'], second), 'INVITE_REVOKED', /invite/);
    assert.deepEqual((await late.json(['networks']))['networks'], []);
  });

  it('says that nobody answers when nobody does', async () => {
    const lost = await machine('lost');
    const dead = await machine('dead');
    await dead.must(['-n', 'dead', 'init', 'dead', '--prefix', '10.8.0.0/24', '--endpoint', dead.host.address]);
    const token = await dead.must(['invite']);
    refused(await lost.run(['join', '-', '--timeout', '2s'], token), 'JOIN_TIMEOUT', /no member of dead answered/);
  });

  it('warns at the join, and refuses to come up, where its prefix is in use', async () => {
    const clash = await machine('clash');
    await clash.host.configure('add an address to', {
      ip: ['link add other type bridge', 'address add 10.7.0.200/25 dev other', 'link set other up'],
    });
    const token = await alice.must(['invite', 'clash']);
    assert.match(
      await clash.must(['join', '-'], token),
      /warning: the mesh's prefix 10\.7\.0\.0\/24 overlaps 10\.7\.0\.128\/25 on interface other/,
    );
    refused(await clash.run(['up']), 'PREFIX_OVERLAP', /on interface other/);
    refused(
      await clash.run(['-n', 'mine', 'init', 'me', '--prefix', '10.7.0.0/16']),
      'PREFIX_OVERLAP',
      /overlaps 10\.7\.0\.128\/25 .*; 10\.0\.0\.0\/24 is free here: --prefix 10\.0\.0\.0\/24/,
    );
  });

  it('loses a revoked member at once, and tells it who did it', async () => {
    await alice.must(['revoke', 'bob']);
    const status = await bob.until('bob knows', (each) => each['member'] === false);
    assert.equal(status['revokedBy'], 'alice');
    assert.equal(status['interface'], null);
    assert.match(await bob.must(['status']), /^this node is no member of home any more: it was revoked by alice\n$/);
    assert.equal((await bob.host.run(['ip', 'link', 'show', 'kith-home'])).code, 1, 'the interface is gone');
    await bob.must(['down']);
    refused(await bob.run(['up']), 'NODE_REVOKED', /it was revoked by alice/);
  });

  it('takes its interface away when it goes down', async () => {
    await alice.must(['down']);
    assert.equal((await alice.host.run(['ip', 'link', 'show', 'kith-home'])).code, 1);
  });
});

describe('a machine that gives kith no right to make interfaces', () => {
  it('is told which right to grant', async () => {
    const sandbox = new Sandbox();
    const env = { KITH_STATE: sandbox.state };
    const kith = ['setpriv', '--bounding-set', '-net_admin', process.execPath, BIN];
    try {
      assert.equal(
        (await runCommand([...kith, 'init', 'me', '--prefix', '198.18.9.0/24', '--port', '0'], env)).code,
        0,
      );
      for (const args of [['up'], ['up', '-f']]) {
        const { code, stderr } = await runCommand([...kith, ...args], env);
        assert.equal(code, ERRORS.TUN_PERMISSION.exit, stderr);
        assert.match(stderr, /interface kith needs CAP_NET_ADMIN .*setcap cap_net_admin/);
      }
      assert.ok(readFileSync(join(sandbox.folder('kith'), 'config.yaml'), 'utf8').includes('port: 0'));
    } finally {
      sandbox.remove();
    }
  });
});
