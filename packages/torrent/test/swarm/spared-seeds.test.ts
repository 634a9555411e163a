import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rate } from '../../src/swarm/rate.ts';
import { spareSeeds, SUGGESTION_TIME } from '../../src/swarm/spared-seeds.ts';

class TestPeer {
  readonly pipeline = { rate: new Rate(0) };
  suggestsUntil = 0;
  bestRate = 0;
  lookedBytes = 0;
}

describe('a seed that suggested', () => {
  it('is left in peace while the others give as much as it did at its best', () => {
    const seed = new TestPeer();
    const [a, b] = [new TestPeer(), new TestPeer()];
    seed.suggestsUntil = 100;
    seed.pipeline.rate.add(3000);
    spareSeeds([seed, a, b], 1000, 1000);
    assert.equal(seed.suggestsUntil, 100);
    a.pipeline.rate.add(1000);
    b.pipeline.rate.add(2000);
    spareSeeds([seed, a, b], 1000, 2000);
    assert.equal(seed.suggestsUntil, 2000 + SUGGESTION_TIME);
    assert.equal(a.suggestsUntil, 0);
  });

  it('is asked again where they give less', () => {
    const seed = new TestPeer();
    const partner = new TestPeer();
    seed.suggestsUntil = 100;
    seed.pipeline.rate.add(3000);
    spareSeeds([seed, partner], 1000, 1000);
    partner.pipeline.rate.add(2999);
    spareSeeds([seed, partner], 1000, 2000);
    assert.equal(seed.suggestsUntil, 100);
  });
});
