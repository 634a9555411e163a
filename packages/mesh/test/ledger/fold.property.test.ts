import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, encodeCbor, fromHex, keyBytes, utf8 } from '@kith/core';
import * as mesh from '@kith/mesh';
import type { Ledger } from '@kith/mesh';
import {
  all,
  cheap,
  dump,
  issuer,
  KINDS,
  label,
  merge,
  play,
  put,
  replicas,
  statementOf,
  steps,
  tunnel,
  World,
} from './world.ts';

const RUNS = 150;

function union(ledgers: readonly Ledger[], world: World): Ledger {
  const whole = world.replica();
  for (const ledger of ledgers) merge(whole, ledger);
  return whole;
}

/** Two admins besides the founder and three members from the start, so that scripts reach deep states. */
function populated(): World {
  const world = new World();
  for (const number of [1, 2, 3, 4]) world.admit(number);
  world.grant(2);
  world.grant(1);
  return world;
}

test('any order and any repetition of the same statements gives the same roster', () => {
  fc.assert(
    fc.property(steps(), fc.infiniteStream(fc.nat()), fc.boolean(), (script, picks, deep) => {
      const world = deep ? populated() : new World();
      const whole = union(play(world, script), world);
      const wanted = dump(whole.roster());
      const bag = all(whole);
      const shuffled = world.empty();
      while (bag.length > 0) {
        const pick = (picks.next().value as number) % bag.length;
        const bytes = bag[pick] as Uint8Array;
        assert.notEqual(shuffled.add(bytes).kind, 'refused');
        if ((picks.next().value as number) % 4 === 0) shuffled.add(bytes);
        else bag.splice(pick, 1);
        if (shuffled.founded && (picks.next().value as number) % 3 === 0) shuffled.roster();
      }
      assert.equal(shuffled.size, whole.size);
      assert.equal(dump(shuffled.roster()), wanted);
    }),
    { numRuns: RUNS },
  );
});

test('parts that went their own ways heal to one roster wherever they meet first', () => {
  fc.assert(
    fc.property(steps(), fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 20 }), (script, meetings) => {
      const world = populated();
      const ledgers = play(world, script);
      for (const [a, b] of meetings) merge(ledgers[a] as Ledger, ledgers[b] as Ledger);
      // What waits in one place for what is held in another comes in a round later.
      for (let round = 0; round < 4; round++) {
        for (const ledger of ledgers) merge(ledgers[0] as Ledger, ledger);
        for (const ledger of ledgers) merge(ledger, ledgers[0] as Ledger);
      }
      const wanted = dump((ledgers[0] as Ledger).roster());
      for (const ledger of ledgers) assert.equal(dump(ledger.roster()), wanted);
    }),
    { numRuns: RUNS },
  );
});

test('names, addresses, tunnel keys and ids are unique among members and every member has an own address', () => {
  fc.assert(
    fc.property(steps(), (script) => {
      const world = populated();
      const roster = union(play(world, script), world).roster();
      const members = [...roster.members.values()];
      for (const index of [roster.byName, roster.byAddress4, roster.byTunnelKey, roster.byNodeKey]) {
        assert.equal(index.size, members.length);
      }
      for (const member of members) assert.equal(roster.revoked.has(member.id), false);
    }),
    { numRuns: RUNS },
  );
});

const WITHOUT_RIGHT = ['grant', 'withdraw', 'revoke', 'invite', 'admit', 'set', 'policy', 'revoke-invite'] as const;

test('what a member without the right says of others has no effect', () => {
  fc.assert(
    fc.property(steps(), steps(WITHOUT_RIGHT, 15), (script, attempts) => {
      const world = populated();
      const honest = script.filter((step) => !(step.kind === 'grant' && step.target === 4) && step.actor !== 4);
      const whole = union(play(world, honest), world);
      const before = dump(whole.roster());
      for (const attempt of attempts) {
        // About oneself, withdraw and revoke are a right.
        if (attempt.target === 4 || attempt.kind === 'merge') continue;
        put(whole, statementOf(world, { ...attempt, actor: 4, fork: false }, whole));
      }
      assert.equal(dump(whole.roster()), before);
    }),
    { numRuns: RUNS },
  );
});

test('nobody is an admin without a grant by somebody who was one', () => {
  fc.assert(
    fc.property(steps(), (script) => {
      const world = populated();
      const whole = union(play(world, script), world);
      const grants = all(whole)
        .map((bytes) => mesh.decodeStatement(world.crypto, bytes))
        .filter(({ body }) => body.kind === 'grant');
      const reachable = new Set([world.actor(0).key]);
      for (const key of reachable) {
        for (const { by, body } of grants) if (by === key && body.kind === 'grant') reachable.add(body.nodeKey);
      }
      for (const key of whole.roster().admins) assert.ok(reachable.has(key));
    }),
    { numRuns: RUNS },
  );
});

test('a revoked admin stays out whatever it and its creatures say afterwards, and takes nobody along but its revoker', () => {
  fc.assert(
    fc.property(steps(KINDS, 25), steps(KINDS, 25), (script, revenge) => {
      const world = populated();
      // Before: anything that does not touch the right of the founder or of actor 1.
      const calm = script.filter(({ kind, actor, target }) => {
        if (kind === 'revoke' || kind === 'withdraw' || kind === 'admit') return false;
        return !(kind === 'leave' && (actor === 0 || actor === 1)) && !(kind === 'grant' && target === 5);
      });
      const whole = union(
        play(
          world,
          calm.map((step) => ({ ...step, fork: false })),
        ),
        world,
      );
      world.revoke(0, 1, whole);
      const bystanders = [2, 3, 4].filter((number) => world.has(number, whole.roster()));
      assert.equal(world.has(1, whole.roster()), false);
      // After: actor 1 and actor 5, whom it alone grants, know everything but go on as if the revocation were not there.
      put(whole, mesh.grant(world.context(1, whole), world.actor(5).key));
      for (const step of revenge) {
        if (step.kind === 'merge' || step.kind === 'join') continue;
        const actor = step.actor < 3 ? 1 : 5;
        if (step.kind === 'leave' && actor === 1) continue;
        put(whole, statementOf(world, { ...step, actor }, whole));
      }
      const roster = whole.roster();
      assert.equal(world.has(1, roster), false);
      for (const number of bystanders) assert.equal(world.has(number, roster), true, `actor ${number} is still in`);
      assert.equal(roster.admins.has(world.actor(5).key), false);
    }),
    { numRuns: RUNS },
  );
});

test('bytes from anywhere are refused without an error and change nothing', () => {
  const world = populated();
  world.makeInvite(1);
  put(world.ledger, world.join(1, 5));
  const held = all(world.ledger);
  const before = dump(world.ledger.roster());
  const mutated = fc
    .tuple(
      fc.nat(held.length - 1),
      fc.nat(1200),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'add'),
    )
    .map(([which, at, bits, how]) => {
      const bytes = Uint8Array.from(held[which] as Uint8Array);
      if (how === 'cut') return bytes.subarray(0, at % bytes.length);
      if (how === 'add') return Uint8Array.from([...bytes, bits]);
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 1300 })), (bytes) => {
      const { kind } = world.ledger.add(bytes);
      // A changed signature leaves the statement the same one; a changed issuer could be anybody.
      assert.ok(kind === 'refused' || kind === 'known');
      assert.equal(dump(world.ledger.roster()), before);
    }),
    { numRuns: 2000 },
  );
});

test('well-signed content of any shape is taken or refused without an error, and the roster can be folded', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const leaf = fc.oneof(
    fc.constantFrom(null, true, '*', 'ada', 'tag:x', 'UPPER', '__proto__', -1, 2 ** 53 - 1),
    fc.nat(40),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.constantFrom(4, 8, 16, 32, 64).chain(bytes),
  );
  const key32 = fc.constantFrom(...[0, 1, 2, 1000].map((number) => keyBytes(issuer(cheap, number).key)));
  const value = fc.oneof(key32, leaf, fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 4 })), { maxLength: 5 }));
  const names = [
    'net',
    'p4',
    'tk',
    'name',
    'a4',
    'key',
    'uses',
    'exp',
    'tags',
    'node',
    'proof',
    'routes',
    'relay',
    'head',
  ];
  const field = fc.constantFrom(...names, 'keep', 'sec', 'rules', 'extra');
  const kinds = ['found', 'invite', 'join', 'admit', 'set', 'grant', 'withdraw', 'revoke', 'close', 'rekey', 'policy'];
  const shapes: Readonly<Record<string, readonly string[]>> = {
    grant: ['node'],
    rekey: ['tk'],
    close: ['key', 'keep'],
    revoke: ['node', 'head'],
    withdraw: ['node', 'head'],
    policy: ['sec', 'rules'],
    admit: ['node', 'tk', 'name', 'a4', 'tags'],
    set: ['node', 'name', 'a4', 'tags', 'routes', 'relay'],
  };
  const shaped = fc.constantFrom(...kinds).chain((k) => {
    const wanted = shapes[k] ?? names.slice(0, 5);
    return fc
      .tuple(...wanted.map(() => value))
      .map((all) => ({ k, ...Object.fromEntries(wanted.map((name, i) => [name, all[i]])) }));
  });
  const loose = fc.dictionary(field, value).map((rest) => ({ k: 'set', ...rest }));
  const world = populated();
  const seen = { added: 0, refused: 0, known: 0, waiting: 0 };
  fc.assert(
    fc.property(
      fc.oneof(shaped, loose, value),
      fc.nat(3),
      fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: value }),
      (body, actor, n) => {
        const { seed, key } = world.actor(actor);
        const envelope = { at: 5, by: keyBytes(key), n, prev: n === 0 ? null : new Uint8Array(32), body };
        const content = encodeCbor({ ...envelope, net: fromHex(world.network) });
        const signature = cheap.ed25519Sign(seed.reveal(), concat(utf8('kith statement v1\0'), content));
        seen[world.ledger.add(concat(signature, content)).kind]++;
        world.ledger.roster();
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(seen.added > 10 && seen.refused > 10, JSON.stringify(seen));
});

test('limits of memory do not make the roster depend on the order: of too many joins all ledgers keep the same', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 20, maxLength: 40 }), fc.nat(), (times, seed) => {
      const world = new World();
      world.makeInvite(1, 2);
      const invite = all(world.ledger).at(-1) as Uint8Array;
      const joins = times.map((time, i) =>
        world.join(1, 10 + i, { at: world.now + time, tunnelKey: tunnel(10 + i), name: label(`n${i}`) }),
      );
      const forward = world.replica({ spareJoins: 3 });
      const backward = world.replica({ spareJoins: 3 });
      const order = joins.map((join, i) => ({ join, key: (i * 7919 + seed) % 1009 })).sort((a, b) => a.key - b.key);
      for (const ledger of [forward, backward]) put(ledger, invite);
      for (const { join } of order) forward.add(join);
      for (const { join } of [...order].reverse()) backward.add(join);
      assert.equal(forward.size, 2 + 5);
      assert.equal(dump(forward.roster()), dump(backward.roster()));
      assert.equal(forward.roster().members.size, 3);
    }),
    { numRuns: 50 },
  );
});

test('a ledger can be rebuilt from its own list in its own order without anything having to wait', () => {
  fc.assert(
    fc.property(steps(), (script) => {
      const world = populated();
      const whole = union(play(world, script), world);
      const copy = world.empty();
      for (const bytes of all(whole)) assert.equal(copy.add(bytes).kind, 'added');
      assert.equal(dump(copy.roster()), dump(whole.roster()));
      assert.equal(replicas(world).length, 6);
    }),
    { numRuns: 50 },
  );
});
