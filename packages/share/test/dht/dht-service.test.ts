import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { portableCrypto, toHex, utf8 } from '@kith/core';
import { dht } from '@kith/torrent';
import { dhtFinder } from '../../src/dht/dht-finder.ts';
import { DhtService, type DhtServiceOptions } from '../../src/dht/dht-service.ts';
import { nodeHashes } from '../../src/node-hashes.ts';
import { LOOPBACK_ONLY } from '../../src/net/peer-filter.ts';
import { engineIn, folderOf, linkTo, same, until as untilState, write } from '../engine/rig.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-dht-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function start(t: TestContext, options: Partial<DhtServiceOptions> = {}): Promise<DhtService> {
  const service = await DhtService.start({
    ...{ port: 0, addresses: ['127.0.0.1', '::1'], filter: LOOPBACK_ONLY, exemptLocal: true },
    ...options,
  });
  t.after(() => service.close());
  return service;
}

function at({ port }: DhtService): { host: string; port: number }[] {
  return [
    { host: '127.0.0.1', port },
    { host: '::1', port },
  ];
}

/** Some that know each other, over both families. */
async function some(t: TestContext, count: number, options: Partial<DhtServiceOptions> = {}): Promise<DhtService[]> {
  const services: DhtService[] = [];
  for (let i = 0; i < count; i++) {
    services.push(await start(t, { ...options, bootstrap: services.flatMap((service) => at(service)) }));
  }
  await until(
    () => services.every(({ nodes }) => nodes.every((node) => node.ready && node.nodes === count - 1)),
    () => JSON.stringify(services.map(({ nodes }) => nodes.map((node) => node.nodes))),
  );
  return services;
}

test('services find each other, over IPv4 and IPv6, and what one announces another finds', async (t) => {
  const found: string[] = [];
  const services = await some(t, 5, {
    onPeers: (hash, peers) => found.push(...peers.map(({ ip, port }) => `${toHex(hash)} ${ip} ${port}`)),
  });
  const infoHash = randomBytes(20);
  services[1]?.track({ infoHash, port: 7001, urgent: false });
  await until(
    () => services.some(({ nodes }) => nodes.every(({ stored }) => stored.torrents === 1)),
    () => 'it is stored',
  );
  services[3]?.track({ infoHash, port: undefined, urgent: true });
  const wanted = ['127.0.0.1', '::1'].map((ip) => `${toHex(infoHash)} ${ip} 7001`);
  await until(
    () => wanted.every((line) => found.includes(line)),
    () => found.join(),
  );
});

test('values are stored and read through OpenSSL signatures', async (t) => {
  const [a, b] = await some(t, 3);
  assert.ok(a !== undefined && b !== undefined);
  const value = utf8('5:hello');
  assert.equal(await a.put({ value }), 4);
  assert.deepEqual(await b.get(nodeHashes.sha1(value)), { value });
  assert.equal(await b.get(randomBytes(20)), undefined);
  const crypto = portableCrypto((length) => randomBytes(length));
  const signed = dht.signItem(randomBytes(32), { value, sequence: 3 }, crypto);
  assert.equal(await a.put(signed), 4);
  assert.deepEqual(await b.get(dht.itemTarget(signed, nodeHashes)), signed);
  const forged = { ...signed, sequence: 4 };
  assert.equal(await a.put(forged), 0);
});

test('nodes are remembered: a restart needs nobody to be named', async (t) => {
  const services = await some(t, 4);
  const file = join(folder, 'nodes');
  const first = await start(t, { file, bootstrap: services.flatMap((service) => at(service)) });
  await until(
    () => first.nodes.every((node) => node.nodes === 4),
    () => 'it knows all',
  );
  const ids = first.nodes.map(({ id }) => toHex(id));
  await first.close();
  const again = await start(t, { file });
  assert.deepEqual(
    again.nodes.map(({ id }) => toHex(id)),
    ids,
  );
  await until(
    () => again.nodes.every((node) => node.nodes === 4),
    () => 'it knows all again',
  );
});

test('whom the filter does not allow is neither asked nor answered', async (t) => {
  const open = await start(t);
  const shut = await start(t, { filter: { allows: () => false }, bootstrap: at(open) });
  const asker = createSocket('udp4');
  t.after(() => asker.close());
  const heard = new Set<number>();
  asker.on('message', (_, from) => heard.add(from.port));
  const ping = Buffer.from('d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe');
  asker.send(ping, shut.port, '127.0.0.1');
  asker.send(ping, open.port, '127.0.0.1');
  // The one that answers has it later than the other one.
  await until(
    () => heard.size > 0,
    () => 'the open one answers',
  );
  assert.deepEqual([...heard], [open.port]);
  assert.deepEqual(
    shut.nodes.map(({ counts }) => counts.queriesSent),
    [0, 0],
  );
});

test('a port that somebody has is an error that names it', async (t) => {
  const { port } = await start(t);
  await assert.rejects(start(t, { port }), { code: 'SHARE_PORT_UNUSABLE', message: new RegExp(`UDP port ${port} `) });
});

async function udpIsFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const free = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  socket.close();
  return free;
}

for (const version of ['v2', 'hybrid'] as const) {
  test(`a public share of ${version} goes from one engine to another with nothing but the DHT between them`, async (t) => {
    const services = await some(t, 5);
    const finders = [
      dhtFinder({
        ...{ addresses: ['127.0.0.1', '::1'], filter: LOOPBACK_ONLY, exemptLocal: true },
        bootstrap: services.flatMap((service) => at(service)),
      }),
    ];
    const [here, there] = [await folderOf(t), await folderOf(t)];
    const files = await write(here, { 'film.mp4': 300_001 });
    const seed = await engineIn(t, here, { finders, dht: true });
    const leech = await engineIn(t, there, { finders, dht: true });
    assert.ok(await udpIsFree(seed.port));
    const share = await seed.share(join(here, 'film.mp4'), { version, pieceLength: 65_536, public: true });
    const hashes = version === 'hybrid' ? 2 : 1;
    await until(
      () => services.every(({ nodes }) => nodes[0]?.stored.torrents === hashes),
      () => JSON.stringify(services.map(({ nodes }) => nodes[0]?.stored)),
    );
    const magnet = linkTo(seed, share).replace(/&x\.pe=[^&]*/g, '');
    const got = await leech.add({ magnet }, { content: join(there, 'in'), public: true });
    await untilState(leech, got, 'seeding');
    assert.ok(await same(join(there, 'in', 'film.mp4'), files.get('film.mp4')));
    await seed.remove(share);
    assert.ok(await udpIsFree(seed.port));
  });
}

test('what is not public, and what is private, is never told to the DHT', async (t) => {
  const services = await some(t, 3);
  const finders = [
    dhtFinder({
      ...{ addresses: ['127.0.0.1', '::1'], filter: LOOPBACK_ONLY, exemptLocal: true },
      bootstrap: services.flatMap((service) => at(service)),
    }),
  ];
  const here = await folderOf(t);
  await write(here, { inside: 70_000, secret: 70_001, open: 70_002 });
  const engine = await engineIn(t, here, { finders, dht: true });
  await engine.share(join(here, 'inside'));
  await engine.share(join(here, 'secret'), { private: true, public: true });
  assert.ok(await udpIsFree(engine.port));
  const open = await engine.share(join(here, 'open'), { public: true, version: 'v1' });
  await until(
    () => services.every(({ nodes }) => nodes[0]?.stored.torrents === 1),
    () => 'the public one is announced',
  );
  const [asked] = services;
  const told: string[] = [];
  await new Promise<void>((resolve) => {
    const node = asked?.nodes[0];
    node?.sample(
      randomBytes(20),
      (samples) => told.push(...samples.map((sample) => toHex(sample))),
      () => resolve(),
    );
    asked?.addNode({ ip: '127.0.0.1', port: services[1]?.port ?? 0 });
  });
  assert.deepEqual([...new Set(told)], [open.id.slice(0, 40)]);
});
