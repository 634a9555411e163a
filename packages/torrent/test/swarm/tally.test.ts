import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addLeech, addSeed, introduce, makeContent } from '../sim/content.ts';
import { Network } from '../sim/network.ts';

describe('the bytes that are wanted and there', () => {
  it('are right after each piece and each change of what is wanted', async () => {
    const network = new Network('tally');
    const what = makeContent(1_000_000, 32_768);
    const [a, b] = [network.node({ up: 1_000_000 }), network.node()];
    const [given, taken] = [await addSeed(a, what), addLeech(b, what)];
    introduce([
      [a, given],
      [b, taken],
    ]);
    const expect = (): void => {
      let [wanted, done] = [0, 0];
      for (let piece = 0; piece < what.metainfo.pieceCount; piece++) {
        if (!taken.isWanted(piece)) continue;
        wanted += what.metainfo.pieceSize(piece);
        if (taken.have.has(piece)) done += what.metainfo.pieceSize(piece);
      }
      const snapshot = taken.snapshot();
      assert.deepEqual([snapshot.wanted, snapshot.done], [wanted, done]);
    };
    expect();
    await network.until(() => taken.have.count > 5, 10_000, 'some pieces');
    expect();
    taken.setPriorities([0], network.now);
    assert.equal(taken.snapshot().wanted, 0);
    expect();
    taken.setPriorities([4], network.now);
    expect();
    await network.until(() => taken.state === 'seeding', 10_000, 'the download');
    assert.deepEqual(taken.snapshot().done, 1_000_000);
    expect();
  });
});
