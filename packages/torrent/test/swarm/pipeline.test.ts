import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Pipeline } from '../../src/swarm/pipeline.ts';
import { RequestRing } from '../../src/swarm/request-ring.ts';

const limits = { maxRequests: 500, queueTime: 3000, requestTimeout: 20_000 };

describe('the requests at a peer', () => {
  it('grow with each block while more of them bring more', () => {
    const pipeline = new Pipeline(limits, 0);
    const begin = pipeline.target;
    for (let i = 0; i < 50; i++) {
      pipeline.push(0, i, i);
      assert.ok(pipeline.answered(0, i, i + 10));
      pipeline.received(16_384, i + 10);
    }
    assert.equal(pipeline.target, begin + 50);
  });

  it('stop to grow when blocks only wait longer', () => {
    const pipeline = new Pipeline(limits, 0);
    pipeline.push(0, 0, 0);
    assert.ok(pipeline.answered(0, 0, 20));
    for (let i = 0; i < 100; i++) pipeline.received(16_384, 20);
    pipeline.push(0, 1, 20);
    assert.ok(pipeline.answered(0, 1, 3000));
    assert.ok(pipeline.target < 40, `${pipeline.target}`);
  });

  it('follow the rate and the way', () => {
    const pipeline = new Pipeline(limits, 0);
    pipeline.push(0, 0, 0);
    pipeline.answered(0, 0, 100);
    pipeline.push(0, 1, 100);
    pipeline.answered(0, 1, 5000);
    for (let second = 1; second <= 20; second++) {
      pipeline.rate.add(1_638_400);
      pipeline.adapt(5000 + 1000 * second);
    }
    // 100 blocks a second, three round trips of 100 ms and 300 ms.
    assert.ok(Math.abs(pipeline.target - 60) < 6, `${pipeline.target}`);
  });

  it('are a few megabytes ahead of the way at most, however fast the peer', () => {
    const pipeline = new Pipeline({ ...limits, maxRequests: 100_000 }, 0);
    pipeline.push(0, 0, 0);
    pipeline.answered(0, 0, 1);
    pipeline.push(0, 1, 1);
    pipeline.answered(0, 1, 5000);
    for (let second = 1; second <= 20; second++) {
      pipeline.rate.add(1_000_000_000);
      pipeline.adapt(5000 + 1000 * second);
    }
    const bytes = pipeline.target * 16_384;
    assert.ok(bytes > 3_000_000 + 8_000_000 && bytes < 3_200_000 + 8_500_000, `${bytes}`);
  });

  it('are one to a peer that let them time out, until it delivers', () => {
    const pipeline = new Pipeline(limits, 0);
    pipeline.push(1, 0, 0);
    assert.equal(pipeline.timedOut(20_000), false);
    assert.equal(pipeline.timedOut(20_001), true);
    pipeline.snub();
    pipeline.delete(1, 0);
    assert.equal(pipeline.room, 1);
    pipeline.received(16_384, 30_000);
    assert.ok(pipeline.room > 1);
  });

  it('are never more than the peer lets wait', () => {
    const pipeline = new Pipeline(limits, 0);
    pipeline.peerLimit = 5;
    for (let i = 0; i < 100; i++) pipeline.received(16_384, i);
    assert.equal(pipeline.room, 5);
  });
});

describe('the ring of requests', () => {
  it('behaves as a list from which single ones are taken', () => {
    const step = fc.tuple(fc.constantFrom('push', 'delete', 'first', 'drain'), fc.nat(9), fc.nat(3));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const ring = new RequestRing();
        let list: [number, number, number][] = [];
        let note = 0;
        for (const [kind, piece, part] of steps) {
          if (kind === 'push' && !list.some(([p, q]) => p === piece && q === part)) {
            ring.push(piece, part, ++note);
            list.push([piece, part, note]);
          }
          if (kind === 'delete') {
            const at = ring.find(piece, part);
            assert.equal(
              at >= 0,
              list.some(([p, q]) => p === piece && q === part),
            );
            if (at >= 0) ring.delete(at);
            list = list.filter(([p, q]) => p !== piece || q !== part);
          }
          if (kind === 'first' && list.length > 0) {
            const at = ring.first();
            assert.deepEqual([ring.piece(at), ring.part(at), ring.note(at)], list.shift());
            ring.delete(at);
          }
          if (kind === 'drain' && piece === 0) {
            const drained: number[][] = [];
            ring.drain((...request) => drained.push(request));
            assert.deepEqual(drained, list);
            list = [];
          }
          assert.equal(ring.size, list.length);
        }
      }),
    );
  });
});
