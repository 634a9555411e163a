/**
 * Runs in a guest of user-mode Linux, whose first namespace is the gateway. Kith applies it; the routers are put up by hand:
 *
 *     tower ── fastd ── near ── veth ── far ── bridge ── client
 *
 * This kernel knows neither tables of the family inet nor WireGuard: they are left out of what is wanted.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Desired, desiredOn, gatewayOn, readGatewayFile } from '@kith/gateway';
import { type BatmanStatus, batmanStatus, fastdStatus, must, run, Supervisor, Transactions } from '@kith/host';
import { fastdKey } from '../fastd.ts';
import { until } from '../until.ts';

const FILE = `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  exit: eth0
  domains: { fmie: { prefix4: 10.70.0.0/16, mesh: { interval: 1000 } } }
  vpn: { fastd: { port: 10000 } }
  bandwidth: { down: 60, up: 20 }
  bans: false
`;
const UNDERLAY = '192.0.2.1';
const NEAR = ['ip', 'netns', 'exec', 'near'];
const FAR = ['ip', 'netns', 'exec', 'far'];
const CLIENT = ['ip', 'netns', 'exec', 'client'];
/** What udhcpc calls with what it was told. */
const SCRIPT = '/run/tmp/lease.sh';
const LEASE = `#!/bin/sh
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface" && echo "router $router"
exit 0
`;
const UDHCPC = [...CLIENT, 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-T', '1', '-s', SCRIPT];
const state = '/run/kith/state';
const folders = { state, run: '/run/kith/run' };

const own = fastdKey();
const { settings, causeOf } = readGatewayFile(FILE, 'kith.yaml');
const supervisor = await Supervisor.open({ folder: folders.run, logs: `${folders.run}/log` });
const transactions = new Transactions({ folders, daemons: supervisor });

function desired(draining = false): Desired {
  const host = { name: 'tower', memoryBytes: 2 ** 29, initialNamespace: true, mesh: null, exitMtu: 1500, folders };
  const gateway = gatewayOn({ ...host, draining }, settings, { seeds: {}, fastd: own.public, wireguard: null });
  const all = desiredOn(gateway, causeOf);
  const absent = (key: string): boolean => /^table |^sysctl net\/netfilter\//.test(key);
  const wanted = all.wanted
    .filter(({ item }) => !absent(`${item.kind} ${item.name}`))
    .map((each) => ({ ...each, needs: each.needs.filter((need) => !absent(need)) }));
  return { ...all, wanted };
}

async function apply(draining = false): Promise<number> {
  const inForce = { file: 'kith.yaml', text: FILE, draining };
  const { plan } = await transactions.apply({ desired: desired(draining), inForce });
  return plan.changes.length;
}

/** Commands of iproute2, one per line, in the first namespace or in another one. */
async function ip(lines: string, ...where: readonly string[]): Promise<void> {
  await must(['ip', ...where, '-batch', '-'], { input: lines });
}

async function statusOf(namespace: readonly string[]): Promise<BatmanStatus> {
  const script = fileURLToPath(new URL('status.ts', import.meta.url));
  const status: BatmanStatus = JSON.parse(
    await must([...namespace, process.execPath, '--conditions=source', script, 'bat0']),
  );
  return status;
}

async function macOf(device: string, namespace: string): Promise<string> {
  const links: readonly { readonly address: string }[] = JSON.parse(
    await must(['ip', '-n', namespace, '-j', 'link', 'show', device]),
  );
  return links[0]?.address ?? assert.fail(`no ${device} in ${namespace}`);
}

before(async () => {
  await must(['modprobe', '-a', 'ipv6', 'bridge', 'veth', 'dummy', 'tun']);
  await ip(`
    netns add near
    netns add far
    netns add client
    link add eth0 type dummy
    addr add 198.51.100.2/24 dev eth0
    link set eth0 up
    link add up0 type veth peer name up0 netns near
    addr add ${UNDERLAY}/24 dev up0
    link set up0 up
  `);
  writeFileSync(SCRIPT, LEASE, { mode: 0o755 });
  mkdirSync(state, { recursive: true });
  writeFileSync(`${state}/fastd.secret`, `secret "${own.secret}";\n`, { mode: 0o600 });
});

test('a gateway over batman-adv is applied, and there is nothing left to do', async () => {
  assert.ok((await apply()) > 20);
  assert.equal(await apply(), 0);
  const { mesh, ports } = await batmanStatus('bat-fmie');
  assert.deepEqual(
    [mesh.algorithm, mesh.gatewayMode, mesh.down, mesh.up, mesh.originatorInterval, mesh.hopPenalty],
    ['BATMAN_IV', 'server', 60_000, 20_000, 1000, 60],
  );
  assert.equal(mesh.primary?.interface, 'dum-fmie');
  assert.deepEqual(ports.map(({ name }) => name).sort(), ['dum-fmie', 'fd-fmie']);
});

test('a router connects through fastd, and both see another one behind it', async () => {
  const config = [
    'log to stderr level info;',
    'mode tap;',
    'interface "fd0";',
    'method "salsa2012+umac";',
    'bind any;',
    'mtu 1312;',
    `secret "${fastdKey().secret}";`,
    `peer "tower" { key "${own.public}"; remote "${UNDERLAY}" port 10000; }`,
    'on up "ip link set fd0 master bat0 up";',
  ];
  writeFileSync('/run/near.conf', `${config.join('\n')}\n`);
  await ip(
    `
    addr add 192.0.2.2/24 dev up0
    link set up0 up
    link add bat0 type batadv
    link add down0 mtu 1532 type veth peer name up0 mtu 1532 netns far
    link set down0 master bat0 up
    link set bat0 up
  `,
    '-n',
    'near',
  );
  await ip(
    `
    link add bat0 type batadv
    link set up0 master bat0 up
    link add br0 type bridge
    link set bat0 master br0 up
    link add lan0 type veth peer name eth0 netns client
    link set lan0 master br0 up
    link set br0 up
  `,
    '-n',
    'far',
  );
  for (const where of [NEAR, FAR]) {
    // With it a bridge is silent for half a minute, to find out whether another one leads into the same network.
    await must([...where, 'batctl', 'meshif', 'bat0', 'bridge_loop_avoidance', '0']);
    await must([...where, 'batctl', 'meshif', 'bat0', 'gw_mode', 'client']);
  }
  spawn('ip', [...NEAR.slice(1), 'fastd', '--config', '/run/near.conf'], { stdio: 'ignore' });
  await until(
    'fastd has made its interface',
    async () => (await run(['ip', '-n', 'near', 'link', 'show', 'fd0'])).code === 0,
  );
  const [next, end] = [await macOf('fd0', 'near'), await macOf('up0', 'far')];
  const status = await until(
    'the far router is heard of',
    async () => {
      const each = await batmanStatus('bat-fmie');
      return each.originators.some(({ address }) => address === end) && each;
    },
    30_000,
  );
  assert.deepEqual(
    status.neighbours.map(({ address, interface: device }) => [address, device]),
    [[next, 'fd-fmie']],
  );
  const way = status.originators.find(({ address, best }) => address === end && best);
  assert.deepEqual([way?.nextHop, way?.interface, way?.quality.algorithm], [next, 'fd-fmie', 'BATMAN_IV']);

  const { peers } = await fastdStatus(`${folders.run}/fastd-fmie.sock`);
  assert.deepEqual(
    peers.map(({ session }) => session?.method),
    ['salsa2012+umac'],
  );
});

test('batctl ping crosses both hops', async () => {
  const ping = ['batctl', 'meshif', 'bat-fmie', 'ping', '-t', '2', await macOf('up0', 'far'), '-c'];
  // The way back may become known later than the way there.
  await until('an answer', async () => /1 received/.test((await run([...ping, '1'])).stdout), 20_000);
  assert.match(await must([...ping, '3']), /3 packets transmitted, 3 received/);
});

test('a client two hops away takes a lease from the gateway that is announced', async () => {
  await until(
    'the gateway is announced',
    async () => (await must([...FAR, 'batctl', 'meshif', 'bat0', 'gateways_json'])) !== '[]\n',
    30_000,
  );
  await must([...CLIENT, 'ip', 'link', 'set', 'eth0', 'up']);
  const lease = await must([...UDHCPC, '-t', '15'], { timeout: 30_000 });
  assert.match(lease, /router 10\.70\.0\.2/);
  await must([...CLIENT, 'ping', '-c', '2', '-i', '0.3', '10.70.0.2']);
});

test('translation tables tell both sides who is where', async () => {
  const [client, end] = [await macOf('eth0', 'client'), await macOf('up0', 'far')];
  const { remote, local, gateways } = await until('the client is known to the gateway', async () => {
    const each = await batmanStatus('bat-fmie');
    return each.remote.some(({ address }) => address === client) && each;
  });
  assert.equal(remote.find(({ address }) => address === client)?.originator, end);
  const bridge = desired()
    .wanted.map(({ item }) => item)
    .find((item) => item.kind === 'link' && item.name === 'br-fmie');
  const mac = bridge?.kind === 'link' ? bridge.value.mac : null;
  assert.ok(local.some(({ address }) => address === mac));
  assert.deepEqual(gateways, []);

  const far = await statusOf(FAR);
  assert.deepEqual(
    far.gateways.map(({ best, down, up }) => [best, down, up]),
    [[true, 60_000, 20_000]],
  );
  assert.ok(far.local.some(({ address }) => address === client));
  assert.ok(far.remote.some(({ address }) => address === mac));
});

test('a gateway that is drained gives no new leases, and is still there', async () => {
  assert.equal((await apply(true)) > 0, true);
  assert.equal((await batmanStatus('bat-fmie')).mesh.gatewayMode, 'off');
  await until(
    'nobody announces a gateway',
    async () => (await must([...FAR, 'batctl', 'meshif', 'bat0', 'gateways_json'])) === '[]\n',
    30_000,
  );
  // A router that is a client of no gateway keeps the questions of its own clients to itself, once it has looked again.
  await until('no lease', async () => /no lease/.test((await run([...UDHCPC, '-t', '2'])).stderr), 30_000);
  await must([...CLIENT, 'ping', '-c', '2', '-i', '0.3', '10.70.0.2']);
});

test('removed, it leaves neither links nor daemons', async () => {
  await transactions.remove();
  const links: readonly { readonly ifname: string }[] = JSON.parse(await must(['ip', '-j', 'link']));
  assert.deepEqual(
    links.map(({ ifname }) => ifname).filter((name) => name.endsWith('-fmie')),
    [],
  );
  assert.deepEqual(await supervisor.list(), []);
});
