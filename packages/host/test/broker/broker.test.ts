import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Address, KithError, parseAddress } from '@kith/core';
import { type Gateway, gatewayOn, readGatewayFile, type RouterEntry } from '@kith/gateway';
import { admittedRouters, KeyBroker, KeyServer } from '@kith/host';
import * as fc from 'fast-check';
import { KeyRequests } from '../../src/broker/key-requests.ts';
import { floodedIn, freshIn, type Tunnels } from '../../src/broker/tunnels.ts';

const WIREGUARD = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
const FASTD = '93'.repeat(32);
const HOME = parseAddress('192.0.2.7');

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-broker-'));
  folders.push(folder);
  return folder;
}

interface Options {
  readonly vpn?: string;
  readonly state?: string;
}

function gatewayWith({ vpn = 'wireguard: {}, registration: {}', state = newFolder() }: Options = {}): Gateway {
  const text = `gateway:
  community: Freemesh Ireland
  exit: eth0
  domains: { dublin: {}, cork: {} }
  gateways: { tower: { endpoints: tower.freemesh.example } }
  vpn: { ${vpn} }
`;
  const host = { name: 'tower', memoryBytes: 2 ** 30, initialNamespace: false, mesh: null, exitMtu: 1500 };
  const seeds = { dublin: '0'.repeat(64), cork: '1'.repeat(64) };
  return gatewayOn(
    { ...host, draining: false, folders: { state, run: state } },
    readGatewayFile(text, 'kith.yaml').settings,
    { seeds, fastd: FASTD, wireguard: WIREGUARD },
  );
}

/** Tunnels that only tell what was asked of them. */
class Told implements Tunnels {
  readonly inside = new Set<string>();
  live: string[] = [];
  failing = false;

  async admit({ key, domain }: RouterEntry): Promise<void> {
    if (this.failing) throw new KithError('HOST_COMMAND_FAILED', 'no such device');
    this.inside.add(`${domain} ${key}`);
  }

  async expel({ key, domain }: RouterEntry): Promise<void> {
    this.inside.delete(`${domain} ${key}`);
  }

  async admitted(): Promise<Set<string>> {
    return new Set([...this.inside].map((each) => each.split(' ')[1] ?? ''));
  }

  async connected(): Promise<string[]> {
    return this.live;
  }
}

function brokerOf(gateway: Gateway): { broker: KeyBroker; tunnels: Told; said: string[] } {
  const [tunnels, said] = [new Told(), [] as string[]];
  return { broker: new KeyBroker({ gateway, tunnels, tell: (text) => said.push(text) }), tunnels, said };
}

function ask(key: string, from: Address = HOME): Parameters<KeyBroker['ask']>[0] {
  return { kind: 'wireguard', key, domain: 'cork', name: null, from };
}

test('what was decided outlives the process, and is done again', async () => {
  const state = newFolder();
  const first = brokerOf(gatewayWith({ state }));
  await first.broker.ask(ask(WIREGUARD));
  assert.deepEqual(admittedRouters(state), []);
  await first.broker.approve(WIREGUARD);
  assert.deepEqual([...first.tunnels.inside], [`cork ${WIREGUARD}`]);
  await first.broker.close();

  const second = brokerOf(gatewayWith({ state }));
  assert.deepEqual(second.broker.list(), first.broker.list());
  await second.broker.look(Date.now());
  assert.deepEqual([...second.tunnels.inside], [`cork ${WIREGUARD}`]);
  assert.deepEqual(
    admittedRouters(state).map(({ key }) => key),
    [WIREGUARD],
  );
  await second.broker.forget(WIREGUARD);
  assert.deepEqual([...second.tunnels.inside], []);
  await assert.rejects(
    second.broker.forget(WIREGUARD),
    (error) => error instanceof KithError && error.code === 'ROUTER_UNKNOWN',
  );
  await second.broker.close();
});

test('a tunnel that does not take a router now takes it later', async () => {
  const { broker, tunnels, said } = brokerOf(gatewayWith({ vpn: 'wireguard: {}, registration: { approve: all }' }));
  tunnels.failing = true;
  assert.equal((await broker.ask(ask(WIREGUARD))).standing, 'admitted');
  assert.match(said.join('\n'), /no such device/);
  tunnels.failing = false;
  await broker.look(Date.now());
  assert.equal(tunnels.inside.size, 1);
  await broker.close();
});

test('one that is connected is not forgotten, one that is silent is put out', async () => {
  const { broker, tunnels } = brokerOf(gatewayWith({ vpn: 'wireguard: {}, registration: { approve: all }' }));
  await broker.ask(ask(WIREGUARD));
  const days = (count: number): number => Date.now() + count * 24 * 3_600_000;
  tunnels.live = [WIREGUARD];
  await broker.look(days(5));
  assert.equal(tunnels.inside.size, 1);
  tunnels.live = [];
  await broker.look(days(9));
  assert.equal(tunnels.inside.size, 0);
  assert.deepEqual(broker.list(), []);
  await broker.close();
});

test('a damaged list is told with its place, and left as it is', () => {
  const state = newFolder();
  writeFileSync(join(state, 'routers.json'), 'routers\n');
  assert.throws(
    () => admittedRouters(state),
    (error) => error instanceof KithError && error.code === 'GATEWAY_RECORD_CORRUPT',
  );
});

interface Sent {
  readonly path?: string;
  readonly from?: Address;
  readonly now?: number;
}

function sender(broker: KeyBroker): (body: unknown, sent?: Sent) => Promise<readonly [number, object]> {
  const requests = new KeyRequests(broker);
  return async (body, { path = '/v1/routers', from = HOME, now = 0 } = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const reply = await requests.answer({ method: 'POST', path, body: text, from, to: '198.51.100.2', now });
    return [reply.status, reply.body];
  };
}

test('routers of wgkex are answered in its words', async () => {
  const { broker } = brokerOf(gatewayWith());
  const send = sender(broker);
  const body = { domain: 'cork', public_key: WIREGUARD };
  assert.deepEqual(await send(body, { path: '/api/v1/wg/key/exchange' }), [202, { Message: 'waiting' }]);
  await broker.approve(WIREGUARD);
  assert.deepEqual(await send(body, { path: '/api/v1/wg/key/exchange' }), [200, { Message: 'OK' }]);
  assert.deepEqual(await send(body, { path: '/api/v2/wg/key/exchange' }), [
    200,
    {
      Endpoint: {
        Address: 'tower.freemesh.example',
        Port: '51821',
        AllowedIPs: ['fe80::1/128'],
        PublicKey: WIREGUARD,
      },
    },
  ]);
  await broker.close();
});

test('what a router sends wrongly is told to it', async () => {
  const { broker } = brokerOf(gatewayWith());
  const send = sender(broker);
  const refused = async (body: unknown, pattern: RegExp): Promise<void> => {
    const [status, reply] = await send(body);
    assert.equal(status, 400);
    assert.match(JSON.stringify(reply), pattern);
  };
  await refused('{', /no JSON/);
  await refused({}, /no \\"key\\"/);
  await refused({ key: 'me' }, /is no public key/);
  await refused({ key: FASTD }, /is one of fastd, which is not offered/);
  await refused({ key: WIREGUARD }, /there are dublin, cork/);
  await refused({ key: WIREGUARD, domain: 'galway' }, /is \\"galway\\", there are dublin, cork/);
  assert.equal((await send('', { path: '/' }))[0], 404);
  assert.deepEqual(broker.list(), []);
  await broker.close();
});

test('one place asks twenty times at once and then slowly, others are not kept from it', async () => {
  const { broker } = brokerOf(gatewayWith());
  const send = sender(broker);
  const body = { key: WIREGUARD, domain: 'cork' };
  for (let i = 0; i < 20; i++) assert.equal((await send(body))[0], 202);
  assert.equal((await send(body))[0], 429);
  assert.equal((await send(body, { from: parseAddress('192.0.2.8') }))[0], 202);
  assert.equal((await send(body, { now: 5000 }))[0], 202);
  await broker.close();
});

test('whatever is sent, an answer comes and nothing is thrown', async () => {
  const { broker } = brokerOf(gatewayWith({ vpn: 'fastd: { accept: known }, wireguard: {}, registration: {}' }));
  const value = fc.oneof(fc.constantFrom(WIREGUARD, FASTD, 'cork', null), fc.jsonValue());
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ key: value, public_key: value, domain: value, name: value }, { requiredKeys: [] })
      .map((each) => JSON.stringify(each)),
  );
  const paths = fc.constantFrom('/v1/routers', '/api/v1/wg/key/exchange', '/api/v2/wg/key/exchange', '/');
  const send = sender(broker);
  let now = 0;
  await fc.assert(
    fc.asyncProperty(body, paths, async (text, path) => {
      const [status] = await send(text, { path, now: (now += 10_000) });
      assert.ok([200, 202, 400, 404].includes(status));
    }),
  );
  await broker.close();
});

test('the server takes short requests, believes a proxy on this machine, and says when its port is taken', async () => {
  const { broker } = brokerOf(gatewayWith());
  const tell = (): void => {};
  const server = await KeyServer.open({ broker, port: 0, host: '127.0.0.1', tell });
  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}/v1/routers`, { method: 'POST', body, headers });
  const body = JSON.stringify({ key: WIREGUARD, domain: 'cork' });
  assert.equal((await post(body, { 'x-forwarded-for': '203.0.113.1, 2001:db8::5' })).status, 202);
  assert.equal(broker.list()[0]?.from, '2001:db8::5');
  assert.equal((await post(' '.repeat(3000))).status, 413);
  await assert.rejects(
    KeyServer.open({ broker, port: server.port, host: '127.0.0.1', tell }),
    (error) =>
      error instanceof KithError && error.code === 'REGISTRATION_PORT_TAKEN' && /EADDRINUSE/.test(error.message),
  );
  await server.close();
  await broker.close();
});

test('who shook hands within three minutes is connected', () => {
  assert.deepEqual(freshIn('a\t1000\nb\t0\nc\t821\nd\t819\n', 1000), ['a', 'c']);
  assert.deepEqual(freshIn('', 1000), []);
});

test('only what is sent to everybody makes a router of the mesh', () => {
  const learnt = { mac: 'b2:f2:6e:c0:9b:bd', ifname: 'vx-cork', dst: 'fe80::3', flags: ['self'], state: '' };
  const table = [learnt, { ...learnt, mac: '00:00:00:00:00:00', dst: 'fe80::2' }, { ...learnt, dst: undefined }];
  assert.deepEqual([...floodedIn(JSON.stringify(table))], ['fe80::2']);
  assert.throws(() => floodedIn('{}'), KithError);
});
