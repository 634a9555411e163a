import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeIdFrom } from '@kith/core';
import type { NodeId } from '@kith/core';
import { Graph, linkCost } from '../src/routes.ts';
import type { Link } from '../src/routes.ts';

const id = (n: number): NodeId => nodeIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, n));
const SIZE = 7;
const nodes = Array.from({ length: SIZE }, (_, i) => id(i));

/** Few different RTTs, so that equal costs happen; losses whose costs are exact in binary. */
const link: fc.Arbitrary<Link> = fc
  .record({
    a: fc.nat(SIZE - 1),
    b: fc.nat(SIZE - 1),
    rtt: fc.constantFrom(1, 2, 5, 10, 100),
    loss: fc.constantFrom(0, 0, 0.5),
  })
  .filter(({ a, b }) => a !== b)
  .map(({ a, b, rtt, loss }) => ({ a: id(a), b: id(b), rtt, loss }));
const links = fc.array(link, { maxLength: 14, size: 'max' });
const relays = fc.subarray(nodes);

/** The cheapest of all ways without a loop, by trying them all. */
function cheapest(all: readonly Link[], may: ReadonlySet<NodeId>, from: NodeId, target: NodeId): number {
  let best = Number.POSITIVE_INFINITY;
  const walk = (at: NodeId, cost: number, seen: readonly NodeId[]): void => {
    if (at === target) {
      best = Math.min(best, cost);
      return;
    }
    if (at !== from && !may.has(at)) return;
    for (const { a, b, rtt, loss } of all) {
      const next = a === at ? b : b === at ? a : null;
      if (next !== null && !seen.includes(next)) walk(next, cost + linkCost(rtt, loss), [...seen, next]);
    }
  };
  walk(from, 0, [from]);
  return best;
}

test('the cost of the way from every member is that of the best of all ways', () => {
  fc.assert(
    fc.property(links, relays, fc.nat(SIZE - 1), (all, may, t) => {
      const graph = new Graph(all, may);
      const target = id(t);
      const tree = graph.towards(target);
      for (const from of nodes) {
        const wanted = cheapest(all, new Set(may), from, target);
        assert.equal(tree.cost.get(from) ?? Number.POSITIVE_INFINITY, wanted, `${from} to ${target}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('a path is what the next hops spell: its links are there, its cost is the tree’s, only relays stand inside', () => {
  fc.assert(
    fc.property(links, relays, fc.nat(SIZE - 1), fc.nat(SIZE - 1), (all, may, f, t) => {
      const graph = new Graph(all, may);
      const [from, target] = [id(f), id(t)];
      const tree = graph.towards(target);
      const path = graph.path(from, target);
      if (path === null) {
        assert.equal(tree.cost.get(from), undefined);
        return;
      }
      assert.equal(path[0], from);
      assert.equal(path.at(-1), target);
      assert.equal(new Set(path).size, path.length, 'no member twice');
      for (const inner of path.slice(1, -1)) assert.ok(may.includes(inner), `${inner} does not relay`);
      let cost = 0;
      for (const [i, at] of path.slice(0, -1).entries()) {
        const next = path[i + 1] as NodeId;
        assert.equal(tree.next.get(at), next);
        const costs = all
          .filter(({ a, b }) => (a === at && b === next) || (b === at && a === next))
          .map(({ rtt, loss }) => linkCost(rtt, loss));
        cost += Math.min(...costs);
      }
      assert.equal(cost, tree.cost.get(from));
    }),
    { numRuns: 300 },
  );
});

test('what one member computes every other computes: order and direction of links, and order of relays, do not matter', () => {
  fc.assert(
    fc.property(links, relays, fc.nat(SIZE - 1), fc.infiniteStream(fc.nat()), (all, may, t, order) => {
      const mixed = all
        .map((each) => ({
          each: order.next().value % 2 === 0 ? each : { ...each, a: each.b, b: each.a },
          at: order.next().value,
        }))
        .toSorted((x, y) => x.at - y.at)
        .map(({ each }) => each);
      const one = new Graph(all, may).towards(id(t));
      const two = new Graph(mixed, may.toReversed()).towards(id(t));
      assert.deepEqual(one.next, two.next);
    }),
    { numRuns: 300 },
  );
});

test('the first hop to any member, found by one search for all of them, lies on one of the cheapest ways', () => {
  fc.assert(
    fc.property(links, relays, fc.nat(SIZE - 1), (all, may, f) => {
      const graph = new Graph(all, may);
      const from = id(f);
      for (const target of nodes) {
        if (target === from) continue;
        const { cost } = graph.towards(target);
        const hop = graph.firstHop(from, target);
        assert.equal(hop === null, cost.get(from) === undefined);
        if (hop === null) continue;
        const step = all
          .filter(({ a, b }) => (a === from && b === hop) || (b === from && a === hop))
          .map(({ rtt, loss }) => linkCost(rtt, loss));
        assert.ok(hop === target || may.includes(hop));
        assert.equal(Math.min(...step) + (cost.get(hop) ?? Number.NaN), cost.get(from));
      }
    }),
    { numRuns: 300 },
  );
});

test('ways that avoid a member are those in which it does not relay', () => {
  fc.assert(
    fc.property(links, relays, fc.nat(SIZE - 1), fc.nat(SIZE - 1), (all, may, t, o) => {
      const without = new Graph(all, new Set(may.filter((each) => each !== id(o)))).towards(id(t));
      const graph = new Graph(all, may);
      assert.deepEqual(graph.towards(id(t), id(o)), without);
      assert.deepEqual(
        graph.towards(id(t)),
        new Graph(all, may).towards(id(t)),
        'the others are not mistaken for these',
      );
    }),
  );
});

test('of two ways that cost the same the one over the smaller id is taken', () => {
  const diamond = [1, 2].flatMap((n) => [
    { a: id(0), b: id(n), rtt: 10, loss: 0 },
    { a: id(n), b: id(3), rtt: 10, loss: 0 },
  ]);
  for (const all of [diamond, diamond.toReversed()]) {
    assert.deepEqual(new Graph(all, [id(1), id(2)]).path(id(0), id(3)), [id(0), id(1), id(3)]);
  }
});

test('so it is where the smaller id is the farther one from the target, and was looked at last', () => {
  const uneven = [
    { a: id(0), b: id(1), rtt: 10, loss: 0 },
    { a: id(1), b: id(3), rtt: 20, loss: 0 },
    { a: id(0), b: id(2), rtt: 20, loss: 0 },
    { a: id(2), b: id(3), rtt: 10, loss: 0 },
  ];
  for (const all of [uneven, uneven.toReversed()]) {
    assert.deepEqual(new Graph(all, [id(1), id(2)]).path(id(0), id(3)), [id(0), id(1), id(3)]);
  }
});

test('a member that does not relay is reached but not gone through', () => {
  const chain = [0, 1, 2].map((n) => ({ a: id(n), b: id(n + 1), rtt: 1, loss: 0 }));
  const graph = new Graph(chain, [id(1)]);
  assert.deepEqual(graph.path(id(0), id(2)), [id(0), id(1), id(2)]);
  assert.equal(graph.path(id(0), id(3)), null);
  assert.equal(graph.path(id(3), id(0)), null);
});

test('the way to oneself is oneself', () => {
  assert.deepEqual(new Graph([], []).path(id(1), id(1)), [id(1)]);
});

/** One more hop costs 2 ms; losing a tenth costs 10 ms, losing everything a second. */
const COSTS: readonly (readonly [number, number, number, number])[] = [
  [1, 0, 0, 2],
  [2, 20, 0, 22],
  [3, 20, 0.1, 32],
  [4, 20, 0.5, 272],
  [5, 20, 1, 1022],
];
for (const [number, rtt, loss, cost] of COSTS) {
  test(`cost of a link, case ${number}: ${rtt} ms with a loss of ${loss} costs ${cost}`, () => {
    assert.ok(Math.abs(linkCost(rtt, loss) - cost) < 1e-9);
  });
}

test('three hundred members with four links each are sorted out quickly', (t) => {
  const all = Array.from({ length: 1200 }, (_, i) => ({
    a: nodeIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, (i % 300) >> 8, i % 300)),
    b: nodeIdFrom(Uint8Array.of(0, 0, 0, 0, 0, 0, ((i * 7919) % 300) >> 8, (i * 7919) % 300)),
    rtt: 1 + (i % 50),
    loss: 0,
  }));
  const members = new Set(all.map(({ a }) => a));
  const started = performance.now();
  const graph = new Graph(all, members);
  for (const member of members) graph.towards(member);
  t.diagnostic(`${((performance.now() - started) / members.size).toFixed(2)} ms a tree`);
  assert.equal(graph.towards(id(1)).cost.get(id(1)), 0);
});
