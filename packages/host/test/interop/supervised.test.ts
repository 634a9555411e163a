/** The daemons of a gateway, as kith configures them, under the supervisor. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DaemonValue } from '@kith/gateway';
import { type DaemonReport, must } from '@kith/host';
import { markedBelow } from '../../src/supervisor/child.ts';
import { type RemoteSupervisor, remoteSupervisor } from '../supervisor/supervisor-process.ts';
import { until } from '../until.ts';

const NAMESPACE = `kith-sv-${process.pid}`;
const TIMING = {
  alive: 300,
  answer: 300,
  missed: 2,
  ready: 5_000,
  grace: 1_000,
  backOff: { first: 50, most: 400, healthy: 60_000 },
};
let folder = '';
let remote: RemoteSupervisor;

before(async () => {
  // Daemons give up their rights and still have to reach what lies in it.
  folder = mkdtempSync(join(tmpdir(), 'kith-supervised-'));
  await must(['chmod', '755', folder]);
  await must(['ip', 'netns', 'add', NAMESPACE]);
  await must(['ip', '-n', NAMESPACE, '-batch', '-'], {
    input: [
      'link set lo up',
      'link add br0 type bridge',
      'link set br0 up',
      'address add 10.70.0.2/16 dev br0',
      'address add fd70::2/64 dev br0 nodad',
    ].join('\n'),
  });
  remote = remoteSupervisor(folder, TIMING, NAMESPACE);
});

after(async () => {
  await remote.leave();
  for (const { entry } of markedBelow(`${folder}/daemons`)) process.kill(entry.pid, 'SIGKILL');
  await must(['ip', 'netns', 'delete', NAMESPACE]);
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, lines: readonly string[]): string {
  writeFileSync(`${folder}/${name}`, `${lines.join('\n')}\n`);
  return `${folder}/${name}`;
}

function dnsmasq(zone = 'mesh'): DaemonValue {
  const path = file('dnsmasq.conf', [
    ...['bind-dynamic', 'interface=br0', 'except-interface=lo', 'pid-file=', 'log-facility=-', 'no-hosts', 'no-resolv'],
    `host-record=gw.${zone},10.70.0.2,fd70::2`,
  ]);
  return {
    argv: ['dnsmasq', '--keep-in-foreground', `--conf-file=${path}`],
    ready: { type: 'dns', address: '10.70.0.2', port: 53, name: 'gw.mesh' },
    reads: { [path]: zone },
  };
}

function chronyd(name = 'chronyd'): DaemonValue {
  mkdirSync(`${folder}/${name}`, { recursive: true });
  const path = file(`${name}.conf`, [
    ...['allow fd70::/64', 'local stratum 10', 'cmdport 0'],
    `pidfile ${folder}/${name}.pid`,
    `bindcmdaddress ${folder}/${name}/chronyd.sock`,
  ]);
  return {
    argv: ['chronyd', '-d', '-x', '-f', path],
    ready: { type: 'ntp', address: 'fd70::2', port: 123 },
    reads: {},
  };
}

async function named(name: string): Promise<DaemonReport> {
  return (await remote.ask({})).find((each) => each.name === name) ?? assert.fail(`no ${name}`);
}

test('dnsmasq and chronyd get ready and are started again when they are killed', async () => {
  for (const [name, value] of Object.entries({ dnsmasq: dnsmasq(), chronyd: chronyd() })) {
    await remote.ask({ start: name, value });
    const { pid, state } = await named(name);
    assert.equal(state, 'ready');
    process.kill(pid ?? assert.fail('no process'), 'SIGKILL');
    await until(`${name} is ready again`, async () => {
      const now = await named(name);
      return now.state === 'ready' && now.pid !== pid;
    });
  }
  assert.match((await named('dnsmasq')).lastWords.join('\n'), /started, version/);
});

test('a daemon that hangs is ended and started again', async () => {
  const { pid } = await named('dnsmasq');
  process.kill(pid ?? assert.fail('no process'), 'SIGSTOP');
  await until('dnsmasq is ready again', async () => {
    const now = await named('dnsmasq');
    return now.state === 'ready' && now.pid !== pid;
  });
  assert.match(
    readFileSync(`${folder}/log/dnsmasq.log`, 'utf8'),
    /no longer answers: no answer from 10\.70\.0\.2 port 53/,
  );
});

test('the supervisor is killed: both serve on, and the next one takes them over', async () => {
  const pids = [(await named('dnsmasq')).pid, (await named('chronyd')).pid];
  await remote.kill();
  remote = remoteSupervisor(folder, TIMING, NAMESPACE);
  await remote.ask({ start: 'dnsmasq', value: dnsmasq() });
  await remote.ask({ start: 'chronyd', value: chronyd() });
  assert.deepEqual([(await named('dnsmasq')).pid, (await named('chronyd')).pid], pids);
});

test('a daemon that answers something else than it should is not ready', async () => {
  await assert.rejects(
    remote.ask({ start: 'dnsmasq', value: dnsmasq('other') }),
    /dnsmasq: was not ready within 5 s: it does not know gw\.mesh \(REFUSED\)/,
  );
});

test("a taken port is told in the daemon's words, and somebody else's answers are not believed", async () => {
  await remote.ask({ start: 'dnsmasq', value: dnsmasq() });
  await assert.rejects(
    remote.ask({ start: 'second', value: { ...dnsmasq(), reads: {} } }),
    /second: ended with exit code 2; its last words:\n.*Address already in use/,
  );
  await assert.rejects(
    remote.ask({
      start: 'impostor',
      value: { argv: ['sleep', '1000'], ready: chronyd().ready, reads: {} },
    }),
    /impostor: was not ready within 5 s: another process answers on port 123\/udp/,
  );
});
