/**
 * Runs in a guest of user-mode Linux, whose first namespace is the gateway. WireGuard is wireguard-go on both sides, as
 * this kernel has none; VXLAN and batman-adv over it are applied by kith, and the router is let in by the broker:
 *
 *     tower ── WireGuard ── attic
 *            └─ VXLAN ─────┘
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { type Desired, desiredOn, type Gateway, gatewayOn, readGatewayFile, wireguardLinkLocal } from '@kith/gateway';
import { admittedRouters, batmanStatus, KeyBroker, KeyServer, must, Supervisor, Transactions } from '@kith/host';
import { until } from '../until.ts';

const FILE = `gateway:
  community: { name: Freemesh Ireland, code: fmie }
  exit: eth0
  domains: { fmie: { prefix4: 10.70.0.0/16, mesh: { interval: 1000 } } }
  vpn: { wireguard: {}, registration: {} }
  bans: false
`;
const UNDERLAY = '192.0.2.1';
const ATTIC = ['ip', 'netns', 'exec', 'attic'];
const state = '/run/kith/state';
const folders = { state, run: '/run/kith/run' };

const { settings, causeOf } = readGatewayFile(FILE, 'kith.yaml');
const supervisor = await Supervisor.open({ folder: folders.run, logs: `${folders.run}/log` });
const transactions = new Transactions({ folders, daemons: supervisor });
const keys = { tower: await keyPair('tower'), attic: await keyPair('attic') };
const place = wireguardLinkLocal(keys.attic.public);
let vni = 0;

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
    link add eth0 type dummy
    addr add 198.51.100.2/24 dev eth0
    link set eth0 up
    link add up0 type veth peer name up0 netns attic
    addr add ${UNDERLAY}/24 dev up0
    link set up0 up
  `);
  await ip('addr add 192.0.2.2/24 dev up0\nlink set up0 up\nlink set lo up\n', '-n', 'attic');
  mkdirSync(state, { recursive: true });
  await must(['wireguard-go', 'wg-fmie']);
  await must(['wg', 'set', 'wg-fmie', 'private-key', keys.tower.path, 'listen-port', '51820']);
  await ip('link set wg-fmie mtu 1376 up\n');
  await must([...ATTIC, 'wireguard-go', 'wg0']);
  await must([
    ...[...ATTIC, 'wg', 'set', 'wg0', 'private-key', keys.attic.path, 'peer', keys.tower.public],
    ...['endpoint', `${UNDERLAY}:51820`, 'allowed-ips', 'fe80::1/128', 'persistent-keepalive', '1'],
  ]);
  vni = gateway().domains[0]?.vni ?? 0;
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
  await must([...ATTIC, 'batctl', 'meshif', 'bat0', 'bridge_loop_avoidance', '0']);
});

test('VXLAN and batman-adv over WireGuard are applied, and there is nothing left to do', async () => {
  const order = { desired: desired(), inForce: { file: 'kith.yaml', text: FILE, draining: false } };
  await transactions.apply(order);
  assert.deepEqual((await transactions.plan(desired())).changes, []);
});

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
  assert.equal(await must(['wg', 'show', 'wg-fmie', 'peers']), '');

  await broker.approve(keys.attic.public);
  const end = { key: keys.tower.public, address: UNDERLAY, port: 51_820, allowed: ['fe80::1/128'] };
  assert.deepEqual(await ask(), ['200', { standing: 'admitted', gateway: end }]);
  const status = await until(
    'the router is heard of',
    async () => {
      const each = await batmanStatus('bat-fmie');
      return each.originators.length > 0 && each;
    },
    30_000,
  );
  const [way] = status.originators;
  assert.equal(way?.interface, 'vx-fmie');
  const ping = ['batctl', 'meshif', 'bat-fmie', 'ping', '-c', '2', '-t', '2', way.address];
  await until('an answer', async () => /2 received/.test(await must(ping)), 20_000);

  await broker.look(Date.now());
  assert.deepEqual((await transactions.plan(desired())).changes, [], 'who was let in is wanted');

  await broker.refuse(keys.attic.public);
  assert.equal(await must(['wg', 'show', 'wg-fmie', 'peers']), '');
  assert.doesNotMatch(
    await must(['bridge', 'fdb', 'show', 'dev', 'vx-fmie']),
    new RegExp(`00:00:00:00:00:00 dst ${place}`),
  );
  assert.deepEqual(await ask(), ['403', { standing: 'refused' }]);
  assert.deepEqual((await transactions.plan(desired())).changes, []);
  await server.close();
  await broker.close();
});
