import assert from 'node:assert/strict';
import { test } from 'node:test';
import { set } from '@kith/mesh';
import { Relaying } from '../src/relaying.ts';
import { Graph } from '../src/routes.ts';
import type { NodeId } from '@kith/core';
import { bench, connect, endpoint, idOf, publicEndpoint } from './fake.ts';
import type { Bench } from './fake.ts';
import { put } from './ledger/world.ts';

/** Actor 0 with neighbours 1 and 2; actor 3 is behind 1, and 4 behind 2. */
function relay(): { at: Bench; relaying: Relaying; id: (actor: number) => NodeId } {
  const at = bench(5);
  const id = (actor: number) => idOf(at.world, actor);
  for (const n of [1, 2]) connect(at.peer(n), publicEndpoint(n), 1000);
  at.neighbours = [at.peer(1), at.peer(2)];
  at.graph = new Graph(
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 4],
    ].map(([a, b]) => ({ a: id(a as number), b: id(b as number), rtt: 10, loss: 0 })),
    [0, 1, 2].map(id),
  );
  return { at, relaying: new Relaying(at.context), id };
}

test('frames for a member go to the neighbour that leads to it, or to itself', () => {
  const { at, relaying, id } = relay();
  for (const n of [3, 4, 1]) relaying.wanted(id(n), 1000);
  assert.equal(at.plane.hops.get(id(3)), publicEndpoint(1));
  assert.equal(at.plane.hops.get(id(4)), publicEndpoint(2));
  assert.equal(at.plane.hops.get(id(1)), publicEndpoint(1));
});

test('a live neighbour gets its frames straight, though a detour would be quicker', () => {
  const { at, relaying, id } = relay();
  at.graph = new Graph(
    [
      { a: id(0), b: id(1), rtt: 50, loss: 0 },
      { a: id(0), b: id(2), rtt: 5, loss: 0 },
      { a: id(2), b: id(1), rtt: 5, loss: 0 },
    ],
    [0, 1, 2].map(id),
  );
  relaying.refresh(1000);
  relaying.wanted(id(1), 1000);
  assert.equal(at.plane.hops.get(id(1)), publicEndpoint(1));
  at.neighbours = [at.peer(2)];
  relaying.refresh(1100);
  assert.equal(at.plane.hops.get(id(1)), publicEndpoint(2));
});

test('frames for nobody, for this node or for an invite get no next hop', () => {
  const { at, relaying, id } = relay();
  relaying.wanted(id(9), 1000);
  relaying.wanted(id(0), 1000);
  at.world.makeInvite(1);
  const invite = [...at.world.ledger.roster().invites.values()][0];
  assert.ok(invite);
  const guest = at.table.addInvite(invite, at.peer(1).identity.name);
  assert.ok(guest);
  relaying.wanted(guest.id, 1000);
  assert.deepEqual(at.plane.calls, []);
});

test('a next hop follows the links, and goes when there is no way any more', () => {
  const { at, relaying, id } = relay();
  relaying.wanted(id(3), 1000);
  at.graph = new Graph(
    [
      { a: id(0), b: id(2), rtt: 10, loss: 0 },
      { a: id(2), b: id(3), rtt: 10, loss: 0 },
    ],
    [id(0), id(2)],
  );
  relaying.refresh(1100);
  assert.equal(at.plane.hops.get(id(3)), publicEndpoint(2));
  at.graph = new Graph([], []);
  relaying.refresh(1200);
  assert.equal(at.plane.hops.get(id(3)), null);
});

test('what did not change is not programmed again', () => {
  const { at, relaying, id } = relay();
  relaying.refresh(1000);
  relaying.wanted(id(3), 1000);
  const calls = at.plane.calls.length;
  relaying.refresh(1100);
  at.neighbours.reverse();
  relaying.refresh(1200);
  relaying.wanted(id(3), 1300);
  assert.equal(at.plane.calls.length, calls);
});

test('who may not relay sets no next hop: by its own configuration or by the ledger', () => {
  const own = relay();
  own.at.config.relay = false;
  own.relaying.wanted(own.id(3), 1000);
  assert.equal(own.at.plane.hops.get(own.id(3)) ?? null, null);
  const { at, relaying, id } = relay();
  relaying.wanted(id(3), 1000);
  const { world } = at;
  put(world.ledger, set(world.context(0), world.actor(0).key, { mayRelay: false }));
  relaying.refresh(1100);
  assert.equal(at.plane.hops.get(id(3)), null);
});

test('frames are taken from neighbours only, from every endpoint they were heard at within the minute', () => {
  const { at, relaying } = relay();
  connect(at.peer(1), '198.51.100.7:9', 1000);
  connect(at.peer(2), '198.51.100.8:9', 1000).lastHeard = 0;
  relaying.refresh(1000);
  assert.deepEqual(
    new Set(at.plane.sources),
    new Set([publicEndpoint(1), endpoint('198.51.100.7:9'), publicEndpoint(2)]),
  );
  at.neighbours = [at.peer(2)];
  relaying.refresh(1100);
  assert.deepEqual(at.plane.sources, [publicEndpoint(2)]);
  relaying.refresh(61_000);
  assert.deepEqual(at.plane.sources, []);
});

test('a destination that nobody asked for in five minutes, or that left, is forgotten', () => {
  const { at, relaying, id } = relay();
  relaying.wanted(id(3), 1000);
  relaying.wanted(id(4), 1000);
  at.world.revoke(0, 4);
  at.table.update(at.world.ledger.roster());
  relaying.refresh(301_000);
  assert.equal(at.plane.hops.get(id(4)), null);
  assert.equal(at.plane.hops.get(id(3)), publicEndpoint(1));
  relaying.refresh(301_001);
  assert.equal(at.plane.hops.get(id(3)), null);
});
