import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bits, infoHash20, torrentKey } from '@kith/torrent';
import { hashes } from '../metainfo/support.ts';
import { addLeech, addSeed, introduceTo, makeContent } from './content.ts';
import { Network } from './network.ts';
import { RawPeer } from './raw-peer.ts';

const seed = process.env['KITH_SEED'] ?? 'strangers';

describe('what other programs do', () => {
  it('a peer may say the pieces that came lately with another bitfield, as aria2 does, and stays', async () => {
    const network = new Network(seed);
    const what = makeContent(260_000, 16_384);
    const peer = RawPeer.listen(network, what.metainfo);
    const bits = (...pieces: number[]): Uint8Array => {
      const set = new Bits(what.metainfo.pieceCount);
      for (const piece of pieces) set.add(piece);
      return set.toWire();
    };
    peer.onReady = () => {
      peer.wire?.haveNone();
      peer.wire?.have(3);
      peer.wire?.bitfield(bits(3, 4));
      peer.wire?.bitfield(bits(4, 5, 15));
      peer.wire?.unchoke();
    };
    const taker = network.node();
    const taken = addLeech(taker, what);
    introduceTo(taker, taken, [peer.node]);
    await network.until(() => peer.requests.length >= 4, 5000, 'requests for all that was named');
    assert.deepEqual(new Set(peer.requests.map(([piece]) => piece)), new Set([3, 4, 5, 15]));
    assert.equal(taken.snapshotPeers()[0]?.progress, 4 / 16);
    peer.wire?.haveAll();
    peer.wire?.flush();
    await network.until(() => taken.snapshotPeers()[0]?.seed === true, 5000, 'the rest of its pieces');
    assert.equal(peer.ended, undefined);
    // Each piece was counted once: when the peer goes nothing of it is left.
    peer.wire?.close('enough');
    await network.until(() => taken.peers.size === 0, 5000, 'the end');
    for (let piece = 0; piece < what.metainfo.pieceCount; piece++) {
      assert.equal(taken.download?.picker.availability(piece), 0, `piece ${piece}`);
    }
  });

  it('a peer that only uploads is given while it shows interest, as libtorrent does, and left when it loses it', async () => {
    const network = new Network(seed);
    const what = makeContent(65_536, 65_536);
    const giver = network.node();
    const given = await addSeed(giver, what);
    const peer = RawPeer.dial(network, what.metainfo, giver);
    peer.onReady = () => {
      peer.wire?.interested();
      const speaks = { metadata: true, pex: true, dontHave: true };
      peer.wire?.extension({ kind: 'handshake', uploadOnly: true, speaks });
    };
    await network.until(() => peer.unchoked, 15_000, 'the unchoke');
    await network.run(5000);
    assert.equal(given.peers.size, 1);
    peer.wire?.notInterested();
    peer.wire?.flush();
    await network.until(() => given.peers.size === 0, 500, 'the end');
  });

  it('what a peer got before it left at once is counted', async () => {
    const network = new Network(seed);
    const what = makeContent(65_536, 65_536);
    const giver = network.node();
    const given = await addSeed(giver, what);
    const peer = RawPeer.dial(network, what.metainfo, giver);
    peer.onReady = () => peer.wire?.interested();
    await network.until(() => peer.unchoked, 5000, 'the unchoke');
    for (let begin = 0; begin < 65_536; begin += 16_384) peer.wire?.request(0, begin, 16_384);
    peer.wire?.flush();
    await network.until(() => peer.received === 65_536, 500, 'the blocks');
    peer.wire?.close('got it');
    await network.until(() => given.peers.size === 0, 500, 'the end');
    assert.equal(given.snapshot().uploaded, 65_536);
  });

  it('a block at the end of a file of a v2 torrent may be asked for with its padding, as libtorrent does', async () => {
    const network = new Network(seed);
    const what = makeContent([70_000, 30_000], 65_536, { version: 'v2' });
    const giver = network.node();
    await addSeed(giver, what);
    const peer = RawPeer.dial(network, what.metainfo, giver);
    peer.onReady = () => peer.wire?.interested();
    await network.until(() => peer.unchoked, 5000, 'the unchoke');
    const last = 70_000 - 65_536;
    peer.wire?.request(1, 0, last);
    peer.wire?.request(1, 0, 16_384);
    peer.wire?.request(1, 16_384, 16_384);
    peer.wire?.request(2, 16_384, 16_384);
    peer.wire?.flush();
    await network.until(() => peer.received >= last + 2 * 16_384, 2000, 'the blocks');
    await network.run(1000);
    assert.equal(peer.received, last + 2 * 16_384);
    assert.equal(peer.rejected, 1, 'what is nothing but padding is not given');
    assert.deepEqual(peer.lastBlock.subarray(30_000 - 16_384), new Uint8Array(32_768 - 30_000));
  });

  it('no block of a v1 torrent goes beyond its piece', async () => {
    const network = new Network(seed);
    const what = makeContent(70_000, 65_536);
    const giver = network.node();
    await addSeed(giver, what);
    const peer = RawPeer.dial(network, what.metainfo, giver);
    peer.onReady = () => peer.wire?.interested();
    await network.until(() => peer.unchoked, 5000, 'the unchoke');
    peer.wire?.request(1, 0, 16_384);
    peer.wire?.flush();
    await network.until(() => peer.rejected === 1, 2000, 'the refusal');
    assert.equal(peer.received, 0);
  });

  it('who may not be a peer of a torrent is told over encryption what is told of one that nobody has', async () => {
    const network = new Network(seed);
    const what = makeContent(70_000, 65_536);
    const giver = network.node({ permits: (_torrent, ip) => ip === '10.0.0.7' });
    await addSeed(giver, what);
    const key = torrentKey(hashes, infoHash20(what.metainfo));
    const asked = (ip: string, of: Uint8Array = key) => giver.session.findTorrent(of, { ip, port: 1 });
    assert.deepEqual(asked('10.0.0.7'), infoHash20(what.metainfo));
    assert.equal(asked('10.0.0.8'), undefined);
    assert.equal(asked('10.0.0.7', new Uint8Array(20)), undefined);
  });
});
