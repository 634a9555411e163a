import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@kith/core';
import * as mesh from '@kith/mesh';
import { address, all, dump, label, merge, put, real, START, tunnel, World } from './world.ts';

const NO_JOINER = { invite: null, wallMs: START };

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
    throw error;
  }
  return 'no error';
}

test('a founding statement makes a network of one admin with addresses that follow from its hash', () => {
  const world = new World(real);
  const roster = world.ledger.roster();
  const ada = world.member(0);
  assert.equal(roster.network, world.network);
  assert.equal(ada.name, 'ada');
  assert.equal(ada.address4, '10.0.0.1');
  assert.equal(ada.admin, true);
  assert.ok(roster.prefix6.startsWith('fd') && roster.prefix6.endsWith('::/48'));
  const groups = (world.network.slice(0, 10).match(/^(..)(....)(....)$/) ?? []).slice(1);
  assert.equal(
    roster.prefix6,
    `fd${groups[0]}:${groups[1]?.replace(/^0+(?=.)/, '')}:${groups[2]?.replace(/^0+(?=.)/, '')}::/48`,
  );
  const tail = (ada.id.match(/..../g) ?? []).map((group) => group.replace(/^0+(?=.)/, '')).join(':');
  assert.ok(ada.address6.endsWith(tail), `${ada.address6} ends with the id`);
});

test('with real signatures an invite brings a node in, and a join that the node did not sign is refused', () => {
  const world = new World(real);
  world.makeInvite(1);
  const genuine = world.join(1, 1);
  assert.equal(world.ledger.add(genuine).kind, 'added');
  assert.equal(world.member(1).invite, world.invite(1).key);
  const stolen = world.join(1, 2, { node: { seed: world.actor(3).seed, key: world.actor(2).key } });
  const refused = world.ledger.add(stolen);
  assert.equal(refused.kind === 'refused' && refused.cause, 'invalid');
  assert.equal(
    world.ledger.add(world.join(1, 2, { invite: { seed: world.actor(3).seed, key: world.invite(1).key } })).kind,
    'refused',
  );
});

test('a changed byte anywhere makes a statement with real signatures another one that is not taken', () => {
  const world = new World(real);
  const bytes = mesh.grant(world.context(0), world.actor(1).key);
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    assert.equal(world.ledger.add(changed).kind, 'refused', `byte ${at}`);
  }
  assert.equal(world.ledger.add(bytes).kind, 'added');
  assert.equal(world.ledger.add(bytes).kind, 'known');
});

test('statements of another network are refused', () => {
  const [here, there] = [new World(), new World(undefined, '10.0.0.0/16')];
  there.admit(1);
  for (const bytes of all(there.ledger)) assert.equal(here.ledger.add(bytes).kind, 'refused');
});

test('before the founding statement everything waits and there is no roster; with it all falls into place', () => {
  const world = new World();
  world.makeInvite(1);
  put(world.ledger, world.join(1, 1));
  const late = world.empty();
  const heard: string[] = [];
  late.onAdded = (hash) => heard.push(hash);
  for (const bytes of all(world.ledger).reverse().slice(0, -1)) assert.equal(late.add(bytes).kind, 'waiting');
  assert.equal(late.size, 0);
  assert.equal(
    code(() => late.roster()),
    'LEDGER_EMPTY',
  );
  assert.equal(late.add(world.founding).kind, 'added');
  assert.deepEqual(heard, [...late.hashes()]);
  assert.equal(heard.length, 3);
  assert.equal(dump(late.roster()), dump(world.ledger.roster()));
});

test('a statement whose predecessor is missing is kept and takes effect when the chain is whole', () => {
  const world = new World();
  for (const number of [1, 2, 3]) world.admit(number);
  const [founding, first, second, third] = all(world.ledger) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const gap = world.empty();
  for (const bytes of [founding, third, first]) assert.equal(gap.add(bytes).kind, 'added');
  assert.deepEqual(
    [world.has(1, gap.roster()), world.has(2, gap.roster()), world.has(3, gap.roster())],
    [true, false, false],
  );
  gap.add(second);
  assert.equal(world.has(3, gap.roster()), true);
});

test('a statement that skips a number, or follows that of another issuer, has no effect', () => {
  const world = new World();
  world.admit(1);
  const context = world.context(0);
  const fields = { tunnelKey: tunnel(2), name: label('x'), address: null, tags: [] };
  put(world.ledger, mesh.admit({ ...context, n: context.n + 1 }, { ...fields, nodeKey: world.actor(2).key }));
  put(world.ledger, mesh.rekey(world.context(1), tunnel(50)));
  const { n, hash } = world.ledger.head(world.actor(1).key) ?? { n: 0, hash: '' };
  const prev = Uint8Array.from(Buffer.from(hash, 'hex'));
  put(world.ledger, mesh.admit({ ...context, n: n + 1, prev }, { ...fields, nodeKey: world.actor(3).key }));
  assert.deepEqual([world.has(2), world.has(3)], [false, false]);
});

test('two joins of one time are put in the order of their hashes wherever they arrive first', () => {
  const world = new World();
  world.makeInvite(1);
  const joins = [1, 2, 3, 4].map((node) => world.join(1, node, { at: START }));
  const winners = [joins, [...joins].reverse()].map((order) => {
    const ledger = world.replica();
    merge(ledger, world.ledger);
    for (const join of order) put(ledger, join);
    return dump(ledger.roster());
  });
  assert.equal(winners[0], winners[1]);
});

test('an invite used once too often in two parts: the earlier join wins everywhere, the other is reported', () => {
  const world = new World();
  world.makeInvite(1);
  const [left, right] = [world.replica(), world.replica()];
  for (const ledger of [left, right]) merge(ledger, world.ledger);
  put(left, world.join(1, 1, { name: label('pi'), address: address(7) }));
  put(right, world.join(1, 2, { name: label('pi'), address: address(7) }));
  assert.equal(world.has(2, right.roster()), true);
  merge(left, right);
  merge(right, left);
  for (const ledger of [left, right]) {
    const roster = ledger.roster();
    assert.equal(world.has(1, roster), true);
    assert.equal(world.has(2, roster), false);
    assert.deepEqual(
      roster.conflicts.map(({ kind }) => kind),
      ['invite-overused'],
    );
    assert.equal(roster.invites.get(world.invite(1).key)?.left, 0);
  }
});

test('two members of one name and address: the earlier keeps both, the other is renamed by its id and moved', () => {
  const world = new World();
  world.makeInvite(1, 2);
  put(world.ledger, world.join(1, 1, { name: label('pi'), address: address(7) }));
  put(world.ledger, world.join(1, 2, { name: label('pi'), address: address(7) }));
  assert.equal(world.member(1).name, 'pi');
  assert.equal(world.member(1).address4, '10.0.0.7');
  const { id, name, address4 } = world.member(2);
  assert.equal(name, `pi-${id.slice(0, 4)}`);
  assert.notEqual(address4, '10.0.0.7');
  assert.deepEqual(
    world.ledger.roster().conflicts.map(({ kind }) => kind),
    ['address', 'name'],
  );
});

test('a node cannot take a name or address that an admin gave away by claiming an earlier time', () => {
  const world = new World();
  world.makeInvite(1);
  world.makeInvite(2, 1, { name: label('nas'), address: address(9) });
  put(world.ledger, world.join(2, 2));
  put(world.ledger, world.join(1, 1, { at: 0, name: label('nas'), address: address(9) }));
  assert.equal(world.member(2).name, 'nas');
  assert.equal(world.member(2).address4, '10.0.0.9');
  assert.notEqual(world.member(1).name, 'nas');
});

test('a join is never older than its invite, whatever it says', () => {
  const world = new World();
  world.makeInvite(1);
  put(world.ledger, world.join(1, 1, { name: label('pi') }));
  world.makeInvite(2);
  put(world.ledger, world.join(2, 2, { at: 0, name: label('pi') }));
  assert.equal(world.member(1).name, 'pi');
});

test('a join dated after the expiry of its invite has no effect', () => {
  const world = new World();
  world.makeInvite(1, 2, { expires: world.now + 10_000 });
  put(world.ledger, world.join(1, 1));
  put(world.ledger, world.join(1, 2, { at: world.now + 60_000 }));
  assert.deepEqual([world.has(1), world.has(2)], [true, false]);
});

test('revoking an invite keeps the nodes it names and nobody else, and a later revocation keeps no more', () => {
  const world = new World();
  world.makeInvite(1, 5);
  for (const node of [1, 2, 3]) put(world.ledger, world.join(1, node));
  const { key } = world.invite(1);
  const keep = [world.member(1).id, world.member(2).id];
  put(world.ledger, mesh.revokeInvite(world.context(0), key, keep));
  put(world.ledger, world.join(1, 4));
  assert.deepEqual(
    [1, 2, 3, 4].map((node) => world.has(node)),
    [true, true, false, false],
  );
  assert.equal(world.ledger.roster().invites.get(key)?.revoked, true);
  put(world.ledger, mesh.revokeInvite(world.context(0), key, [world.member(1).id]));
  put(world.ledger, mesh.revokeInvite(world.context(0), key, keep));
  assert.deepEqual(
    [1, 2].map((node) => world.has(node)),
    [true, false],
  );
});

test('revoking a member does not free its use of the invite for one that lost the race', () => {
  const world = new World();
  world.makeInvite(1);
  put(world.ledger, world.join(1, 1));
  put(world.ledger, world.join(1, 2));
  world.revoke(0, 1);
  assert.deepEqual([world.has(1), world.has(2)], [false, false]);
});

test('a revoked node stays out: neither a new invite nor an admission brings its key back', () => {
  const world = new World();
  world.admit(1);
  world.revoke(0, 1);
  world.admit(1);
  world.makeInvite(1);
  put(world.ledger, world.join(1, 1));
  assert.equal(world.has(1), false);
  assert.equal(
    world.ledger.roster().revoked.get([...world.ledger.roster().revoked.keys()][0] as never)?.by,
    world.actor(0).key,
  );
});

test('a member may leave by itself, and its name and address are free again', () => {
  const world = new World();
  world.admit(1);
  const { name, address4 } = world.member(1);
  put(world.ledger, mesh.leave(world.context(1)));
  const roster = world.ledger.roster();
  assert.equal(world.has(1), false);
  assert.equal(mesh.prospectiveName(roster, name, NO_JOINER), name);
  assert.equal(mesh.prospectiveAddress(roster, address4, NO_JOINER), address4);
});

test('what a revoked admin said up to the pinned head stays, what it says later is void also with an early date', () => {
  const world = new World();
  world.admit(1);
  world.grant(1);
  world.admit(2, world.ledger, 1);
  const cut = world.replica();
  merge(cut, world.ledger);
  world.revoke(0, 1, cut);
  world.admit(3, world.ledger, 1);
  assert.equal(world.has(3), true);
  merge(world.ledger, cut);
  put(
    world.ledger,
    mesh.admit(
      { ...world.context(1), at: 0 },
      { nodeKey: world.actor(4).key, tunnelKey: tunnel(4), name: label('x'), address: null, tags: [] },
    ),
  );
  assert.deepEqual(
    [1, 2, 3, 4].map((node) => world.has(node)),
    [false, true, false, false],
  );
  assert.equal(world.ledger.roster().admins.size, 1);
});

test('a withdrawn admin stays a member, may replace its tunnel key, and cannot be made an admin again', () => {
  const world = new World();
  world.admit(1);
  world.grant(1);
  const { key } = world.actor(1);
  put(world.ledger, mesh.withdraw(world.context(0), key, world.ledger.head(key)));
  world.admit(2, world.ledger, 1);
  put(world.ledger, mesh.rekey(world.context(1), tunnel(77)));
  world.grant(1);
  assert.equal(world.has(2), false);
  assert.equal(world.member(1).admin, false);
  assert.equal(world.member(1).tunnelKey, tunnel(77));
});

test('two admins that revoke each other in two parts are both out, and who they brought in before stays', () => {
  const world = new World();
  for (const number of [1, 2]) {
    world.admit(number);
    world.grant(number);
  }
  world.admit(3, world.ledger, 1);
  world.admit(4, world.ledger, 2);
  const [left, right] = [world.replica(), world.replica()];
  for (const ledger of [left, right]) merge(ledger, world.ledger);
  world.revoke(1, 2, left);
  world.revoke(2, 1, right);
  merge(left, right);
  merge(right, left);
  assert.equal(dump(left.roster()), dump(right.roster()));
  assert.deepEqual(
    [1, 2, 3, 4].map((node) => world.has(node, left.roster())),
    [false, false, true, true],
  );
});

test('three admins that revoke each other in a circle are all out', () => {
  const world = new World();
  for (const number of [1, 2, 3]) {
    world.admit(number);
    world.grant(number);
  }
  const parts = [1, 2, 3].map((number) => {
    const part = world.replica();
    merge(part, world.ledger);
    world.revoke(number, number === 3 ? 1 : number + 1, part);
    return part;
  });
  for (const part of parts) merge(world.ledger, part);
  assert.deepEqual(
    [0, 1, 2, 3].map((number) => world.has(number)),
    [true, false, false, false],
  );
});

test('an admin cannot revoke away what made it one: such a revocation is void', () => {
  const world = new World();
  world.admit(1);
  world.grant(1);
  put(world.ledger, mesh.revoke(world.context(1), world.actor(0).key, null));
  assert.deepEqual([world.has(0), world.has(1)], [true, true]);
  world.revoke(1, 0);
  assert.deepEqual([world.has(0), world.has(1)], [false, true]);
});

test('who was made an admin by a revoked one after its pinned head is none', () => {
  const world = new World();
  for (const number of [1, 2]) world.admit(number);
  world.grant(1);
  const { key } = world.actor(1);
  const head = world.ledger.head(key);
  world.grant(2, world.ledger, 1);
  assert.equal(world.member(2).admin, true);
  put(world.ledger, mesh.revoke(world.context(0), key, head));
  assert.equal(world.member(2).admin, false);
  assert.equal(world.has(2), true);
});

test('the latest word of an admin counts per field, also from a clock that is behind', () => {
  const world = new World();
  world.admit(1);
  const { key } = world.actor(1);
  put(world.ledger, mesh.set(world.context(0), key, { name: label('one'), mayRelay: false, address: address(50) }));
  put(world.ledger, mesh.set(world.ledger.context(world.actor(0), 5), key, { name: label('two') }));
  const { name, mayRelay, address4 } = world.member(1);
  assert.deepEqual([name, mayRelay, address4], ['two', false, '10.0.0.50']);
});

test('a later statement beats an earlier one of the same issuer whatever times they carry', () => {
  const world = new World();
  world.admit(1);
  const { key } = world.actor(1);
  put(world.ledger, mesh.set(world.context(0), key, { name: label('one') }));
  put(world.ledger, mesh.set({ ...world.context(0), at: 0 }, key, { name: label('two') }));
  assert.equal(world.member(1).name, 'two');
});

test('a tunnel key belongs to one node: who comes in with that of another is no member, who rekeys to it keeps its own', () => {
  const world = new World();
  world.admit(1);
  world.makeInvite(1, 2);
  put(world.ledger, world.join(1, 2, { tunnelKey: tunnel(1) }));
  put(world.ledger, world.join(1, 3));
  put(world.ledger, mesh.rekey(world.context(3), tunnel(0)));
  const roster = world.ledger.roster();
  assert.deepEqual([world.has(1), world.has(2), world.has(3)], [true, false, true]);
  assert.equal(world.member(3).tunnelKey, tunnel(3));
  assert.equal(roster.byTunnelKey.get(tunnel(0)), world.member(0).id);
  assert.deepEqual(
    roster.conflicts.map(({ kind }) => kind),
    ['tunnel-key', 'tunnel-key'],
  );
});

test('an issuer that signs two statements with one number is flagged, bearers of one invite are not', () => {
  const world = new World();
  world.admit(1);
  world.makeInvite(1, 2);
  for (const node of [2, 3]) put(world.ledger, world.join(1, node));
  assert.deepEqual(world.ledger.roster().equivocations, []);
  const context = world.context(1);
  const hashes = [tunnel(8), tunnel(9)].map((key) => {
    const result = world.ledger.add(mesh.rekey(context, key));
    return result.kind === 'added' ? result.hash : '';
  });
  assert.deepEqual(world.ledger.roster().equivocations, [{ issuer: world.actor(1).key, n: 0, hashes: hashes.sort() }]);
});

test('the head of a forked chain is the tip of the branch that came first', () => {
  const world = new World();
  world.admit(1);
  const context = world.context(1);
  put(world.ledger, mesh.rekey(context, tunnel(50)));
  const head = world.ledger.head(world.actor(1).key);
  for (let fork = 0; fork < 8; fork++) put(world.ledger, mesh.rekey(context, tunnel(60 + fork)));
  assert.deepEqual(world.ledger.head(world.actor(1).key), head);
  assert.equal(world.ledger.next(world.actor(1).key).n, 1);
});

test('a full prefix leaves late comers out and says so', () => {
  const world = new World(undefined, '10.0.0.0/30');
  world.admit(1);
  world.admit(2);
  const roster = world.ledger.roster();
  assert.deepEqual([world.has(0), world.has(1), world.has(2)], [true, true, false]);
  assert.deepEqual(
    roster.conflicts.map(({ kind }) => kind),
    ['prefix-full'],
  );
  assert.equal(
    code(() => mesh.prospectiveAddress(roster, null, NO_JOINER)),
    'PREFIX_FULL',
  );
});

test('a joiner is offered the lowest free address, and wishes that cannot come true are refused by cause', () => {
  const world = new World();
  world.makeInvite(1, 1, { name: label('nas'), address: address(2) });
  const roster = world.ledger.roster();
  const bearer = { invite: world.invite(1).key, wallMs: START };
  assert.equal(mesh.prospectiveAddress(roster, null, NO_JOINER), '10.0.0.3');
  assert.equal(mesh.prospectiveAddress(roster, null, bearer), '10.0.0.2');
  assert.equal(
    code(() => mesh.prospectiveAddress(roster, address(2), NO_JOINER)),
    'ADDRESS_TAKEN',
  );
  assert.equal(
    code(() => mesh.prospectiveAddress(roster, address(1), NO_JOINER)),
    'ADDRESS_TAKEN',
  );
  for (const outside of ['10.0.0.0', '10.0.0.255', '10.0.1.1', 'fd00::1'].map(parseAddress)) {
    assert.equal(
      code(() => mesh.prospectiveAddress(roster, outside, NO_JOINER)),
      'ADDRESS_OUTSIDE',
    );
  }
  assert.equal(
    code(() => mesh.prospectiveName(roster, 'ADA', NO_JOINER)),
    'NAME_TAKEN',
  );
  assert.equal(
    code(() => mesh.prospectiveName(roster, 'nas', NO_JOINER)),
    'NAME_TAKEN',
  );
  assert.equal(mesh.prospectiveName(roster, 'nas', bearer), 'nas');
  assert.equal(
    code(() => mesh.prospectiveName(roster, 'a b', NO_JOINER)),
    'NAME_INVALID',
  );
  assert.equal(
    code(() => mesh.requireAdmin(roster, world.actor(1).key)),
    'NOT_ADMIN',
  );
  assert.equal(
    code(() => mesh.requireMember(roster, 'nobody')),
    'NO_SUCH_MEMBER',
  );
  assert.equal(mesh.requireMember(roster, 'Ada').id, world.member(0).id);
});

test('memory stays bounded: strangers wait in a small pen, members and the whole have their limits', () => {
  const world = new World();
  world.admit(1);
  const ledger = world.replica({ pen: 2, perNode: 3, total: 7 });
  merge(ledger, world.ledger);
  for (let stranger = 10; stranger < 20; stranger++) {
    assert.equal(ledger.add(mesh.rekey(world.context(stranger, ledger), tunnel(stranger))).kind, 'waiting');
  }
  assert.equal(ledger.size, 2);
  const kinds = Array.from(
    { length: 5 },
    (_, i) => ledger.add(mesh.rekey(world.context(1, ledger), tunnel(100 + i))).kind,
  );
  assert.deepEqual(kinds, ['added', 'added', 'added', 'refused', 'refused']);
  // The two strangers that came last are taken in, together with what waited.
  world.admit(19, ledger);
  assert.equal(ledger.size, 7);
  const over = ledger.add(mesh.grant(world.context(0, ledger), world.actor(1).key));
  assert.deepEqual(over.kind === 'refused' && over.cause, 'limit');
});

test('every kind of statement decodes to what was signed', () => {
  const world = new World();
  const context = world.context(0);
  const { key } = world.actor(1);
  const rules: mesh.PolicyRule[] = [
    {
      from: { kind: 'any' },
      to: { kind: 'tag', tag: label('web') },
      protocol: 'tcp',
      ports: [
        { from: 80, to: 80 },
        { from: 443, to: 450 },
      ],
    },
    { from: { kind: 'name', name: label('ada') }, to: { kind: 'any' }, protocol: 'icmp', ports: [] },
  ];
  const bodies: readonly (readonly [Uint8Array, Partial<mesh.Body>])[] = [
    [mesh.policy(context, label('main'), rules), { kind: 'policy', section: label('main'), rules }],
    [
      mesh.revoke(context, key, { n: 4, hash: 'ab'.repeat(32) }),
      { kind: 'revoke-node', head: { n: 4, hash: 'ab'.repeat(32) } },
    ],
    [
      mesh.set(context, key, { tags: [label('b'), label('a')], routes: [] }),
      { kind: 'set', tags: [label('a'), label('b')], routes: [], name: null },
    ],
    [mesh.revokeInvite(context, key, []), { kind: 'revoke-invite', keep: [] }],
  ];
  for (const [bytes, wanted] of bodies) {
    const { body } = mesh.decodeStatement(world.crypto, bytes);
    assert.deepEqual({ ...body, ...wanted }, body);
  }
});

test('the makers refuse what no ledger would take', () => {
  const world = new World();
  const context = world.context(0);
  const { key } = world.invite(1);
  const fields = { key, tunnelKey: tunnel(1), expires: null, address: null, tags: [] };
  assert.equal(
    code(() => mesh.invite(context, { ...fields, uses: 101, name: null })),
    'STATEMENT_INVALID',
  );
  assert.equal(
    code(() => mesh.invite(context, { ...fields, uses: 2, name: label('pi') })),
    'STATEMENT_INVALID',
  );
  const long = Array.from({ length: 60 }, (_, i) => ({
    from: { kind: 'name', name: label(`a-long-name-for-a-member-${i}`) } as const,
    to: { kind: 'any' } as const,
    protocol: 'any' as const,
    ports: [],
  }));
  assert.equal(
    code(() => mesh.policy(context, label('main'), long)),
    'STATEMENT_INVALID',
  );
});

test('a revocation of an invite with all its uses fits a statement', () => {
  const world = new World();
  const keep = Array.from({ length: 100 }, (_, i) =>
    mesh.decodeStatement(world.crypto, mesh.grant(world.context(0), world.actor(i).key)).hash.slice(0, 16),
  );
  const bytes = mesh.revokeInvite(world.context(0), world.invite(1).key, keep as never[]);
  assert.ok(bytes.length <= mesh.STATEMENT_LIMIT);
});
