import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addLeech, addSeed, assertContent, introduce, makeContent } from './content.ts';
import { Network } from './network.ts';

const seed = process.env['KITH_SEED'] ?? 'swarm';

describe('a swarm', () => {
  it('of one seed and one leecher: the leecher gets everything, once', async () => {
    const network = new Network(seed);
    const what = makeContent(3_000_000, 65_536);
    const [a, b] = [network.node(), network.node()];
    const [given, taken] = [await addSeed(a, what), addLeech(b, what)];
    introduce([
      [a, given],
      [b, taken],
    ]);
    await network.until(() => taken.state === 'seeding', 60_000, 'the download');
    await assertContent(taken, what);
    assert.equal(given.snapshot().uploaded, 0, 'counted once a second');
    assert.ok(a.sent < 1.02 * what.stream.length, `the seed sent ${a.sent}`);
  });

  it('of one seed and eight leechers: the seed sends at most 1.3 times the content', async () => {
    const network = new Network(seed);
    const what = makeContent(16_000_000, 65_536);
    const source = network.node({ up: 2_000_000 });
    const torrents = [[source, await addSeed(source, what)] as const];
    for (let i = 0; i < 8; i++) {
      const node = network.node({ up: 2_000_000 });
      torrents.push([node, addLeech(node, what)]);
    }
    introduce(torrents);
    const begin = network.now;
    await network.until(() => torrents.every(([, torrent]) => torrent.state === 'seeding'), 120_000, 'the download');
    for (const [, torrent] of torrents) await assertContent(torrent, what);
    const ideal = (what.stream.length / 2_000_000) * 1000;
    console.log('seed sent', source.sent / what.stream.length, 'time', (network.now - begin) / ideal);
    assert.ok(source.sent <= 1.3 * what.stream.length, `the seed sent ${source.sent / what.stream.length} times it`);
  });
});
