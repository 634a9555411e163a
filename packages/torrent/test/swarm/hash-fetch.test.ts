import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HashRange } from '@kith/torrent';
import { HashFetch } from '../../src/swarm/hash-fetch.ts';
import { hashes } from '../metainfo/support.ts';
import { makeContent } from '../sim/content.ts';

class TestSource {
  readonly number: number;
  readonly ranges: HashRange[] = [];
  constructor(number: number) {
    this.number = number;
  }
  sendHashRequest(range: HashRange): void {
    this.ranges.push(range);
  }
}

/** Twelve files with a piece layer each, and what a magnet link brings of them. */
function setUp() {
  const { metainfo } = makeContent(new Array<number>(12).fill(40_000), 16_384, { version: 'v2' });
  const giver = new HashFetch(metainfo, hashes);
  const taker = new HashFetch({ ...metainfo, pieceLayers: new Map() }, hashes);
  return { giver, taker, metainfo };
}

describe('piece layers from peers', () => {
  it('come file by file, a few at a time, until all are known', () => {
    const { giver, taker, metainfo } = setUp();
    assert.ok(giver.complete && !taker.complete);
    assert.equal([...taker.unknownPieces()].length, metainfo.pieceCount);
    const source = new TestSource(1);
    taker.fill(source, 0);
    assert.equal(source.ranges.length, 8);
    const known: number[] = [];
    for (let range = source.ranges.shift(); range !== undefined; range = source.ranges.shift()) {
      const answer = giver.serve(range);
      assert.ok(answer !== undefined);
      known.push(...(taker.received(range, answer) ?? []));
      taker.fill(source, 0);
    }
    assert.ok(taker.complete);
    assert.equal(known.length, metainfo.pieceCount);
    assert.deepEqual(taker.layers, giver.layers);
  });

  it('that prove nothing are refused, and asked of others', () => {
    const { giver, taker } = setUp();
    const [liar, honest] = [new TestSource(1), new TestSource(2)];
    taker.fill(liar, 0);
    const [range] = liar.ranges as [HashRange];
    const wrong = giver.serve(range)?.slice() as Uint8Array;
    wrong[0] = (wrong[0] as number) ^ 1;
    assert.equal(taker.received(range, wrong), undefined);
    taker.release(1);
    taker.fill(honest, 0);
    assert.equal(honest.ranges.length, 8);
  });

  it('that a peer rejects, or does not send, are asked of others', () => {
    const { taker } = setUp();
    const [a, b] = [new TestSource(1), new TestSource(2)];
    taker.fill(a, 0);
    for (const range of a.ranges) taker.rejected(1, range);
    // One look passes over what was rejected, the next finds the rest.
    taker.fill(a, 0);
    taker.fill(a, 1000);
    assert.equal(a.ranges.length, 8 + 4, 'the four it was not asked for before');
    taker.fill(b, 1000);
    assert.equal(b.ranges.length, 8);
    taker.fill(b, 16_000);
    taker.fill(b, 17_000);
    assert.equal(b.ranges.length, 8 + 4, 'those that the other one does not send');
  });
});
