import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, fromHex } from '@kith/core';
import { admit, Ledger, PLANE_LIMITS } from '@kith/mesh';
import { decodeControl, encodeControl } from '../src/control.ts';
import type { Control } from '../src/control.ts';
import { Gossip } from '../src/gossip.ts';
import { Peer } from '../src/peer.ts';
import type { PeerHandle } from '../src/plane.ts';
import { PresenceBook } from '../src/presence-book.ts';
import { bench, connect, idOf, network, record } from './fake.ts';
import type { Context } from '../src/context.ts';
import { cheap, label, tunnel, World } from './ledger/world.ts';

/** Members 2 and up have presences; 0 and 1 are the two that gossip. */
const MEMBERS = 120;
const world = network(MEMBERS);
const statements = [...world.ledger.hashes()].map((hash) => world.ledger.get(hash) as Uint8Array);
const roster = world.ledger.roster();

/** Decides the fate of each message. */
type Lost = () => boolean;

class Side {
  readonly context: Context;
  readonly gossip: Gossip;
  readonly ledger: Ledger;
  readonly book: PresenceBook;
  readonly peer: Peer;
  readonly outbox: Uint8Array[] = [];
  sentBytes = 0;
  sent = 0;

  constructor(self: number, other: number, kind: 'member' | 'invite', home: World, founded: boolean) {
    const made = bench(1, home);
    this.ledger = new Ledger({ crypto: cheap, network: home.network });
    if (founded) this.ledger.add(home.founding);
    this.book = new PresenceBook(cheap, home.network, (id) => roster.members.get(id)?.nodeKey ?? null);
    this.peer = new Peer(1 as PeerHandle, {
      kind,
      id: idOf(home, other),
      nodeKey: home.actor(other).key,
      tunnelKey: tunnel(other),
      name: label(`n${other}`),
      allowed: [],
      mayRelay: true,
    });
    connect(this.peer, '203.0.113.9:6550', 0);
    this.peer.weKeep = true;
    this.context = {
      ...made.context,
      self: idOf(home, self),
      ledger: this.ledger,
      presences: this.book,
      met: () => [this.peer],
      neighbours: () => [this.peer],
      peers: () => [this.peer],
      send: (_peer, message) => this.#send(message),
    };
    this.gossip = new Gossip(this.context, { presence: () => undefined, statement: () => undefined });
  }

  hold(keys: Iterable<number>): void {
    for (const actor of keys) {
      const item = { id: idOf(world, actor), seq: 1 + (actor % 3), age: 0 };
      this.book.accept({ ...item, record: record(world, actor, { seq: item.seq }) }, 0);
    }
  }

  /** One exchange of pings and what follows from it, until nobody has anything to say. */
  static round(a: Side, b: Side, now: number, lost: Lost): void {
    a.gossip.tick(now);
    b.gossip.tick(now);
    for (const [me, they] of [
      [a, b],
      [b, a],
    ] as const) {
      if (lost()) continue;
      me.peer.ledger = they.gossip.ledgerFingerprint();
      me.peer.presence = they.book.trie.fingerprint();
      me.gossip.reconcile(me.peer, now);
    }
    for (let turns = 0; a.outbox.length + b.outbox.length > 0; turns++) {
      assert.ok(turns < 100, 'messages beget messages without end');
      const [fromA, fromB] = [a.outbox.splice(0), b.outbox.splice(0)];
      for (const payload of fromA) if (!lost()) b.#take(payload, now);
      for (const payload of fromB) if (!lost()) a.#take(payload, now);
    }
  }

  #send(message: Control): boolean {
    const { type, body } = encodeControl(message);
    assert.ok(body.length <= PLANE_LIMITS.controlBody, `a ${message.kind} message has ${body.length} bytes`);
    this.outbox.push(concat(Uint8Array.of(type), body));
    this.sent++;
    this.sentBytes += body.length;
    return true;
  }

  #take(payload: Uint8Array, now: number): void {
    const message = decodeControl(payload);
    assert.ok(message);
    this.gossip.handle(this.peer, message, now);
  }
}

function pair(): [Side, Side] {
  return [new Side(0, 1, 'member', world, true), new Side(1, 0, 'member', world, true)];
}

const equal = (a: Side, b: Side) =>
  a.gossip.ledgerFingerprint() === b.gossip.ledgerFingerprint() &&
  a.book.trie.fingerprint() === b.book.trie.fingerprint();

/** Rounds of 320 ms until both sides hold the same; asserts that there are no more than `most`. */
function settle(a: Side, b: Side, most: number, lost: Lost, from = 0): number {
  for (let round = 1; round <= most; round++) {
    Side.round(a, b, from + round * 320, lost);
    if (equal(a, b)) return round;
  }
  assert.fail(
    `after ${most} rounds: ${a.ledger.size} and ${b.ledger.size} statements, ${a.book.trie.size} and ${b.book.trie.size} presences`,
  );
}

const subset = <T>(of: readonly T[]) => fc.subarray([...of]);
const others = Array.from({ length: MEMBERS - 2 }, (_, i) => i + 2);

test('two members with any presences and statements end with the union, though a third of the messages is lost', () => {
  fc.assert(
    fc.property(
      subset(others),
      subset(others),
      subset(statements),
      subset(statements),
      // Without bias: fast-check likes small numbers, and more would be lost than is said.
      fc.infiniteStream(fc.noBias(fc.nat(99))),
      (p, q, s, t, dice) => {
        const [a, b] = pair();
        a.hold(p);
        b.hold(q);
        for (const each of s) a.ledger.add(each);
        for (const each of t) b.ledger.add(each);
        settle(a, b, 400, () => dice.next().value < 33);
        assert.deepEqual(
          new Set(a.book.trie.entries().map(([key]) => key)),
          new Set([...p, ...q].map((actor) => idOf(world, actor))),
        );
        const union = new Ledger({ crypto: cheap, network: world.network });
        for (const each of [world.founding, ...s, ...t]) union.add(each);
        assert.deepEqual([...a.ledger.hashes()].toSorted(), [...union.hashes()].toSorted());
        assert.deepEqual([...b.ledger.hashes()].toSorted(), [...union.hashes()].toSorted());
      },
    ),
    { numRuns: 30 },
  );
});

test('without loss a few differences are found in one round, and cost little beside the sets', (t) => {
  fc.assert(
    fc.property(subset(others), fc.subarray([...others], { maxLength: 4 }), (common, few) => {
      const [a, b] = pair();
      a.hold(common);
      b.hold([...common, ...few]);
      settle(a, b, 1, () => false);
    }),
    { numRuns: 30 },
  );
  const [a, b] = pair();
  a.hold(others);
  b.hold(others.slice(1));
  settle(a, b, 1, () => false);
  t.diagnostic(
    `one presence of ${others.length} missing: ${a.sent + b.sent} messages, ${a.sentBytes + b.sentBytes} bytes`,
  );
});

test('equal sets cost no message', () => {
  const [a, b] = pair();
  a.hold(others);
  b.hold(others);
  Side.round(a, b, 1000, () => false);
  assert.equal(a.sent + b.sent, 0);
});

test('the newer of two records of a member replaces the older, whichever side had it', () => {
  const [a, b] = pair();
  const id = idOf(world, 5);
  a.book.accept({ id, seq: 7, age: 0, record: record(world, 5, { seq: 7 }) }, 0);
  b.book.accept({ id, seq: 9, age: 0, record: record(world, 5, { seq: 9 }) }, 0);
  settle(a, b, 2, () => false);
  assert.equal(a.book.highest(id), 9);
});

test('who lists an older record is given the newer one without asking, and who lists a newer one is asked for it', () => {
  const [a] = pair();
  const id = idOf(world, 5);
  a.book.accept({ id, seq: 7, age: 0, record: record(world, 5, { seq: 7 }) }, 0);
  const answers = [6, 7, 8].map((seq) => {
    a.gossip.handle(a.peer, { kind: 'have', set: 1, prefix: id.slice(0, 2), items: [[id, seq]] }, 0);
    return a.outbox.splice(0).map((payload) => decodeControl(payload)?.kind);
  });
  assert.deepEqual(answers, [['presence'], [], ['want']]);
});

/** A ledger of one admin's many statements, made without folding it for each. */
function large(count: number): { home: World; bytes: Uint8Array[] } {
  const home = new World(cheap, '10.0.0.0/16');
  const bytes = [home.founding];
  const issuer = home.actor(0);
  let { n, prev } = home.ledger.next(issuer.key);
  for (let i = 1; i < count; i++) {
    const made = admit(
      { crypto: cheap, network: home.network, issuer, n, prev, at: home.now + i },
      { nodeKey: home.actor(i).key, tunnelKey: tunnel(i), name: label(`m${i}`), address: null, tags: [] },
    );
    const added = home.ledger.add(made);
    assert.equal(added.kind, 'added');
    bytes.push(made);
    [n, prev] = [n + 1, fromHex(added.kind === 'added' ? added.hash : '')];
  }
  return { home, bytes };
}

for (const size of [40, 400, 2000]) {
  test(`whoever comes with an empty ledger has all ${size} statements in the end`, (t) => {
    const { home, bytes } = large(size);
    const member = new Side(0, 1, 'invite', home, true);
    const joiner = new Side(1, 0, 'member', home, false);
    for (const each of bytes) member.ledger.add(each);
    const rounds = settle(member, joiner, 120, () => false);
    assert.equal(joiner.ledger.size, size);
    t.diagnostic(
      `${rounds} rounds of 0.3 s, ${((member.sentBytes + joiner.sentBytes) / size).toFixed(0)} bytes a statement`,
    );
  });
}

test('what an invite peer asks of the presences is not answered', () => {
  const member = new Side(0, 1, 'invite', world, true);
  member.hold(others);
  for (const message of [
    { kind: 'digest', set: 1, items: [{ prefix: '', fingerprint: '11'.repeat(8) }] },
    { kind: 'have', set: 1, prefix: '', items: [] },
    { kind: 'want', set: 1, keys: [idOf(world, 5)] },
  ] as const) {
    member.gossip.handle(member.peer, message, 0);
  }
  assert.equal(member.sent, 0);
});

test('a stranger to gossip cannot make a member send without bound', () => {
  const [a] = pair();
  a.hold(others);
  for (let i = 0; i < 900; i++) a.gossip.handle(a.peer, { kind: 'have', set: 1, prefix: '', items: [] }, 0);
  assert.ok(a.sentBytes < 400 * 400, `${a.sentBytes} bytes`);
});

test('a statement that is known costs its sender nothing', () => {
  const [a] = pair();
  for (const each of statements) a.ledger.add(each);
  for (let i = 0; i < 20; i++) a.gossip.handle(a.peer, { kind: 'statements', statements }, 0);
  assert.ok(a.peer.checks.take(0, 600), 'the budget for checks is whole');
});

test('a message that names one prefix many times is answered once', () => {
  const [a] = pair();
  a.hold(others);
  const items = Array.from({ length: 120 }, () => ({ prefix: '', fingerprint: '11'.repeat(8) }));
  a.gossip.handle(a.peer, { kind: 'digest', set: 1, items }, 0);
  assert.ok(a.sentBytes < 2400, `${a.sentBytes} bytes in ${a.sent} messages`);
});
