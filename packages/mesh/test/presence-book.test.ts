import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Crypto, NodeId } from '@kith/core';
import { EMPTY_FINGERPRINT } from '../src/trie.ts';
import { PresenceBook } from '../src/presence-book.ts';
import { GRANT_LIFE, grantLink } from '../src/presence.ts';
import type { Presence, PresenceLink } from '../src/presence.ts';
import { idOf, network, record } from './fake.ts';
import { cheap } from './ledger/world.ts';

let verified = 0;
const counting: Crypto = {
  ...cheap,
  ed25519Verify: (key, message, signature) => {
    verified++;
    return cheap.ed25519Verify(key, message, signature);
  },
};
const world = network(4);
const id = (actor: number): NodeId => idOf(world, actor);

function book(): PresenceBook {
  return new PresenceBook(counting, world.network, (each) => world.ledger.roster().members.get(each)?.nodeKey ?? null);
}

function item(actor: number, more: Partial<Presence>, age = 0) {
  const seq = more.seq ?? 1;
  return { id: id(actor), seq, age, record: record(world, actor, { ...more, seq }) };
}

/** The grantor's word for a link of the publisher. */
function link(publisher: number, grantor: number, epoch: number, more: Partial<PresenceLink> = {}): PresenceLink {
  const grant = grantLink(cheap, world.network, world.actor(grantor).seed, {
    publisher: id(publisher),
    grantor: id(grantor),
    epoch,
  });
  return { to: id(grantor), rtt: 20, loss: 100, epoch, grant, ...more };
}

test('the newest record of a member wins, in whatever order records come', () => {
  const items = [1, 2, 3, 4, 5].map((seq) => item(1, { seq }));
  fc.assert(
    fc.property(fc.shuffledSubarray(items, { minLength: 1 }), (order) => {
      const held = book();
      let best = 0;
      for (const each of order) {
        assert.equal(held.accept(each, 0), each.seq > best ? 'new' : 'known');
        best = Math.max(best, each.seq);
      }
      assert.equal(held.get(id(1))?.presence.seq, best);
      assert.deepEqual(held.trie.entries(), [[id(1), best]]);
    }),
  );
});

test('a known record costs no signature check', () => {
  const held = book();
  held.accept(item(1, { seq: 5 }), 0);
  const before = verified;
  held.accept(item(1, { seq: 5 }), 0);
  held.accept(item(1, { seq: 4 }), 0);
  assert.equal(verified, before);
});

test('a record lives for its ttl, less the age it came with', () => {
  const held = book();
  held.accept(item(1, { ttl: 90 }, 30), 1000);
  assert.equal(held.get(id(1))?.bornAt, -29_000);
  assert.deepEqual(held.expire(60_999), []);
  assert.equal(held.item(id(1), 60_999)?.age, 89);
  assert.deepEqual(held.expire(61_000), [id(1)]);
  assert.equal(held.get(id(1)), null);
  assert.equal(held.item(id(1), 61_000), null);
  assert.equal(held.trie.fingerprint(), EMPTY_FINGERPRINT);
});

test('a record that is over already is not taken in, and does not stand in the way of its own younger copy', () => {
  const held = book();
  assert.equal(held.accept(item(1, { seq: 3, ttl: 90 }, 90), 0), 'stale');
  assert.equal(held.accept(item(1, { seq: 3, ttl: 90 }, 89), 0), 'new');
});

test('an expired record that is played again stays dead, whatever age it claims', () => {
  const held = book();
  held.accept(item(1, { seq: 3 }), 0);
  held.expire(90_000);
  assert.equal(held.accept(item(1, { seq: 3 }, 0), 90_001), 'known');
  assert.equal(held.accept(item(1, { seq: 2 }, 0), 90_001), 'known');
  assert.equal(held.accept(item(1, { seq: 4 }, 0), 90_001), 'new');
});

test('ages only grow on the way from book to book', () => {
  const first = book();
  first.accept(item(1, { ttl: 90 }), 0);
  const handed = first.item(id(1), 59_000);
  assert.ok(handed);
  const second = book();
  second.accept(handed, 500_000);
  assert.equal(second.get(id(1))?.expiresAt, 531_000);
});

test('records of strangers, of another id, with another sequence or a wrong signature are refused and leave no trace', () => {
  const held = book();
  const good = item(1, { seq: 7 });
  const forged = Uint8Array.from(good.record);
  forged[0] = (forged[0] as number) ^ 1;
  assert.equal(held.accept({ ...good, record: forged }, 0), 'refused');
  assert.equal(held.accept({ ...good, id: id(2) }, 0), 'refused');
  assert.equal(held.accept({ ...good, seq: 8 }, 0), 'refused');
  assert.equal(held.accept({ ...good, record: new Uint8Array(70) }, 0), 'refused');
  assert.equal(held.accept(item(9, { seq: 7 }), 0), 'refused', 'not in the roster');
  assert.equal(held.highest(id(1)), 0);
  assert.equal(held.version, 0);
  assert.equal(held.accept(good, 0), 'new');
});

test('a member cannot speak for another one', () => {
  const held = book();
  const signedByBob = record(world, 2, { id: id(1), seq: 9 });
  assert.equal(held.accept({ id: id(1), seq: 9, age: 0, record: signedByBob }, 0), 'refused');
});

test('a record is copied: the bytes it came in may be used again', () => {
  const held = book();
  const came = item(1, {});
  const wanted = Uint8Array.from(came.record);
  held.accept(came, 0);
  came.record.fill(0);
  assert.deepEqual(held.get(id(1))?.record, wanted);
});

test('a link counts with the word of both ends', () => {
  const held = book();
  held.accept(item(1, { seq: 100, links: [link(1, 2, 50)] }), 0);
  assert.deepEqual(held.links(), [], 'nobody knows whether the other end is there');
  held.accept(item(2, { seq: 60 }), 0);
  assert.deepEqual(held.links(), [{ a: id(1), b: id(2), rtt: 20, loss: 0.1 }]);
});

const BAD: readonly (readonly [string, PresenceLink])[] = [
  ['without a grant', { ...link(1, 2, 50), grant: new Uint8Array(64) }],
  ['with a grant for another epoch', { ...link(1, 2, 50), epoch: 51 }],
  ['with a grant that was given to another publisher', { ...link(3, 2, 50) }],
  ['with a grant by another member', { ...link(1, 3, 50), to: id(2) }],
  ['with itself', { ...link(1, 1, 50) }],
];
for (const [what, bad] of BAD) {
  test(`a link ${what} does not count, and asking again costs nothing`, () => {
    const held = book();
    held.accept(item(2, { seq: 60 }), 0);
    held.accept(item(3, { seq: 60 }), 0);
    held.accept(item(1, { seq: 100, links: [bad] }), 0);
    assert.deepEqual(held.links(), []);
    const before = verified;
    assert.deepEqual(held.links(), []);
    assert.equal(verified, before);
  });
}

test('a good grant is checked once, also over many records', () => {
  const held = book();
  held.accept(item(2, { seq: 60 }), 0);
  const before = verified;
  for (let seq = 1; seq <= 5; seq++) {
    held.accept(item(1, { seq, links: [link(1, 2, 50)] }), 0);
    assert.equal(held.links().length, 1);
  }
  assert.equal(verified - before, 5 + 1, 'five records and one grant');
});

test('a grant ages by the sequence of its maker: a day later it is over', () => {
  const held = book();
  held.accept(item(1, { links: [link(1, 2, 50)] }), 0);
  held.accept(item(2, { seq: 50 + GRANT_LIFE }), 0);
  assert.equal(held.links().length, 1);
  held.accept(item(2, { seq: 51 + GRANT_LIFE }), 0);
  assert.equal(held.links().length, 0);
});

test('links of members that said goodbye do not count, from neither end', () => {
  const held = book();
  held.accept(item(1, { seq: 1, links: [link(1, 2, 50)] }), 0);
  held.accept(item(2, { seq: 60 }), 0);
  held.accept(item(2, { seq: 61, goodbye: true }), 0);
  assert.deepEqual(held.links(), []);
  held.accept(item(2, { seq: 62 }), 0);
  assert.equal(held.links().length, 1);
  held.accept(item(1, { seq: 2, goodbye: true, links: [link(1, 2, 50)] }), 0);
  assert.deepEqual(held.links(), []);
});

test('the members that name this node as a link partner are known, until they name others or are gone', () => {
  const held = new PresenceBook(
    counting,
    world.network,
    (each) => world.ledger.roster().members.get(each)?.nodeKey ?? null,
    id(2),
  );
  held.accept(item(1, { seq: 1, links: [link(1, 2, 50)] }), 0);
  held.accept(item(3, { seq: 1, links: [link(3, 1, 50)] }), 0);
  assert.deepEqual([...held.partners()], [id(1)]);
  held.accept(item(1, { seq: 2, links: [link(1, 3, 50)] }), 0);
  assert.deepEqual([...held.partners()], []);
  held.accept(item(3, { seq: 2, links: [link(3, 2, 50)] }), 0);
  held.expire(90_000);
  assert.deepEqual([...held.partners()], []);
});

test('how long a member has been heard of does not begin anew with each record', () => {
  const held = book();
  held.accept(item(1, { seq: 1 }), 1000);
  held.accept(item(1, { seq: 2 }), 50_000);
  assert.equal(held.get(id(1))?.heldSince, 1000);
  held.expire(1e6);
  held.accept(item(1, { seq: 3 }), 1e6);
  assert.equal(held.get(id(1))?.heldSince, 1e6);
});

test('the version tells of every change that may move routes', () => {
  const held = book();
  held.accept(item(1, { seq: 1 }), 0);
  const first = held.version;
  held.accept(item(1, { seq: 1 }), 0);
  assert.equal(held.version, first);
  held.accept(item(1, { seq: 2 }), 0);
  assert.ok(held.version > first);
  const second = held.version;
  held.expire(1e9);
  assert.ok(held.version > second);
});

test('whoever left the roster is forgotten with its sequence, and may come back with any', () => {
  const held = book();
  held.accept(item(1, { seq: 100 }), 0);
  held.forget(id(1));
  assert.equal(held.get(id(1)), null);
  assert.equal(held.highest(id(1)), 0);
  assert.equal(held.trie.size, 0);
});

test('a member is down once every partner it named says so of its last record, and up again with the next one', () => {
  const held = book();
  const links = [link(1, 2, 50), link(1, 3, 50)];
  held.accept(item(1, { seq: 10, links }), 0);
  held.accept(item(2, { seq: 60, down: [{ id: id(1), seq: 10 }] }), 0);
  assert.ok(held.isDown(id(1)), 'the other partner is not there');
  held.accept(item(3, { seq: 60 }), 0);
  assert.equal(held.isDown(id(1)), false, 'one partner disagrees');
  held.accept(item(3, { seq: 61, down: [{ id: id(1), seq: 9 }] }), 0);
  assert.equal(held.isDown(id(1)), false, 'it fell silent before the last record');
  held.accept(item(3, { seq: 62, down: [{ id: id(1), seq: 10 }] }), 0);
  assert.ok(held.isDown(id(1)));
  assert.deepEqual(held.links(), []);
  held.accept(item(1, { seq: 11, links }), 0);
  assert.equal(held.isDown(id(1)), false);
  assert.equal(held.links().length, 2);
});

test('whom a member did not name as a partner has no say in whether it is down', () => {
  const held = book();
  held.accept(item(1, { seq: 10 }), 0);
  held.accept(item(2, { seq: 60, down: [{ id: id(1), seq: 10 }] }), 0);
  assert.equal(held.isDown(id(1)), false);
  assert.equal(held.isDown(id(3)), false, 'nobody heard of');
});
