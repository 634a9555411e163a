import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Presence } from '../src/presence.ts';
import { decodePresence, GRANT_LIFE, grantLink, PRESENCE_LIMITS } from '../src/presence.ts';
import { Paths } from '../src/paths.ts';
import { Publisher } from '../src/publisher.ts';
import { address, bench, connect, endpoint, idOf, publicEndpoint } from './fake.ts';
import type { Bench } from './fake.ts';

interface Desk {
  readonly at: Bench;
  readonly publisher: Publisher;
  readonly said: { readonly presence: Presence; readonly at: number }[];
}

function desk(size = 8): Desk {
  const at = bench(size);
  const said: Desk['said'] = [];
  const publisher = new Publisher(at.context, new Paths(at.context, () => undefined), (record, seq, now) => {
    const presence = decodePresence(record);
    assert.ok(presence);
    assert.equal(presence.seq, seq);
    said.push({ presence, at: now });
    at.context.presences.accept({ id: at.context.self, seq, age: 0, record }, now);
  });
  return { at, publisher, said };
}

/** A kept, granted, live link with an actor. */
function linked({ at }: Desk, actor: number, now: number, rtt = 10): void {
  const peer = at.peer(actor);
  connect(peer, publicEndpoint(actor), now, rtt);
  peer.weKeep = true;
  const epoch = at.context.presences.highest(peer.id);
  const link = { publisher: at.context.self, grantor: peer.id, epoch };
  const { seed } = at.world.actor(actor);
  peer.grant = { epoch, signature: grantLink(at.world.crypto, at.world.network, seed, link) };
  at.neighbours = [...at.neighbours, peer];
}

/** Runs the publisher's clock. */
function run({ publisher }: Desk, from: number, to: number): void {
  for (let now = from; now <= to; now += 50) publisher.tick(now);
}

test('a node that starts says at once that it is there', () => {
  const made = desk();
  made.publisher.tick(0);
  assert.equal(made.said.length, 1);
});

test('while nothing changes a record follows the last one long before that one’s life is over', () => {
  const made = desk();
  run(made, 0, 400_000);
  for (const [i, { presence, at }] of made.said.entries()) {
    const before = made.said[i - 1];
    if (before === undefined) continue;
    const pause = at - before.at;
    assert.ok(pause >= 48_000 && pause * 2 < before.presence.ttl * 1000, `${pause} ms`);
    assert.ok(presence.seq > before.presence.seq);
  }
  assert.ok(made.said.length >= 6);
});

test('a burst of changes becomes few records, and the last change is in the last one', () => {
  const made = desk();
  made.publisher.tick(0);
  for (let now = 0; now <= 10_000; now += 50) {
    made.at.context.localAddresses = [address(`192.168.${1 + Math.floor(now / 100)}.5`)];
    made.publisher.changed(now);
    made.publisher.tick(now);
  }
  run(made, 10_050, 13_000);
  assert.ok(made.said.length <= 7, `${made.said.length} records`);
  assert.equal(made.said.at(-1)?.presence.endpoints[0]?.endpoint, '192.168.101.5:6550');
});

test('a change that changes nothing in the record is not told', () => {
  const made = desk();
  made.publisher.tick(0);
  made.publisher.changed(5000);
  run(made, 5000, 15_000);
  assert.equal(made.said.length, 1);
});

test('after a move the record does not wait for its turn', () => {
  const made = desk();
  made.publisher.tick(0);
  made.at.context.localAddresses = [address('192.168.7.5')];
  made.publisher.hurry(100);
  made.publisher.tick(100);
  assert.equal(made.said.length, 2);
});

test('the sequence goes on from what others hold of an earlier life, though the clock is behind', () => {
  const made = desk();
  made.at.hear(0, { seq: 1_800_000_000_000 });
  made.publisher.tick(0);
  assert.equal(made.said[0]?.presence.seq, 1_800_000_000_001);
});

test('links are told that are kept, alive, granted and with a member that is there', () => {
  const made = desk();
  for (const actor of [1, 2, 3, 4, 5]) made.at.hear(actor, { seq: 100 });
  for (const actor of [1, 2, 3, 4, 5, 6]) linked(made, actor, 1000);
  made.at.peer(2).weKeep = false;
  made.at.peer(3).grant = null;
  const dead = made.at.peer(4).current;
  assert.ok(dead);
  dead.misses = 3;
  made.at.hear(5, { seq: 101 + GRANT_LIFE });
  made.publisher.tick(1000);
  assert.deepEqual(
    made.said[0]?.presence.links.map(({ to }) => to),
    [idOf(made.at.world, 1)],
    'kept, granted, alive, young enough, heard of',
  );
});

test('no more links than a record holds, and its grants are good', () => {
  const made = desk(12);
  for (let actor = 1; actor < 12; actor++) {
    made.at.hear(actor);
    linked(made, actor, 1000);
  }
  made.publisher.tick(1000);
  assert.equal(made.said[0]?.presence.links.length, PRESENCE_LIMITS.links);
  assert.equal(made.at.context.presences.links().length, PRESENCE_LIMITS.links);
});

test('an RTT that wanders is not told, one that moves is', () => {
  const made = desk();
  made.at.hear(1);
  linked(made, 1, 1000, 20);
  const link = made.at.peer(1).current;
  assert.ok(link);
  const after = (rtt: number, now: number): number | undefined => {
    link.rtt = rtt;
    link.lastHeard = now;
    made.publisher.changed(now);
    run(made, now, now + 3000);
    return made.said.at(-1)?.presence.links[0]?.rtt;
  };
  made.publisher.tick(1000);
  assert.equal(after(29, 5000), 20);
  assert.equal(after(31, 9000), 31);
  assert.equal(made.said.length, 2);
});

test('the last word says goodbye and beats every other', () => {
  const made = desk();
  made.publisher.tick(0);
  made.publisher.goodbye(10);
  const last = made.said.at(-1)?.presence;
  assert.equal(last?.goodbye, true);
  assert.ok((last?.seq ?? 0) > (made.said[0]?.presence.seq ?? 0));
});

test('a partner is said to be silent after its last record, until it is heard of again', () => {
  const made = desk();
  made.at.hear(1, { seq: 50 });
  made.at.peer(1).silentAfter = 50;
  made.publisher.tick(0);
  assert.deepEqual(made.said[0]?.presence.down, [{ id: idOf(made.at.world, 1), seq: 50 }]);
  made.at.hear(1, { seq: 51 });
  made.publisher.changed(5000);
  run(made, 5000, 9000);
  assert.deepEqual(made.said.at(-1)?.presence.down, []);
});

test('what a node may not do by the ledger or its configuration it does not offer', () => {
  const made = desk();
  made.publisher.tick(0);
  assert.equal(made.said[0]?.presence.relay, true);
  made.at.config.relay = false;
  made.at.config.staticEndpoints = [endpoint('203.0.113.5:6550')];
  made.publisher.changed(5000);
  run(made, 5000, 9000);
  assert.equal(made.said.at(-1)?.presence.relay, false);
  assert.equal(made.said.at(-1)?.presence.reachable, true);
});
