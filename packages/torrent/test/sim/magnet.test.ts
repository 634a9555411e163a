import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { magnetOf, MemoryStore, type SwarmEvent, type Torrent } from '@kith/torrent';
import { hashes } from '../metainfo/support.ts';
import { addSeed, assertContent, introduceTo, makeContent, type Content } from './content.ts';
import { Network, type NodeOptions, type SimNode } from './network.ts';
import { RawPeer } from './raw-peer.ts';

const seed = process.env['KITH_SEED'] ?? 'magnet';

/** A node that has the link alone, and gives the torrent a store once its metadata came. */
function addMagnet(network: Network, { metainfo }: Content, options: NodeOptions = {}): [SimNode, Torrent] {
  const node = network.node({
    ...options,
    listener: (event: SwarmEvent) => {
      if (event.kind === 'metadata')
        event.torrent.attach(new MemoryStore(event.metainfo, hashes), undefined, network.now);
      options.listener?.(event);
    },
  });
  return [node, node.session.add({ magnet: magnetOf(metainfo) }, network.now)];
}

describe('a magnet link', () => {
  for (const version of ['v1', 'v2', 'hybrid'] as const) {
    it(`of ${version} brings metadata, hashes and content from peers`, async () => {
      const network = new Network(seed);
      const what = makeContent([400_000, 10, 90_000], 16_384, { version });
      const giver = network.node();
      await addSeed(giver, what);
      const [node, torrent] = addMagnet(network, what);
      assert.equal(torrent.state, 'metadata');
      introduceTo(node, torrent, [giver]);
      await network.until(() => torrent.state === 'seeding', 20_000, 'the download');
      await assertContent(torrent, what);
      assert.deepEqual(torrent.metainfo?.info, what.metainfo.info);
      if (version !== 'v1') assert.equal(torrent.hashFetch?.complete, true);
    });
  }

  it('with metadata of many pieces takes them from several peers', async () => {
    const network = new Network(seed);
    const what = manyPieces();
    assert.ok(what.metainfo.info.length > 3 * 16_384);
    const givers = [network.node(), network.node(), network.node()];
    for (const giver of givers) await addSeed(giver, what);
    const [node, torrent] = addMagnet(network, what);
    introduceTo(node, torrent, givers);
    await network.until(() => torrent.knowsPieces, 5_000, 'the metadata');
    assert.deepEqual(torrent.metainfo?.info, what.metainfo.info);
  });

  for (const version of ['v1', 'v2'] as const)
    it(`of ${version} is served right though a peer sends wrong metadata; that peer is banned`, async () => {
      const network = new Network(seed);
      const what = makeContent(400_000, 32_768, { version });
      const banned: string[] = [];
      const [node, torrent] = addMagnet(network, what, {
        listener: (event) => event.kind === 'banned' && banned.push(event.ip),
      });
      const liar = RawPeer.listen(network, what.metainfo, {
        metadata: new Uint8Array(what.metainfo.info.length).fill(7),
      });
      introduceTo(node, torrent, [liar.node]);
      await network.until(() => banned.length > 0, 20_000, 'the ban');
      assert.deepEqual(banned, [liar.node.address.ip]);
      const giver = network.node();
      await addSeed(giver, what);
      introduceTo(node, torrent, [giver]);
      await network.until(() => torrent.state === 'seeding', 20_000, 'the download');
    });

  it('survives wrong pieces among right ones, from peers that it tells apart', async () => {
    const network = new Network(seed);
    const what = manyPieces();
    const banned: string[] = [];
    const [node, torrent] = addMagnet(network, what, {
      listener: (event) => event.kind === 'banned' && banned.push(event.ip),
    });
    const giver = network.node();
    await addSeed(giver, what);
    const liar = RawPeer.listen(network, what.metainfo, {
      metadata: new Uint8Array(what.metainfo.info.length).fill(7),
    });
    introduceTo(node, torrent, [liar.node, giver]);
    await network.until(() => torrent.knowsPieces, 60_000, 'the metadata');
    assert.ok(!banned.includes(giver.address.ip), 'the honest peer is not blamed');
  });
});

/** Metadata that takes several messages: many pieces with a hash each. */
function manyPieces(): Content {
  return makeContent(3_000 * 16_384, 16_384);
}
