/** fastd with kith's configuration against routers' fastd. Without batman-adv: the TAP is a port of the bridge. Needs root. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Desired, desiredOn, type Gateway, gatewayOn, type ItemOf, readGatewayFile } from '@kith/gateway';
import { fastdStatus } from '@kith/host';
import { Lab, type LabProcess, type Machine } from '@kith/lab';
import { until } from '../until.ts';
import { fastdKey, missing, startRouter, type FastdKey } from '../fastd.ts';

const skip = missing('fastd', 'dnsmasq', 'udhcpc');
const UNDERLAY = '192.0.2.1';
const folder = mkdtempSync(join(tmpdir(), 'kith-fastd-'));
const { state, run } = foldersOf('tower');
const status = join(run, 'fastd-fmie.sock');
const own: FastdKey = skip === false ? fastdKey() : { secret: '', public: '' };

let lab: Lab;
let tower: Machine;
let home: Machine;

before(async () => {
  if (skip !== false) return;
  lab = await Lab.create();
  [tower, home] = await Promise.all([lab.bare('tower'), lab.bare('home')]);
  await lab.cable({ machine: tower, iface: 'eth0' }, { machine: home, iface: 'eth0' });
  await Promise.all([
    tower.configure('give an underlay to', { ip: [`addr add ${UNDERLAY}/24 dev eth0`] }),
    home.configure('give an underlay to', { ip: ['addr add 192.0.2.2/24 dev eth0'] }),
  ]);
});

after(async () => {
  if (skip === false) await lab.close();
  rmSync(folder, { recursive: true });
});

function foldersOf(name: string): { state: string; run: string } {
  return { state: join(folder, name, 'state'), run: join(folder, name, 'run') };
}

/** Kith's configuration for a gateway that lets in whom `fastd` says, written to the folder. */
function configured(fastd: string, name = 'tower', key = own, more = ''): { gateway: Gateway; desired: Desired } {
  const text = `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  domains: { fmie: { prefix4: 10.70.0.0/16 } }
  exit: eth0
  vpn: { fastd: { port: 10000, ${fastd} } }
${more}`;
  const { settings, causeOf } = readGatewayFile(text, 'kith.yaml');
  const host = {
    name,
    memoryBytes: 2 ** 30,
    initialNamespace: false,
    mesh: null,
    exitMtu: 1500,
    draining: false,
    folders: foldersOf(name),
  };
  const gateway = gatewayOn(host, settings, { seeds: {}, fastd: key.public, wireguard: null });
  const desired = desiredOn(gateway, causeOf);
  for (const { item } of desired.wanted) {
    if (item.kind === 'directory') mkdirSync(item.name, { recursive: true });
    if (item.kind !== 'file') continue;
    mkdirSync(dirname(item.name), { recursive: true });
    writeFileSync(item.name, item.value.content);
  }
  writeFileSync(join(host.folders.state, 'fastd.secret'), `secret "${key.secret}";\n`, { mode: 0o600 });
  return { gateway, desired };
}

async function startDaemon(desired: Desired, name: string, machine: Machine = tower): Promise<LabProcess> {
  const items = desired.wanted.map(({ item }) => item);
  const daemon = items.find((item): item is ItemOf<'daemon'> => item.kind === 'daemon' && item.name === name);
  return machine.spawn(daemon?.value.argv ?? assert.fail(`no daemon ${name}`));
}

async function startGateway(desired: Desired, machine?: Machine): Promise<LabProcess> {
  const daemon = await startDaemon(desired, 'fastd-fmie', machine);
  await daemon.waitFor(/bound to/);
  return daemon;
}

/** Lets a router into the folder of known ones. */
function know(name: string, key: FastdKey): void {
  writeFileSync(join(state, 'routers', name), `key "${key.public}";\n`);
}

function router(name: string, key: FastdKey): Promise<LabProcess> {
  return startRouter(home, { name, key, gateway: { key: own.public, address: UNDERLAY, port: 10_000 }, folder });
}

async function sessions(): Promise<string[]> {
  const { peers } = await fastdStatus(status);
  return peers.filter(({ session }) => session !== null).map(({ key }) => key);
}

async function isConnected(key: FastdKey): Promise<boolean> {
  return (await sessions()).includes(key.public);
}

/** A peer that fastd has just come to know waits for its next handshake key, a quarter of a minute: the router tries again. */
async function connects(name: string, key: FastdKey): Promise<LabProcess> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const peer = await router(name, key);
    const again = performance.now() + 3000;
    while (performance.now() < again) {
      if (await isConnected(key)) return peer;
      await sleep(50);
    }
    await peer.stop();
    assert.ok(performance.now() < deadline, `${name} does not get in`);
  }
}

/** The router tries, and tries again: it would not with a session. fastd waits for twenty seconds in between. */
async function triesInVain(name: string, key: FastdKey): Promise<void> {
  const tries = await router(name, key);
  await tries.waitFor(/sending handshake/);
  tries.forget();
  await tries.waitFor(/sending handshake/, 45_000);
  assert.ok(!(await isConnected(key)));
  await tries.stop();
}

test('a known router connects, takes a lease and reaches the gateway', { skip, timeout: 120_000 }, async () => {
  const { gateway, desired } = configured('accept: known');
  const [domain] = gateway.domains;
  assert.ok(domain !== undefined);
  const key = fastdKey();
  know('r1', key);
  const daemon = await startGateway(desired);
  const { bridge, fastd } = domain.names;
  await tower.configure('bridge', {
    ip: [
      `link add ${bridge} type bridge`,
      `link set ${fastd} master ${bridge} up`,
      `addr add ${domain.address4}/16 dev ${bridge}`,
      `addr add ${domain.address6}/64 dev ${bridge} nodad`,
      `link set ${bridge} up`,
    ],
  });
  const dnsmasq = await startDaemon(desired, 'dnsmasq');
  const peer = await router('r1', key);
  await peer.waitFor(/established/);
  await home.configure('raise the tunnel of', { ip: ['link set r1 up'] });

  const script = join(folder, 'lease.sh');
  writeFileSync(
    script,
    '#!/bin/sh\n[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface" && echo "mtu $mtu"\nexit 0\n',
    {
      mode: 0o755,
    },
  );
  const lease = await home.run(
    ['udhcpc', '-i', 'r1', '-O', 'mtu', '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', script],
    {
      timeoutMs: 20_000,
    },
  );
  assert.equal(lease.code, 0, `${lease.stdout}${lease.stderr}${dnsmasq.stderr.join('\n')}`);
  assert.match(lease.stdout, new RegExp(`mtu ${domain.sizes.client}`));
  const ping = await home.run(['ping', '-c', '2', '-i', '0.2', domain.address4]);
  assert.equal(ping.code, 0, ping.stdout);

  const seen = await fastdStatus(status);
  assert.equal(seen.interface, fastd);
  const [known] = seen.peers;
  assert.deepEqual([known?.key, known?.name, known?.session?.method], [key.public, 'r1', 'salsa2012+umac']);
  assert.match(known?.address ?? '', /^192\.0\.2\.2:/);
  assert.ok((known?.session?.traffic.rx.packets ?? 0) > 3 && known?.session?.macs.length === 1, JSON.stringify(known));
  // What it leaves behind must not keep the next one from starting.
  await Promise.all([daemon, dnsmasq, peer].map((each) => each.kill()));
});

test('an unknown router is refused until its key is approved', { skip, timeout: 120_000 }, async () => {
  const { desired } = configured('accept: known');
  const key = fastdKey();
  const daemon = await startGateway(desired);
  await triesInVain('r2', key);
  await daemon.waitFor(new RegExp(`unknown key ${key.public}`));
  mkdirSync(join(state, 'approved'));
  writeFileSync(join(state, 'approved', key.public), '');
  const peer = await connects('r2', key);
  await Promise.all([daemon, peer].map((each) => each.stop()));
});

test('one router more than the limit is kept out', { skip, timeout: 120_000 }, async () => {
  const { desired } = configured('accept: known, limit: 2');
  const keys = [fastdKey(), fastdKey(), fastdKey()] as const;
  // Who is known from the start has no handshake key to wait for.
  for (const [i, key] of keys.entries()) know(`r${i + 3}`, key);
  const daemon = await startGateway(desired);
  const first = await connects('r3', keys[0]);
  const second = await connects('r4', keys[1]);
  await triesInVain('r5', keys[2]);
  assert.ok((await isConnected(keys[0])) && (await isConnected(keys[1])));
  await Promise.all([daemon, first, second].map((each) => each.stop()));

  const again = await startGateway(desired);
  const third = await connects('r5', keys[2]);
  await Promise.all([again, third].map((each) => each.stop()));
});

test('gateways of one community find one another', { skip, timeout: 120_000 }, async () => {
  const key = fastdKey();
  const more = `  gateways:
    tower: { endpoints: ${UNDERLAY}, fastd: "${own.public}" }
    cave: { endpoints: [cave.invalid, 192.0.2.2], fastd: "${key.public}" }
`;
  const ends = [
    await startGateway(configured('limit: 1', 'tower', own, more).desired),
    await startGateway(configured('limit: 1', 'cave', key, more).desired, home),
  ];
  await until('they have a session', () => isConnected(key), 60_000);
  await Promise.all(ends.map((each) => each.stop()));
});
