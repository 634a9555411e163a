import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KithError } from '@kith/core';
import { MemoryStore, type SwarmEvent } from '@kith/torrent';
import { hashes } from '../metainfo/support.ts';
import { addLeech, addSeed, assertContent, introduceTo, makeContent } from './content.ts';
import { Network } from './network.ts';
import { RawPeer } from './raw-peer.ts';

const seed = process.env['KITH_SEED'] ?? 'control';

describe('a torrent under control', () => {
  it('that is paused sends and takes no byte, and goes on where it was', async () => {
    const network = new Network(seed);
    const what = makeContent(4_000_000, 65_536);
    const [a, b] = [network.node({ up: 1_000_000 }), network.node({ up: 1_000_000 })];
    const [given, taken] = [await addSeed(a, what), addLeech(b, what)];
    introduceTo(b, taken, [a]);
    await network.run(2000);
    const had = taken.have.count;
    assert.ok(had > 10, `${had} pieces`);
    given.pause(network.now);
    taken.pause(network.now);
    assert.equal(taken.state, 'paused');
    const sent = [a.sent, b.sent];
    await network.run(60_000);
    assert.deepEqual([a.sent, b.sent], sent);
    assert.ok(taken.have.count <= had + 1, 'what was being checked may come');
    given.resume(network.now);
    taken.resume(network.now);
    await network.until(() => taken.state === 'seeding', 60_000, 'the rest');
    await assertContent(taken, what);
  });

  it('takes the files that are selected and no others, and others once they are', async () => {
    const network = new Network(seed);
    const what = makeContent([300_000, 300_000, 300_000], 16_384);
    const [a, b] = [network.node(), network.node()];
    await addSeed(a, what);
    const events: string[] = [];
    const taken = addLeech(b, what, { priorities: [0, 4, 0] });
    introduceTo(b, taken, [a]);
    await network.until(() => taken.state === 'seeding', 10_000, 'the one file');
    events.push(taken.state);
    const [first, second, third] = taken.snapshotFiles();
    assert.equal(second?.done, 300_000);
    assert.ok((first?.done ?? 0) < 16_384 && (third?.done ?? 0) < 16_384, 'the pieces on the borders alone');
    assert.equal(taken.snapshot().progress, 1);
    taken.setPriorities([undefined, undefined, 7], network.now);
    assert.equal(taken.state, 'downloading');
    introduceTo(b, taken, [a]);
    await network.until(() => taken.state === 'seeding', 60_000, 'the third file');
    assert.equal(taken.snapshotFiles()[2]?.done, 300_000);
    assert.ok((taken.snapshotFiles()[0]?.done ?? 0) < 16_384);
  });

  it('gets of one who still loads what it selects once they have met', async () => {
    const network = new Network(seed);
    const what = makeContent([600_000, 600_000], 16_384);
    const [a, b, c] = [network.node({ up: 20_000 }), network.node(), network.node()];
    await addSeed(a, what);
    const between = addLeech(b, what);
    introduceTo(b, between, [a]);
    const taken = addLeech(c, what, { priorities: [0, 0] });
    introduceTo(c, taken, [b]);
    await network.run(5000);
    assert.equal(taken.peers.size, 1, 'who loads may come to want something of it');
    assert.equal(taken.state, 'seeding');
    taken.setPriorities([4, 4], network.now);
    await network.until(() => taken.have.count > 40, 60_000, 'more than choked peers may have');
    assert.ok(!between.seeding);
  });

  it('takes the file with the higher priority first', async () => {
    const network = new Network(seed);
    const what = makeContent([1_000_000, 1_000_000], 16_384);
    const [a, b] = [network.node({ up: 500_000 }), network.node()];
    await addSeed(a, what);
    const taken = addLeech(b, what, { priorities: [1, 7] });
    introduceTo(b, taken, [a]);
    await network.until(() => taken.snapshotFiles()[1]?.done === 1_000_000, 10_000, 'the second file');
    assert.ok((taken.snapshotFiles()[0]?.done ?? 0) < 200_000, 'the first file waits');
  });

  for (const [what, limits] of [
    ['its download limit', { downLimit: 200_000 }],
    ['its upload limit', { upLimit: 200_000 }],
  ] as const) {
    it(`keeps to ${what} within a tenth`, async () => {
      const network = new Network(seed);
      const made = makeContent(6_000_000, 65_536);
      const nodes = [network.node(), network.node(), network.node()] as const;
      const limited = 'upLimit' in limits ? nodes[0] : nodes[2];
      const given = await addSeed(nodes[0], made, limited === nodes[0] ? limits : {});
      if (limited !== nodes[0]) await addSeed(nodes[1], made);
      const taken = addLeech(nodes[2], made, limited === nodes[2] ? limits : {});
      introduceTo(nodes[2], taken, [nodes[0], nodes[1]]);
      await network.run(5000);
      const before = taken.snapshot().downloaded;
      await network.run(20_000);
      const rate = (taken.snapshot().downloaded - before) / 20;
      assert.ok(Math.abs(rate - 200_000) < 20_000, `${rate} bytes per second`);
      assert.ok(given.peers.size > 0);
    });
  }

  it('keeps to the limit of the session with several torrents, which share it', async () => {
    const network = new Network(seed);
    const [one, two] = [makeContent(6_000_000, 65_536), makeContent([6_000_001], 65_536)];
    const [a, b] = [network.node(), network.node({ downLimit: 300_000 })];
    await addSeed(a, one);
    await addSeed(a, two);
    const [first, second] = [addLeech(b, one), addLeech(b, two)];
    introduceTo(b, first, [a]);
    introduceTo(b, second, [a]);
    await network.run(20_000);
    const [x, y] = [first.snapshot().downloaded, second.snapshot().downloaded];
    assert.ok(Math.abs((x + y) / 20 - 300_000) < 30_000, `${(x + y) / 20} bytes per second`);
    assert.ok(Math.min(x, y) > 0.2 * (x + y), `${x} and ${y}`);
  });

  it('gets the piece that somebody waits for before all others, though the queue at the seed is full', async () => {
    const network = new Network(seed);
    const what = makeContent(32_000_000, 262_144);
    const [a, b] = [network.node(), network.node()];
    await addSeed(a, what, { upLimit: 1_000_000 });
    const taken = addLeech(b, what);
    introduceTo(b, taken, [a]);
    await network.run(5000);
    let middle = 61;
    while (taken.have.has(middle) || taken.download?.requester.progress(middle) !== undefined) middle++;
    let came: number | undefined;
    void taken.whenPiece(middle).then(() => (came = network.now));
    const asked = network.now;
    taken.deadline(middle, asked + 500, asked);
    await network.until(() => came !== undefined, 5000, 'the piece');
    // A piece takes 262 ms at this rate.
    assert.ok((came ?? 0) - asked < 262 + 300, `${(came ?? 0) - asked} ms`);
  });

  it('gets the most urgent piece before others that are urgent too and were asked for already', async () => {
    const network = new Network(seed);
    const what = makeContent(32_000_000, 262_144);
    const [a, b] = [network.node(), network.node()];
    await addSeed(a, what, { upLimit: 1_000_000 });
    const taken = addLeech(b, what);
    introduceTo(b, taken, [a]);
    await network.run(5000);
    const open = Array.from({ length: what.metainfo.pieceCount }, (_, i) => i).filter((i) => !taken.have.has(i));
    const [middle = 0, ...ahead] = open.slice(-13);
    for (const [i, piece] of ahead.entries()) taken.deadline(piece, network.now + 131 * i, network.now);
    await network.run(500);
    let came: number | undefined;
    void taken.whenPiece(middle).then(() => (came = network.now));
    const asked = network.now;
    taken.deadline(middle, Number.NEGATIVE_INFINITY, asked);
    await network.until(() => came !== undefined, 10_000, 'the piece');
    assert.ok((came ?? 0) - asked < 262 + 300, `${(came ?? 0) - asked} ms`);
    await network.until(() => ahead.every((piece) => taken.have.has(piece)), 10_000, 'the others');
  });

  it('asks a second peer for an urgent block that does not come', async () => {
    const network = new Network(seed);
    const what = makeContent(8_000_000, 65_536);
    const [slow, fast, taker] = [network.node({ up: 3_000 }), network.node({ up: 500_000 }), network.node()];
    await addSeed(slow, what);
    await addSeed(fast, what);
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [slow]);
    await network.run(2000);
    taken.deadline(50, network.now + 1000, network.now);
    introduceTo(taker, taken, [fast]);
    await network.until(() => taken.have.has(50), 5000, 'the piece');
  });

  it('takes pieces in order where that is asked for', async () => {
    const network = new Network(seed);
    const what = makeContent(2_000_000, 32_768);
    const [a, b] = [network.node({ up: 500_000 }), network.node()];
    await addSeed(a, what);
    const taken = addLeech(b, what, { order: 'sequential' });
    introduceTo(b, taken, [a]);
    await network.until(() => taken.have.count >= 20, 10_000, 'twenty pieces');
    assert.ok(taken.have.next(20) < 0 || taken.have.next(24) < 0, 'no piece far ahead');
  });

  it('stops with the reason of its store, and goes on when that is mended', async () => {
    const network = new Network(seed);
    const what = makeContent(1_000_000, 65_536);
    const [a, b] = [network.node(), network.node()];
    await addSeed(a, what);
    const store = new MemoryStore(what.metainfo, hashes);
    const full = new KithError('STORAGE_FULL', 'the disk is full');
    const commit = store.commit.bind(store);
    let broken = true;
    store.commit = (...args) => (broken ? Promise.reject(full) : commit(...args));
    const taken = addLeech(b, what, { store });
    introduceTo(b, taken, [a]);
    await network.until(() => taken.state === 'error', 10_000, 'the error');
    assert.equal(taken.error, full);
    assert.equal(taken.peers.size, 0);
    broken = false;
    taken.resume(network.now);
    await network.until(() => taken.state === 'seeding', 120_000, 'the rest');
    await assertContent(taken, what);
  });

  it('waits for memory where its store has little, and completes', async () => {
    const network = new Network(seed);
    const what = makeContent(2_000_000, 65_536);
    const [a, b] = [network.node(), network.node()];
    await addSeed(a, what);
    const taken = addLeech(b, what, { store: new MemoryStore(what.metainfo, hashes, 65_536) });
    introduceTo(b, taken, [a]);
    await network.until(() => taken.state === 'seeding', 5_000, 'the download');
    await assertContent(taken, what);
  });

  it('hears of a third peer by PEX, unless it is private', async () => {
    for (const isPrivate of [false, true]) {
      const network = new Network(seed);
      const what = makeContent(4_000_000, 65_536, { private: isPrivate });
      const [a, b, c] = [network.node({ up: 20_000 }), network.node(), network.node()];
      const [given, one, two] = [await addSeed(a, what), addLeech(b, what), addLeech(c, what)];
      introduceTo(b, one, [a]);
      introduceTo(c, two, [a]);
      await network.run(90_000);
      assert.equal(given.peers.size, 2);
      const met = one.snapshotPeers().some((peer) => peer.address.ip === c.address.ip);
      assert.equal(met, !isPrivate, isPrivate ? 'private' : 'public');
    }
  });

  it('of many: so many download at once as may, in the order in which they came', async () => {
    const network = new Network(seed);
    const contents = [1, 2, 3].map((n) => makeContent(500_000 + n, 65_536));
    const [a, b] = [network.node({ up: 500_000 }), network.node({ limits: { activeDownloads: 1 } })];
    for (const what of contents) await addSeed(a, what);
    const taken = contents.map((what) => addLeech(b, what));
    for (const torrent of taken) introduceTo(b, torrent, [a]);
    assert.deepEqual(
      taken.map(({ state }) => state),
      ['downloading', 'queued', 'queued'],
    );
    await network.until(() => taken[0]?.state === 'seeding', 10_000, 'the first');
    assert.equal(taken[1]?.state, 'downloading');
    await network.until(() => taken.every(({ state }) => state === 'seeding'), 20_000, 'all');
  });

  it('that seeds without peers asks for no wake', async () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 16_384);
    const node = network.node();
    await addSeed(node, what);
    await network.run(5000);
    assert.equal(node.session.nextWake(), Number.POSITIVE_INFINITY);
  });

  it('is refused a second time, by name', () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 16_384);
    const node = network.node();
    addLeech(node, what);
    assert.throws(() => addLeech(node, what), /made is shared already/);
  });

  it('tells a peer that is choked what it may have, and keeps the slots to their number', async () => {
    const network = new Network(seed);
    const what = makeContent(4_000_000, 65_536);
    const giver = network.node({ up: 200_000 });
    const given = await addSeed(giver, what, { uploadSlots: 2 });
    const peers = Array.from({ length: 5 }, () => RawPeer.dial(network, what.metainfo, giver));
    for (const peer of peers) peer.onReady = () => peer.wire?.interested();
    await network.run(25_000);
    assert.equal(given.snapshotPeers().filter(({ unchoked }) => unchoked).length, 2);
    assert.ok(peers.some((peer) => peer.heard.includes('allowed fast')));
  });

  it('tells its events in order', async () => {
    const network = new Network(seed);
    const what = makeContent(100_000, 65_536);
    const heard: string[] = [];
    const [a, b] = [
      network.node(),
      network.node({ listener: (event: SwarmEvent) => heard.push(event.kind === 'state' ? event.state : event.kind) }),
    ];
    await addSeed(a, what);
    const taken = addLeech(b, what);
    introduceTo(b, taken, [a]);
    await network.until(() => heard.includes('peer-closed'), 10_000, 'the end');
    assert.deepEqual(
      heard.filter((kind) => kind !== 'peer-connected'),
      ['downloading', 'piece', 'piece', 'seeding', 'finished', 'peer-closed'],
    );
  });
});
