import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '@kith/core';

test('in any stretch of time no more is taken than the burst and what flowed in meanwhile', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 5 })), { maxLength: 100, size: 'max' }),
      (rate, burst, asks) => {
        const bucket = new TokenBucket(rate, burst);
        const taken: { at: number; cost: number }[] = [];
        let now = 0;
        for (const [pause, cost] of asks) {
          now += pause;
          if (bucket.take(now, cost)) taken.push({ at: now, cost });
        }
        for (const [i, first] of taken.entries()) {
          let sum = 0;
          for (const { at, cost } of taken.slice(i)) {
            sum += cost;
            assert.ok(sum <= burst + ((at - first.at) / 1000) * rate + 1e-6);
          }
        }
      },
    ),
  );
});

test('a bucket starts full, fills at its rate, and takes nothing for what it refuses', () => {
  const bucket = new TokenBucket(2, 4);
  assert.ok(bucket.take(0, 4));
  assert.equal(bucket.take(0), false);
  assert.equal(bucket.take(499), false);
  assert.equal(bucket.take(999, 2), false);
  assert.ok(bucket.take(1000, 2));
  assert.equal(bucket.take(1000), false);
  assert.ok(bucket.take(1e9, 4), 'no more than its burst is saved up');
  assert.equal(bucket.take(1e9), false);
});

test('a clock that steps back neither fills nor drains a bucket', () => {
  const bucket = new TokenBucket(10, 10);
  assert.ok(bucket.take(5000, 5));
  assert.ok(bucket.take(0, 5), 'what was there is there');
  assert.equal(bucket.take(4999), false, 'the same second does not flow in twice');
  assert.ok(bucket.take(5100));
});
