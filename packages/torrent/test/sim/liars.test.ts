import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryDuplex, type PieceStore, type SwarmEvent } from '@kith/torrent';
import { addLeech, addSeed, assertContent, fullStore, introduceTo, makeContent } from './content.ts';
import { Network } from './network.ts';
import { RawPeer } from './raw-peer.ts';

const seed = process.env['KITH_SEED'] ?? 'liars';

/** A store that gives wrong bytes for one block in a hundred. */
function corrupting(store: PieceStore, share: number): PieceStore {
  let count = 0;
  const read: PieceStore['read'] = async (piece, begin, length) => {
    const bytes = await store.read(piece, begin, length);
    return count++ % share === share / 2 ? bytes.map((byte) => byte ^ 1) : bytes;
  };
  return new Proxy(store, { get: (target, key) => (key === 'read' ? read : Reflect.get(target, key, target)) });
}

describe('among honest peers', () => {
  for (const version of ['v1', 'v2'] as const) {
    it(`one that corrupts a block in a hundred is banned, and the ${version} download completes`, async () => {
      const network = new Network(seed);
      const what = makeContent(8_000_000, 262_144, { version });
      const banned: string[] = [];
      const liar = network.node({ up: 1_000_000 });
      const honest = network.node({ up: 1_000_000 });
      await addSeed(liar, what, { store: corrupting(await fullStore(what), 100) });
      await addSeed(honest, what);
      const taker = network.node({ listener: (event: SwarmEvent) => event.kind === 'banned' && banned.push(event.ip) });
      const taken = addLeech(taker, what);
      introduceTo(taker, taken, [liar, honest]);
      await network.until(() => taken.state === 'seeding', 30_000, 'the download');
      await assertContent(taken, what);
      assert.deepEqual(banned, [liar.address.ip]);
    });
  }

  it('one that sent single blocks of a wrong piece is found by comparing', async () => {
    const network = new Network(seed);
    const what = makeContent(2_000_000, 1_048_576);
    const banned: string[] = [];
    // Slow peers share pieces, so that no piece has one culprit.
    const liar = network.node({ up: 40_000 });
    const honest = [network.node({ up: 40_000 }), network.node({ up: 40_000 }), network.node({ up: 40_000 })];
    await addSeed(liar, what, { store: corrupting(await fullStore(what), 10) });
    for (const node of honest) await addSeed(node, what);
    const taker = network.node({ listener: (event: SwarmEvent) => event.kind === 'banned' && banned.push(event.ip) });
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [liar, ...honest]);
    await network.until(() => taken.state === 'seeding', 120_000, 'the download');
    await assertContent(taken, what);
    assert.deepEqual(banned, [liar.address.ip]);
  });

  it('one that sent all of a wrong piece is banned at once', async () => {
    const network = new Network(seed);
    const what = makeContent(2_000_000, 262_144);
    const banned: string[] = [];
    const liar = network.node({ up: 1_000_000 });
    await addSeed(liar, what, { store: corrupting(await fullStore(what), 2) });
    const taker = network.node({ listener: (event: SwarmEvent) => event.kind === 'banned' && banned.push(event.ip) });
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [liar]);
    await network.until(() => banned.length > 0, 2000, 'the ban');
    assert.equal(taken.peers.size, 0);
    introduceTo(taker, taken, [liar]);
    await network.run(60_000);
    assert.equal(taken.peers.size, 0, 'it stays out');
  });

  it('one that has everything and delivers nothing loses its requests, and is dropped in the end', async () => {
    const network = new Network(seed);
    const what = makeContent(1_000_000, 65_536);
    const liar = RawPeer.listen(network, what.metainfo);
    liar.onReady = () => {
      liar.wire?.haveAll();
      liar.wire?.unchoke();
    };
    const [taker, honest] = [network.node(), network.node({ up: 10_000 })];
    await addSeed(honest, what);
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [liar.node, honest]);
    await network.until(() => liar.ended !== undefined, 90_000, 'the end of the liar');
    assert.ok(liar.requests.length > 0, 'it was asked');
    await network.until(() => taken.state === 'seeding', 120_000, 'the download');
    await assertContent(taken, what);
  });

  it('those that never say a word are dropped and others are dialled', async () => {
    const network = new Network(seed);
    const what = makeContent(500_000, 65_536);
    const mute = Array.from({ length: 5 }, () => network.node({ mute: true }));
    const honest = network.node();
    await addSeed(honest, what);
    const taker = network.node({ limits: { connectionsPerTorrent: 5 } });
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, mute);
    await network.run(1000);
    introduceTo(taker, taken, [honest]);
    await network.until(() => taken.state === 'seeding', 30_000, 'the download');
  });

  it('one that floods requests and never reads holds little memory', async () => {
    const network = new Network(seed);
    const what = makeContent(1_000_000, 65_536);
    const giver = network.node();
    const given = await addSeed(giver, what);
    const flooder = RawPeer.dial(network, what.metainfo, giver);
    flooder.onReady = () => flooder.wire?.interested();
    await network.until(() => flooder.unchoked, 5000, 'the unchoke');
    const [peer] = [...given.peers.values()];
    flooder.wire?.pause();
    let most = 0;
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 1000; i++) flooder.wire?.request(i % 15, 0, 16_384);
      flooder.wire?.flush();
      await network.run(20);
      most = Math.max(most, peer?.wire.pending ?? 0);
      assert.ok((peer?.asked.size ?? 0) <= given.limits.uploadQueue);
    }
    assert.ok(most < given.limits.outputMost + 131_072, `${most} bytes waited`);
    assert.equal(peer?.pausedForOutput, true, 'it is not heard any more');
  });

  it('one that announces pieces that do not exist is cut off', async () => {
    const network = new Network(seed);
    const what = makeContent(1_000_000, 65_536);
    const giver = network.node();
    await addSeed(giver, what);
    const liar = RawPeer.dial(network, what.metainfo, giver);
    liar.onReady = () => liar.wire?.have(16);
    await network.until(() => liar.ended !== undefined, 5000, 'the end');
  });

  it('one that sends blocks that nobody asked for is cut off', async () => {
    const network = new Network(seed);
    const what = makeContent(1_000_000, 65_536);
    const taker = network.node();
    addLeech(taker, what);
    const liar = RawPeer.dial(network, what.metainfo, taker, network.node({ up: 100_000_000 }));
    const rubbish = new Uint8Array(16_384);
    liar.onReady = () => {
      for (let i = 0; i < 400; i++) liar.wire?.piece(i % 15, 0, rubbish);
    };
    await network.until(() => liar.ended !== undefined, 5000, 'the end');
  });

  it('a thousand that connect and stay silent are turned away beyond the limit, and time out', async () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 16_384);
    const giver = network.node({ limits: { handshaking: 100 } });
    await addSeed(giver, what);
    const duplexes = Array.from({ length: 1000 }, (_, i) => {
      const address = { ip: `10.9.${i >> 8}.${i & 255}`, port: 5000 };
      const pair = MemoryDuplex.pair({ addresses: [giver.address, address] });
      giver.session.accept(pair[1], network.now);
      return pair;
    });
    assert.equal(giver.session.connections, 100);
    await network.run(15_000);
    for (const [, accepted] of duplexes) accepted.deliver(network.now);
    assert.equal(giver.session.connections, 0);
  });

  it('one address gets a few connections, and one peer id a single one', async () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 16_384);
    const giver = network.node({ limits: { connectionsPerAddress: 3 } });
    const given = await addSeed(giver, what);
    const from = network.node();
    const peers = Array.from({ length: 6 }, () => RawPeer.dial(network, what.metainfo, giver, from));
    await network.run(5000);
    assert.equal(given.peers.size, 1);
    assert.equal(peers.filter((peer) => peer.ended === undefined).length, 1);
  });

  it('a node that is told its own address finds out', async () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 16_384);
    const node = network.node();
    const torrent = addLeech(node, what);
    introduceTo(node, torrent, [node]);
    await network.run(300_000);
    assert.equal(torrent.peers.size, 0);
    assert.equal(node.dialled, 1);
  });

  it('two that dial each other at once keep one connection', async () => {
    const network = new Network(seed);
    const what = makeContent(8_000_000, 65_536);
    const [a, b] = [network.node({ up: 200_000 }), network.node()];
    const [given, taken] = [await addSeed(a, what), addLeech(b, what)];
    introduceTo(a, given, [b]);
    introduceTo(b, taken, [a]);
    await network.run(3000);
    assert.equal(given.snapshotPeers().length, 1);
    assert.equal(taken.snapshotPeers().length, 1);
  });

  it('a peer that loses a piece says so and is not asked for it', async () => {
    const network = new Network(seed);
    const what = makeContent(65_536, 16_384);
    const peer = RawPeer.listen(network, what.metainfo);
    peer.onReady = () => {
      peer.wire?.haveAll();
    };
    peer.onExtensions = () => {
      peer.wire?.extension({ kind: 'dont-have', piece: 2 });
      peer.wire?.unchoke();
    };
    const taker = network.node();
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [peer.node]);
    await network.until(() => peer.requests.length >= 3, 5000, 'the requests');
    await network.run(1000);
    const asked = new Set(peer.requests.map(([piece]) => piece));
    assert.ok(!asked.has(2));
    assert.equal(taken.have.count, 0);
  });
});
