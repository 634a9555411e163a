import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../src/gate.ts';
import { bench, connect, publicEndpoint } from './fake.ts';
import type { Bench } from './fake.ts';

/** Actor 0's gate towards `size - 1` others, who all have sessions since `metAt`. */
function gated(size: number, metAt = 1000): { at: Bench; gate: Gate } {
  const at = bench(size);
  for (const peer of at.table.all()) {
    connect(peer, publicEndpoint(peer.handle), metAt);
    peer.metAt = metAt;
  }
  return { at, gate: new Gate(at.context) };
}

test('before the node came online nothing passes', () => {
  const { at, gate } = gated(3);
  gate.agreed(at.peer(1));
  gate.agreed(at.peer(2));
  assert.equal(gate.isOpen(at.peer(1), 1e9), false);
});

test('data flows once the ledger was found equal with somebody besides the peer', () => {
  const { at, gate } = gated(3);
  gate.close(1000);
  gate.agreed(at.peer(1));
  assert.equal(gate.isOpen(at.peer(1), 1100), false, 'one witness, and that is the peer itself');
  assert.equal(gate.isOpen(at.peer(2), 1100), true);
  gate.agreed(at.peer(2));
  assert.equal(gate.isOpen(at.peer(1), 1100), true);
});

test('the only peer there is gets three seconds to make its ledger equal, each time the node comes back', () => {
  const { at, gate } = gated(2, 1000);
  for (const epoch of [1000, 100_000]) {
    gate.close(epoch);
    assert.equal(gate.isOpen(at.peer(1), epoch + 3000), false);
    assert.equal(gate.isOpen(at.peer(1), epoch + 3001), true);
  }
});

test('two on an island go on with what they have after three seconds', () => {
  const { at, gate } = gated(4);
  gate.close(1000);
  gate.agreed(at.peer(1));
  assert.equal(gate.isOpen(at.peer(1), 3999), false);
  assert.equal(gate.isOpen(at.peer(1), 4000), true);
});

test('in a network of two nobody else is waited for', () => {
  const { at, gate } = gated(2);
  gate.close(1000);
  assert.equal(gate.isOpen(at.peer(1), 1100), false);
  gate.agreed(at.peer(1));
  assert.equal(gate.isOpen(at.peer(1), 1100), true);
});

test('coming back closes what was open', () => {
  const { at, gate } = gated(3);
  gate.close(1000);
  gate.agreed(at.peer(1));
  gate.agreed(at.peer(2));
  gate.close(2000);
  assert.equal(at.peer(1).agreed, false);
  assert.equal(gate.isOpen(at.peer(1), 2001), false);
});

test('a witness that is a member no more does not count', () => {
  const { at, gate } = gated(3);
  gate.close(1000);
  gate.agreed(at.peer(1));
  gate.agreed(at.peer(2));
  gate.forget(at.peer(2));
  assert.equal(gate.isOpen(at.peer(1), 1100), false);
});

test('without a session there is nothing to open, and an invite opens nothing', () => {
  const { at, gate } = gated(2);
  gate.close(1000);
  gate.agreed(at.peer(1));
  at.peer(1).sessions.clear();
  assert.equal(gate.isOpen(at.peer(1), 1e6), false);
  at.world.makeInvite(1);
  const invite = [...at.world.ledger.roster().invites.values()][0];
  assert.ok(invite);
  const guest = at.table.addInvite(invite, at.peer(1).identity.name);
  assert.ok(guest);
  connect(guest, publicEndpoint(77), 1000);
  gate.agreed(guest);
  assert.equal(guest.agreed, false);
  assert.equal(gate.isOpen(guest, 1e6), false);
});
