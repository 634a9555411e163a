import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random, seedFrom } from '@kith/sim';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: string) => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.uint32());
  };
  assert.deepEqual(draw('seven'), draw('seven'));
  assert.notDeepEqual(draw('seven'), draw('eight'));
});

test('a seed gives the same numbers in every version: seeds of old failures stay good', () => {
  const random = new Random('kith');
  assert.deepEqual([random.uint32(), random.uint32(), random.uint32()], [1_529_860_606, 3_710_442_683, 656_246_361]);
});

test('a fork depends on seed and label, not on what was drawn before', () => {
  const early = new Random('x').fork('nat');
  const parent = new Random('x');
  parent.bytes(1000);
  const late = parent.fork('nat');
  assert.deepEqual(early.bytes(16), late.bytes(16));
  assert.notDeepEqual(new Random('x').fork('nat').bytes(16), new Random('x').fork('link').bytes(16));
  assert.equal(early.seed, 'x/nat');
});

test('integers fill their range evenly', () => {
  const random = new Random('even');
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const n = random.int(10);
    counts[n] = (counts[n] ?? 0) + 1;
  }
  // Standard deviation is 95; five of them.
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 475, String(counts));
});

test('int refuses what is no range', () => {
  for (const n of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) assert.throws(() => new Random('r').int(n), RangeError);
});

test('a shuffle keeps the items and leaves the original alone', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.string(), (items, seed) => {
      const before = [...items];
      const shuffled = new Random(seed).shuffle(items);
      assert.deepEqual(items, before);
      assert.deepEqual(
        [...shuffled].sort((a, b) => a - b),
        before.sort((a, b) => a - b),
      );
    }),
  );
});

test('bytes have the length asked for and every value comes up', () => {
  for (const n of [0, 1, 3, 4, 5, 32]) assert.equal(new Random('b').bytes(n).length, n);
  assert.equal(new Set(new Random('b').bytes(8192)).size, 256);
});

test('certain and impossible chances draw nothing', () => {
  const [a, b] = [new Random('c'), new Random('c')];
  assert.equal(a.chance(0), false);
  assert.equal(a.chance(1), true);
  assert.equal(a.next(), b.next());
});

test('the seed of a run comes from KITH_SEED, or is the own one of the test', () => {
  assert.equal(seedFrom({ KITH_SEED: 'abc' }, 'own'), 'abc');
  assert.equal(seedFrom({ KITH_SEED: '' }, 'own'), 'own');
  assert.equal(seedFrom({}, 'own'), 'own');
});
