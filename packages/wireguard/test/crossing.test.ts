import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@kith/core';
import { World } from './helpers/world.ts';

const PACKET = utf8('sixteen bytes ..');

/** Runs until both sides have a session, and returns the time that took. */
function untilEstablished(world: World, nodes: ReturnType<World['pair']>, limit: number): number {
  while (nodes.some(({ peer }) => peer.device.sessionState(1) !== 'established')) {
    ok(world.now < limit, `no session after ${limit} ms\n${world.printTrace()}`);
    world.runUntil(world.now + 100);
  }
  return world.now;
}

test('two sides that initiate at the same moment have a session after one round trip', () => {
  const world = new World('crossing');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  b.peer.send(1, PACKET, world.now);
  world.runUntil(200);
  deepEqual([a.received.length, b.received.length], [1, 1], world.printTrace());
  for (const { peer } of [a, b]) {
    equal(peer.device.sessionState(1), 'established');
    equal(peer.events('initiation').length, 1);
  }
});

test('a side whose own attempt gets lost stops it once the other side has made a session', () => {
  const world = new World('lost');
  const [a, b] = world.pair();
  world.cut = ({ from, bytes }) => from === 'a' && bytes[0] === 1;
  a.peer.device.initiate(1, world.now);
  b.peer.device.initiate(1, world.now);
  world.runUntil(60_000);
  deepEqual([a.peer.events('session 1 responder').length, a.peer.events('initiation').length], [1, 1]);
});

test('sides that keep initiating at once exchange all packets through three renewals', () => {
  const world = new World('both');
  const [a, b] = world.pair();
  world.every(500, 500_000, () => {
    a.peer.send(1, PACKET, world.now);
    b.peer.send(1, PACKET, world.now);
  });
  world.runUntil(502_000);
  deepEqual([a.received.length, b.received.length], [1000, 1000]);
  for (const { peer } of [a, b]) {
    const renewals = peer.events('initiation').length;
    ok(renewals <= 5, `${renewals} handshakes: they must not chase each other`);
    ok(peer.sessions.size <= 3);
  }
});

test('with a third of all datagrams lost, sides that initiate at once always find a session (40 seeds)', () => {
  for (let seed = 0; seed < 40; seed++) {
    const world = new World(`loss ${seed}`);
    world.loss = 0.33;
    const nodes = world.pair();
    for (const { peer } of nodes) peer.device.initiate(1, world.now);
    untilEstablished(world, nodes, 60_000);
    world.loss = 0;
    const [a, b] = nodes;
    const before = [a.received.length, b.received.length];
    a.peer.send(1, PACKET, world.now);
    b.peer.send(1, PACKET, world.now);
    world.runUntil(world.now + 30_000);
    a.peer.send(1, PACKET, world.now);
    b.peer.send(1, PACKET, world.now);
    world.runUntil(world.now + 1000);
    const got = [a.received.length - (before[0] ?? 0), b.received.length - (before[1] ?? 0)];
    ok(
      got.every((n) => n >= 1),
      `seed ${seed}: ${got.join()} of 2 packets\n${world.printTrace()}`,
    );
  }
});

test('a side that restarts without its state is reached again as soon as it speaks', () => {
  const world = new World('restart');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  world.runUntil(30_000);
  b.address = 'gone';
  const again = world.node('again');
  again.address = 'b';
  again.peer.add(1, { publicKey: a.peer.publicKey }, 'a');
  a.peer.add(2, { publicKey: again.peer.publicKey }, null);
  again.peer.send(1, PACKET, world.now);
  world.runUntil(31_000);
  equal(a.received.length, 1, world.printTrace());
});
