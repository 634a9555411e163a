import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeIdOf, parsePrefix } from '@kith/core';
import * as mesh from '@kith/mesh';
import type { InviteState, Roster } from '@kith/mesh';
import { PeerTable } from '../src/peer-table.ts';
import { idOf, network } from './fake.ts';
import { label, put, tunnel } from './ledger/world.ts';
import type { World } from './ledger/world.ts';

function tableOf(world: World): PeerTable {
  const table = new PeerTable(world.crypto, idOf(world, 0));
  table.update(world.ledger.roster());
  return table;
}

function inviteOf(world: World, number: number): InviteState {
  const invite = world.ledger.roster().invites.get(world.invite(number).key);
  if (invite === undefined) throw new Error('no such invite');
  return invite;
}

test('every member but the node itself is a peer, found by id, handle and tunnel key', () => {
  const world = network(4);
  const table = new PeerTable(world.crypto, idOf(world, 0));
  const change = table.update(world.ledger.roster());
  assert.deepEqual(new Set(change.added.map(({ id }) => id)), new Set([1, 2, 3].map((n) => idOf(world, n))));
  assert.equal(table.get(idOf(world, 0)), null);
  for (const peer of table.all()) {
    assert.equal(table.get(peer.id), peer);
    assert.equal(table.byHandle(peer.handle), peer);
    assert.equal(table.byTunnelKey(peer.identity.tunnelKey), peer);
    assert.ok(peer.handle > 0);
  }
});

test('an unchanged roster changes nothing', () => {
  const world = network(4);
  const table = tableOf(world);
  assert.deepEqual(table.update(world.ledger.roster()), { added: [], changed: [], removed: [] });
});

test('a member may send from its two addresses and its routes, from nothing else', () => {
  const world = network(2);
  put(world.ledger, mesh.set(world.context(0), world.actor(1).key, { routes: [parsePrefix('10.9.0.0/16')] }));
  const member = world.member(1);
  const peer = tableOf(world).get(member.id);
  assert.deepEqual(peer?.identity.allowed, [`${member.address4}/32`, `${member.address6}/128`, '10.9.0.0/16']);
});

test('a new name or a new right keeps the peer, its handle and its sessions', () => {
  const world = network(2);
  const table = tableOf(world);
  const peer = table.get(idOf(world, 1));
  assert.ok(peer);
  peer.sessions.add(7);
  put(world.ledger, mesh.set(world.context(0), world.actor(1).key, { name: label('other'), mayRelay: false }));
  const change = table.update(world.ledger.roster());
  assert.deepEqual(change, { added: [], changed: [peer], removed: [] });
  assert.equal(peer.identity.name, 'other');
  assert.equal(peer.identity.mayRelay, false);
  assert.ok(peer.hasSession);
});

test('a new tunnel key is a new peer with a new handle', () => {
  const world = network(2);
  const table = tableOf(world);
  const before = table.get(idOf(world, 1));
  assert.ok(before);
  put(world.ledger, mesh.rekey(world.context(1), tunnel(500)));
  const change = table.update(world.ledger.roster());
  assert.deepEqual(change.removed, [before]);
  const after = table.get(idOf(world, 1));
  assert.deepEqual(change.added, [after]);
  assert.notEqual(after?.handle, before.handle);
  assert.equal(table.byTunnelKey(tunnel(1)), null);
  assert.equal(table.byTunnelKey(tunnel(500)), after);
  assert.equal(table.byHandle(before.handle), null);
});

test('whoever is revoked is removed', () => {
  const world = network(3);
  const table = tableOf(world);
  world.revoke(0, 1);
  const change = table.update(world.ledger.roster());
  assert.deepEqual(
    change.removed.map(({ id }) => id),
    [idOf(world, 1)],
  );
  assert.equal(table.get(idOf(world, 1)), null);
  assert.equal(table.byTunnelKey(tunnel(1)), null);
});

test('an invite peer has no prefixes, may not relay, and outlives updates of the roster', () => {
  const world = network(2);
  world.makeInvite(1);
  const table = tableOf(world);
  const guest = table.addInvite(inviteOf(world, 1), label('home'));
  assert.ok(guest);
  assert.equal(guest.isMember, false);
  assert.deepEqual(guest.identity.allowed, []);
  assert.equal(guest.identity.mayRelay, false);
  assert.equal(table.byTunnelKey(tunnel(1001)), guest);
  table.update(world.ledger.roster());
  assert.equal(table.get(guest.id), guest);
  table.remove(guest);
  assert.equal(table.get(guest.id), null);
  assert.equal(table.byTunnelKey(tunnel(1001)), null);
});

test('no more than 64 invites are served at once', () => {
  const world = network(2);
  const table = tableOf(world);
  let served = 0;
  for (let n = 0; n < 70; n++) {
    const made = { ...stateLike(world, n) };
    if (table.addInvite(made, label('home')) !== null) served++;
  }
  assert.equal(served, 64);
});

function stateLike(world: World, number: number): InviteState {
  return {
    key: world.invite(number).key,
    tunnelKey: tunnel(1000 + number),
    by: world.actor(0).key,
    madeAt: 0,
    uses: 1,
    left: 1,
    joined: [],
    expires: null,
    name: null,
    address: null,
    tags: [],
    revoked: false,
  };
}

test('an invite never takes the place of a member that has its tunnel key or its id', () => {
  const world = network(2);
  const table = tableOf(world);
  const member = table.get(idOf(world, 1));
  assert.ok(member);
  assert.equal(table.addInvite({ ...stateLike(world, 1), tunnelKey: tunnel(1) }, label('home')), null);
  assert.equal(table.addInvite({ ...stateLike(world, 1), key: world.actor(1).key }, label('home')), null);
  assert.equal(table.get(member.id), member);
  assert.equal(table.byTunnelKey(tunnel(1)), member);
});

test('a member that turns up with the key of a knocking invite takes its place, and removing one leaves the other', () => {
  const world = network(1);
  const table = tableOf(world);
  const roster = world.ledger.roster();
  const guest = table.addInvite(
    { ...stateLike(world, 1), key: world.actor(5).key, tunnelKey: tunnel(77) },
    label('home'),
  );
  assert.ok(guest);
  const founder = world.member(0);
  const key = world.actor(5).key;
  const newcomer = { ...founder, id: nodeIdOf(world.crypto, key), nodeKey: key, tunnelKey: tunnel(77) };
  const later: Roster = { ...roster, members: new Map([...roster.members, [newcomer.id, newcomer]]) };
  const change = table.update(later);
  assert.deepEqual(change.removed, [guest]);
  const peer = table.get(newcomer.id);
  assert.ok(peer?.isMember);
  assert.deepEqual(change.added, [peer]);
  table.remove(guest);
  assert.equal(table.get(newcomer.id), peer);
  assert.equal(table.byTunnelKey(tunnel(77)), peer);
});
