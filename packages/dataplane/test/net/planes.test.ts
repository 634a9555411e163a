/** Planes of two machines, each a network namespace with a TUN device of its own, carry real traffic. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { nodeId } from '../rig.ts';
import type { PlaneKind } from '../../src/node-plane.ts';
import { Namespaces, run, type Child } from './namespaces.ts';
import type { PlaneProcess } from './plane-process.ts';
import type { TransferProcess } from './transfer-process.ts';
import { Wire, type CaughtDatagram } from './wire.ts';

const PLANE = new URL('plane-process.ts', import.meta.url);
const TRANSFER = new URL('transfer-process.ts', import.meta.url);
const RIGHTS = new URL('rights-process.ts', import.meta.url);
const DEVICES = new URL('devices-process.ts', import.meta.url);
const A: string = nodeId(1);
const B: string = nodeId(2);
const R: string = nodeId(3);
/** Bytes of a message without a packet. */
const KEEP_ALIVE = 32;

/**
 * Lost packets in percent. Each is sent by a `ping` of its own: one that sends several waits for the late ones only as
 * long as two round trips of the others took, which is nothing on a busy machine.
 */
function loss(namespace: string, address: string, ...options: string[]): number {
  const count = Number(options[options.indexOf('-c') + 1]);
  let answered = 0;
  for (let i = 0; i < count; i++) {
    const args = ['netns', 'exec', namespace, 'ping', '-W', '5', ...options, '-c', '1', address];
    const said = execFileSync('ip', args, { encoding: 'utf8', timeout: 60_000 });
    if (/ 0% packet loss/.test(said)) answered++;
  }
  return (100 * (count - answered)) / count;
}

/** Member `n` of two: 10.77.0.n and fd77::n. */
function memberOf(kind: PlaneKind, n: 1 | 2, peerEndpoint: string, relayed: boolean): PlaneProcess {
  const other = 3 - n;
  return {
    kind,
    self: n === 1 ? A : B,
    port: 6550,
    tun: {
      name: 'kith0',
      addresses: [
        [`10.77.0.${n}`, 16],
        [`fd77::${n}`, 48],
      ],
    },
    peer: {
      allowed: [`10.77.0.${other}/32`, `fd77::${other}/128`],
      endpoint: peerEndpoint,
      ...(relayed ? { relayTo: n === 1 ? B : A } : {}),
      sendKey: n,
      receiveKey: other,
      // Each way by its own, both in one session.
      cipher: n === 1 ? 'aes-256-gcm' : 'chacha20-poly1305',
      initiator: n === 1,
    },
    nextHops: [],
    relaySources: relayed ? [peerEndpoint] : [],
  };
}

/** Sends bytes over TCP to 10.77.0.2 in namespace `b`; they must arrive unchanged. Says how fast. */
async function transfer(spaces: Namespaces, a: string, b: string, bytes: number, port: number): Promise<string> {
  const receive: TransferProcess = { role: 'receive', host: '10.77.0.2', port };
  const send: TransferProcess = { role: 'send', host: '10.77.0.2', port, bytes };
  const receiver = spaces.start(b, TRANSFER, receive);
  assert.equal(await receiver.next(), 'listening');
  const sender = spaces.start(a, TRANSFER, send);
  const got = (await receiver.next(120_000)) as { bytes: number; hash: string };
  const sent = (await sender.next()) as { hash: string; ms: number };
  assert.deepEqual(got, { bytes, hash: sent.hash });
  // Their connection closes through the planes, which have to be there still.
  await Promise.all([sender.end(), receiver.end()]);
  return `${((bytes * 8) / 1000 / sent.ms).toFixed(0)} Mb/s`;
}

/**
 * Types of the messages with packets that `from` sends among the first `count` on a cable: 4 by ChaCha20-Poly1305, 6 by
 * AES-256-GCM.
 */
async function typesOf(space: string, from: string, count: number, meanwhile: () => unknown): Promise<number[]> {
  const wire = await Wire.open(space, 'v1a', count);
  await meanwhile();
  const caught = await wire.full();
  return caught.filter(({ from: sender, payload }) => sender === from && payload.length > KEEP_ALIVE).map(typeOf);
}

const typeOf = ({ payload }: CaughtDatagram): number => payload[0] as number;

async function started(child: Child, expected: unknown): Promise<void> {
  assert.deepEqual(await child.next(), { up: expected, port: 6550 });
}

for (const kind of ['native', 'portable'] as const) {
  const member = (n: 1 | 2, peerEndpoint: string, relayed: boolean) => memberOf(kind, n, peerEndpoint, relayed);

  describe(`two machines with a cable between them, ${kind}`, () => {
    const spaces = new Namespaces();
    let [a, b] = ['', ''];
    const planes: Child[] = [];

    before(async () => {
      [a, b] = [spaces.add('a'), spaces.add('b')];
      spaces.link(a, '192.0.2.1', b, '192.0.2.2');
      planes.push(spaces.start(a, PLANE, member(1, '192.0.2.2:6550', false)));
      planes.push(spaces.start(b, PLANE, member(2, '192.0.2.1:6550', false)));
      await Promise.all(planes.map((child) => started(child, 'kith0')));
    });
    after(() => spaces.remove());

    it('have an interface with the default MTU and their addresses', () => {
      const said = run('ip', '-n', a, 'address', 'show', 'dev', 'kith0');
      assert.match(said, /mtu 1280 /);
      assert.match(said, /inet 10\.77\.0\.1\/16 /);
      assert.match(said, /inet6 fd77::1\/48 /);
    });

    it('ping each other in both families and in both directions, up to the MTU', async () => {
      assert.deepEqual(await planes[1]!.next(), { confirmed: 1 }, "the initiator's keep-alive confirms the session");
      assert.equal(loss(a, '10.77.0.2', '-c', '5'), 0);
      assert.equal(loss(b, 'fd77::1', '-c', '5'), 0);
      assert.equal(loss(a, '10.77.0.2', '-c', '5', '-M', 'do', '-s', '1252'), 0);
      assert.equal(loss(b, 'fd77::1', '-c', '5', '-M', 'do', '-s', '1232'), 0);
    });

    // First: after much has passed, what comes alone is still sealed with it for a moment.
    it('seal by the cipher that is sooner cold what comes alone, and all else by the one that is faster', async () => {
      const alone = await typesOf(a, '192.0.2.1', 20, () => loss(a, '10.77.0.2', '-c', '10'));
      const many = await typesOf(a, '192.0.2.1', 50, () => transfer(spaces, a, b, 5_000_000, 7002));
      const counts = `alone ${alone.join(' ')}, of many ${many.filter((type) => type === 6).length}/${many.length}`;
      // Something else of the machine may come just before.
      if (kind === 'native') assert(alone.filter((type) => type === 4).length >= alone.length - 1, counts);
      else assert.deepEqual(new Set(alone), new Set([6]), counts);
      assert(alone.length >= 8, counts);
      assert(many.filter((type) => type === 6).length > many.length / 2, counts);
      const back = await typesOf(a, '192.0.2.2', 6, () => loss(b, '10.77.0.1', '-c', '3'));
      assert.deepEqual(new Set(back), new Set([4]), 'who was not told of AES seals nothing by it');
    });

    it('carry 20 MB over TCP unchanged', async (context) => {
      context.diagnostic(await transfer(spaces, a, b, 20_000_000, 7000));
    });

    it('carry TCP unchanged where the cable takes no datagram whole', async (context) => {
      const resize = (mtu: string) => {
        run('ip', '-n', a, 'link', 'set', 'v1a', 'mtu', mtu);
        run('ip', '-n', b, 'link', 'set', 'v1b', 'mtu', mtu);
      };
      resize('1280');
      context.diagnostic(await transfer(spaces, a, b, 5_000_000, 7001));
      resize('1500');
    });

    it('let no foreign source through', () => {
      run('ip', '-n', a, 'address', 'add', '10.77.0.9/32', 'dev', 'kith0');
      assert.throws(() => loss(a, '10.77.0.2', '-c', '2', '-W', '1', '-I', '10.77.0.9'), { status: 1 });
      assert.equal(loss(a, '10.77.0.2', '-c', '2', '-I', '10.77.0.1'), 0);
    });

    it('refuse a port and an interface that are in use', async () => {
      const port = spaces.start(a, PLANE, { ...member(1, '192.0.2.2:6550', false), tun: undefined });
      const said = (await port.next()) as { code: string; message: string };
      assert.equal(said.code, 'PORT_IN_USE');
      assert.match(said.message, /6550/);
      const name = spaces.start(a, PLANE, { ...member(1, '192.0.2.2:6550', false), port: 0 });
      assert.equal(((await name.next()) as { code: string }).code, 'TUN_BUSY');
    });

    it('refuse a prefix that the machine uses elsewhere, and leave no interface behind', async () => {
      const init = member(1, '192.0.2.2:6550', false);
      const tun = { name: 'kith1', addresses: [['192.0.2.9', 24] as const] };
      const child = spaces.start(a, PLANE, { ...init, port: 0, tun });
      const said = (await child.next()) as { code: string; message: string };
      assert.equal(said.code, 'PREFIX_OVERLAP');
      assert.match(said.message, /192\.0\.2\.0\/24 overlaps 192\.0\.2\.\d\/32 on interface v1a/);
      await child.end();
      assert.doesNotMatch(run('ip', '-n', a, 'link', 'show'), /kith1/);
    });

    it('do without IPv6 where the machine has it switched off', async () => {
      const bare = spaces.add('bare');
      run('ip', 'netns', 'exec', bare, 'sysctl', '-q', '-w', 'net.ipv6.conf.default.disable_ipv6=1');
      await started(spaces.start(bare, PLANE, member(1, '192.0.2.2:6550', false)), 'kith0');
      const said = run('ip', '-n', bare, 'address', 'show', 'dev', 'kith0');
      assert.match(said, /inet 10\.77\.0\.1\/16 /);
      assert.doesNotMatch(said, /inet6/);
    });

    it('notice that somebody removed the interface', async () => {
      const lone = spaces.add('lone');
      const init = { ...member(1, '192.0.2.2:6550', false), port: 6550 };
      const child = spaces.start(lone, PLANE, init);
      await started(child, 'kith0');
      run('ip', '-n', lone, 'link', 'delete', 'kith0');
      assert.deepEqual(await child.next(), { lost: true });
    });
  });

  describe(`two machines that only reach a third, ${kind}`, () => {
    const spaces = new Namespaces();
    let [a, b] = ['', ''];
    let relay: Child;

    before(async () => {
      const [first, second, middle] = [spaces.add('ra'), spaces.add('rb'), spaces.add('rr')];
      [a, b] = [first, second];
      spaces.link(first, '192.0.2.1', middle, '192.0.2.3');
      spaces.link(second, '192.0.2.2', middle, '192.0.2.4');
      const init: PlaneProcess = {
        kind,
        self: R,
        port: 6550,
        nextHops: [
          [A, '192.0.2.1:6550'],
          [B, '192.0.2.2:6550'],
        ],
        relaySources: ['192.0.2.1:6550', '192.0.2.2:6550'],
      };
      relay = spaces.start(middle, PLANE, init);
      await started(relay, null);
      const planes = [
        spaces.start(first, PLANE, member(1, '192.0.2.3:6550', true)),
        spaces.start(second, PLANE, member(2, '192.0.2.4:6550', true)),
      ];
      await Promise.all(planes.map((child) => started(child, 'kith0')));
      assert.deepEqual(await planes[1]!.next(), { confirmed: 1 });
    });
    after(() => spaces.remove());

    it('ping each other through it, up to the MTU', async () => {
      assert.equal(loss(a, '10.77.0.2', '-c', '5'), 0);
      assert.equal(loss(a, 'fd77::2', '-c', '5', '-M', 'do', '-s', '1232'), 0);
      relay.tell('counters');
      const said = (await relay.next()) as { all: { relayedPackets: number } };
      assert(said.all.relayedPackets >= 20);
    });

    it('carry 20 MB over TCP through it unchanged', async (context) => {
      context.diagnostic(await transfer(spaces, a, b, 20_000_000, 7000));
    });
  });
}

describe('a process that drops its rights', () => {
  const spaces = new Namespaces();
  let space = '';
  before(() => {
    space = spaces.add('rights');
  });
  after(() => spaces.remove());

  it('keeps the named ones in every thread and hands them to programs that it starts', async () => {
    const said = (await spaces.start(space, RIGHTS, ['net_admin']).next()) as {
      rights: number[][];
      child: number;
      tun: string;
    };
    assert(said.rights.length > 4, 'Node has threads');
    for (const thread of said.rights) assert.deepEqual(thread, [0x1000, 0x1000, 0x1000]);
    assert.deepEqual([said.child, said.tun], [0x1000, 'opened']);
  });

  it('without any may not open a device, and says what it needs', async () => {
    const said = (await spaces.start(space, RIGHTS, []).next()) as { rights: number[][]; tun: string };
    for (const thread of said.rights) assert.deepEqual(thread, [0, 0, 0]);
    assert.match(said.tun, /^TUN_PERMISSION interface rights0 needs CAP_NET_ADMIN .*setcap cap_net_admin\+ep/);
  });
});

describe('devices', () => {
  const spaces = new Namespaces();
  after(() => spaces.remove());

  it('leave nothing behind, whether closed, collected or abandoned by a thread that ends', async () => {
    const child = spaces.start(spaces.add('many'), DEVICES, null);
    assert.deepEqual(await child.next(), { left: 0, interfaces: ['lo'] });
  });
});
