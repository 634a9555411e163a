/**
 * Runs in a guest of user-mode Linux, whose first namespace is the gateway. WireGuard is wireguard-go on both sides, as
 * this kernel has none; VXLAN and batman-adv over it are applied by kith, and the router is let in by the broker:
 *
 *     attic ── WireGuard, VXLAN ── tower ── WireGuard, VXLAN ── cave, another gateway
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { type Desired, desiredOn, type Gateway, gatewayOn, readGatewayFile, wireguardLinkLocal } from '@kith/gateway';
import { admittedRouters, batmanStatus, KeyBroker, KeyServer, must, run, Supervisor, Transactions } from '@kith/host';
import { changeWireGuard } from '../../src/apply/change/mesh.ts';
import { until } from '../until.ts';

const UNDERLAY = '192.0.2.1';
const CAVE = ['ip', 'netns', 'exec', 'cave'];
const ATTIC = ['ip', 'netns', 'exec', 'attic'];
const state = '/run/kith/state';
const folders = { state, run: '/run/kith/run' };

const supervisor = await Supervisor.open({ folder: folders.run, logs: `${folders.run}/log` });
const transactions = new Transactions({ folders, daemons: supervisor });
const keys = { tower: await keyPair('tower'), attic: await keyPair('attic'), cave: await keyPair('cave') };
const FILE = `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  exit: eth0
  domains: { fmie: { prefix4: 10.70.0.0/16, mesh: { interval: 1000 } } }
  gateways:
    tower: { endpoints: ${UNDERLAY}, wireguard: "${keys.tower.public}" }
    cave: { endpoints: 192.0.2.3, wireguard: "${keys.cave.public}" }
  vpn: { wireguard: {}, registration: {} }
  bans: false
`;
const { settings, causeOf } = readGatewayFile(FILE, 'kith.yaml');
/** Where the router and the other gateway are inside the tunnels. */
const place = wireguardLinkLocal(keys.attic.public);
const apart = wireguardLinkLocal(keys.cave.public);
const { interlinkVni, vni } = gateway().domains[0] ?? assert.fail('the file has a domain');

interface KeyPair {
  readonly path: string;
  readonly public: string;
}

async function keyPair(name: string): Promise<KeyPair> {
  const path = `/run/tmp/${name}.key`;
  writeFileSync(path, await must(['wg', 'genkey']), { mode: 0o600 });
  return { path, public: (await must(['wg', 'pubkey'], { input: await must(['cat', path]) })).trim() };
}

function gateway(): Gateway {
  const host = { name: 'tower', memoryBytes: 2 ** 29, initialNamespace: true, mesh: null, exitMtu: 1500, folders };
  const identity = { seeds: { fmie: '0123456789abcdef'.repeat(4) }, fastd: null, wireguard: keys.tower.public };
  return gatewayOn({ ...host, draining: false, admitted: admittedRouters(state) }, settings, identity);
}

/** Without what this kernel does not know: tables of the family inet, and links of WireGuard. */
function desired(): Desired {
  const all = desiredOn(gateway(), causeOf);
  const absent = (key: string): boolean => /^table |^sysctl net\/netfilter\/|^(?:link|wireguard) wg-fmie$/.test(key);
  const wanted = all.wanted
    .filter(({ item }) => !absent(`${item.kind} ${item.name}`))
    .map((each) => ({ ...each, needs: each.needs.filter((need) => !absent(need)) }));
  return { ...all, wanted };
}

async function ip(lines: string, ...where: readonly string[]): Promise<void> {
  await must(['ip', ...where, '-batch', '-'], { input: lines });
}

before(async () => {
  await must(['modprobe', '-a', 'ipv6', 'bridge', 'veth', 'dummy', 'tun', 'vxlan']);
  await ip(`
    netns add attic
    netns add cave
    link add eth0 type dummy
    addr add 198.51.100.2/24 dev eth0
    link set eth0 up
    link add up0 type veth peer name up0 netns attic
    link add up1 type veth peer name up0 netns cave
    link add under type bridge
    link set up0 master under up
    link set up1 master under up
    addr add ${UNDERLAY}/24 dev under
    link set under up
  `);
  await ip('addr add 192.0.2.2/24 dev up0\nlink set up0 up\n', '-n', 'attic');
  await ip('addr add 192.0.2.3/24 dev up0\nlink set up0 up\n', '-n', 'cave');
  mkdirSync(state, { recursive: true });
  await must(['wireguard-go', 'wg-fmie']);
  const wanted = desiredOn(gateway(), causeOf).wanted.map(({ item }) => item);
  for (const item of wanted) {
    if (item.kind === 'wireguard') await changeWireGuard(item.name, null, item.value, keys.tower.path);
  }
  await ip('link set wg-fmie mtu 1376 up\n');
  await must([...ATTIC, 'wireguard-go', 'wg0']);
  await must([
    ...[...ATTIC, 'wg', 'set', 'wg0', 'private-key', keys.attic.path, 'peer', keys.tower.public],
    ...['endpoint', `${UNDERLAY}:51820`, 'allowed-ips', 'fe80::1/128', 'persistent-keepalive', '1'],
  ]);
  await ip(
    `
    addr add ${place}/64 dev wg0 nodad
    link set wg0 mtu 1376 up
    link add bat0 type batadv
    link add vx0 type vxlan id ${vni} dev wg0 local ${place} remote fe80::1 dstport 4789 udp6zerocsumtx udp6zerocsumrx
    link set vx0 mtu 1306 master bat0 up
    link set bat0 up
  `,
    '-n',
    'attic',
  );
  await must([...CAVE, 'wireguard-go', 'wg1']);
  await must([
    ...[...CAVE, 'wg', 'set', 'wg1', 'private-key', keys.cave.path, 'listen-port', '51820'],
    ...['peer', keys.tower.public, 'allowed-ips', `${wireguardLinkLocal(keys.tower.public)}/128`],
  ]);
  await ip(
    `
    addr add ${apart}/64 dev wg1 nodad
    link set wg1 mtu 1376 up
    link add bat0 type batadv
    link add vx0 type vxlan id ${interlinkVni} dev wg1 local ${apart} remote ${wireguardLinkLocal(keys.tower.public)} dstport 4789 udp6zerocsumtx udp6zerocsumrx
    link set vx0 mtu 1306 master bat0 up
    link set bat0 up
  `,
    '-n',
    'cave',
  );
  for (const where of [ATTIC, CAVE]) await must([...where, 'batctl', 'meshif', 'bat0', 'bridge_loop_avoidance', '0']);
});

test('VXLAN and batman-adv over WireGuard are applied, and there is nothing left to do', async () => {
  const order = { desired: desired(), inForce: { file: 'kith.yaml', text: FILE, draining: false } };
  await transactions.apply(order);
  assert.deepEqual((await transactions.plan(desired())).changes, []);
});

/** Another node is heard of over this link, and answers. */
async function meshedOver(link: string): Promise<void> {
  const { address } = await until(
    `somebody is heard of over ${link}`,
    async () => (await batmanStatus('bat-fmie')).originators.find((way) => way.interface === link && way.best),
    30_000,
  );
  const ping = ['batctl', 'meshif', 'bat-fmie', 'ping', '-c', '2', '-t', '2', address];
  await until('an answer', async () => /2 received/.test((await run(ping)).stdout), 20_000);
}

test('gateways of one community see one another', () => meshedOver('vg-fmie'));

test('a router that asks waits, is approved, and is in the mesh', async () => {
  const broker = new KeyBroker({ gateway: gateway(), tell: () => {} });
  const server = await KeyServer.open({ broker, port: 0, tell: () => {} });
  /** The code of the answer, and the answer. */
  const ask = async (): Promise<[string, unknown]> => {
    const body = JSON.stringify({ key: keys.attic.public, name: 'attic' });
    const url = `http://${UNDERLAY}:${server.port}/v1/routers`;
    const answer = await must([...ATTIC, 'curl', '-s', '-w', '%{http_code}', '-d', body, url]);
    const [reply = '', code = ''] = answer.split('\n');
    return [code, JSON.parse(reply)];
  };
  assert.deepEqual(await ask(), ['202', { standing: 'waiting' }]);
  assert.deepEqual(
    broker.list().map(({ key, domain, name, from, standing }) => [key, domain, name, from, standing]),
    [[keys.attic.public, 'fmie', 'attic', '192.0.2.2', 'waiting']],
  );
  assert.equal(await must(['wg', 'show', 'wg-fmie', 'peers']), `${keys.cave.public}\n`);

  await broker.approve(keys.attic.public);
  const end = { key: keys.tower.public, address: UNDERLAY, port: 51_820, allowed: ['fe80::1/128'] };
  assert.deepEqual(await ask(), ['200', { standing: 'admitted', gateway: end }]);
  await meshedOver('vx-fmie');

  await broker.look(Date.now());
  assert.deepEqual((await transactions.plan(desired())).changes, [], 'who was let in is wanted');

  await broker.refuse(keys.attic.public);
  assert.equal(await must(['wg', 'show', 'wg-fmie', 'peers']), `${keys.cave.public}\n`);
  assert.doesNotMatch(
    await must(['bridge', 'fdb', 'show', 'dev', 'vx-fmie']),
    new RegExp(`00:00:00:00:00:00 dst ${place}`),
  );
  assert.deepEqual(await ask(), ['403', { standing: 'refused' }]);
  assert.deepEqual((await transactions.plan(desired())).changes, []);
  await server.close();
  await broker.close();
});
