/** dnsmasq and chronyd with the configuration of the small file, asked by a client through the rules. Needs root. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { ItemOf } from '@kith/gateway';
import { DESIRED, domain, inside, must, namespace, setUp, sh, tearDown } from '../stage.ts';

const NEEDED = ['dnsmasq', 'chronyd'];
const absent = NEEDED.filter(
  (program) => sh(`command -v ${program} || command -v /usr/sbin/${program} || true`).output === '',
);
const skip = absent.length === 0 ? false : `needs ${absent.join(' and ')}`;
const running: ChildProcess[] = [];
let said = '';

before(() => {
  if (skip !== false) return;
  setUp();
  const daemons = DESIRED.wanted
    .map(({ item }) => item)
    .filter((item): item is ItemOf<'daemon'> => item.kind === 'daemon');
  for (const { value } of daemons) {
    const child = spawn('ip', ['netns', 'exec', namespace('gateway'), ...value.argv], { stdio: 'pipe' });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    running.push(child);
  }
});

after(async () => {
  for (const child of running) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve));
  }
  if (skip === false) tearDown();
});

/** A script of Node in the client's namespace, tried until it prints what is wanted. */
async function prints(script: string, wanted: RegExp): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const { output } = sh(`exec ip netns exec ${namespace('client')} "${process.execPath}" -`, script);
    if (wanted.test(output)) return;
    assert.ok(Date.now() < deadline, `${output}\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function resolving(server: string, call: string): string {
  return `const { Resolver } = require("node:dns").promises; const r = new Resolver({ timeout: 1000, tries: 1 }); r.setServers(["${server}"]);
    r.${call}.then((a) => console.log(JSON.stringify(a)), (e) => console.log(e.code))`;
}

/** RFC 4330: mode 3 in, mode 4 out. */
function sntp(server: string, type: 'udp4' | 'udp6'): string {
  return `const s = require("node:dgram").createSocket("${type}"); const q = Buffer.alloc(48); q[0] = 0x23;
    s.on("message", (m) => { console.log("mode", m[0] & 7, "stratum", m[1]); process.exit() }); s.send(q, 123, "${server}"); setTimeout(() => { console.log("silence"); process.exit() }, 1000)`;
}

for (const [family, server] of [
  [4, domain.address4],
  [6, `[${domain.address6}]`],
] as const) {
  test(`names of the zone are answered over IPv${family}, both families of them`, { skip }, async () => {
    await prints(resolving(server, 'resolve4("gw.freemesh")'), new RegExp(`"${domain.address4}"`));
    await prints(resolving(server, 'resolve6("gw.freemesh")'), new RegExp(`"${domain.address6}"`));
    await prints(resolving(server, 'resolve4("nobody.freemesh")'), /ENOTFOUND/);
  });
}

test('the time is answered over both families', { skip }, async () => {
  await prints(sntp(domain.address4, 'udp4'), /mode 4 stratum 10/);
  await prints(sntp(domain.address6, 'udp6'), /mode 4 stratum 10/);
});

test('a client that listens takes an address, a way out and the size of packets', { skip }, async () => {
  must('client', 'sysctl -qw net.ipv6.conf.eth0.accept_ra=1', 'ip link set eth0 down', 'ip link set eth0 up');
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { output } = inside(
      'client',
      'ip -6 addr show dev eth0 dynamic; ip -6 route show default proto ra; cat /proc/sys/net/ipv6/conf/eth0/mtu',
    );
    if (/inet6 fda8:[^]*default via fe80:[^]*\n1492\n/.test(output)) return;
    assert.ok(Date.now() < deadline, `${output}\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});
