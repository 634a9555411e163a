/** Redeeming invites: at whom, how often, and what is said when it does not work. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError } from '@kith/core';
import { revokeInvite } from '@kith/mesh';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { crowd } from './crowd.ts';
import { World } from './world.ts';
import type { SimNode } from './world.ts';

function refusal(world: World, token: string, name: string): string {
  const host = world.sim.network.host(`machine of ${name}`);
  const result = world.redeem(token, name, host, world.newIdentity());
  assert.ok(result instanceof KithError, `${name} was refused with a reason`);
  return result.code;
}

test('any member redeems an invite while the admin that made it is asleep', () => {
  const world = new World('redeem elsewhere');
  const admin = world.found('admin', { static: true });
  const friend = world.join(world.invite(admin, [admin]), 'friend', { static: true });
  const token = world.invite(admin, [friend]);
  world.sim.run(5000);
  admin.kill();
  const fresh = world.join(token, 'fresh', { on: world.sim.network.nat('home', NAT_KINDS.symmetric) });
  const chat = fresh.chat(friend, 250);
  expectEventually(world.sim, () => chat.answers.length > 0, 10_000, 'an answer from the friend');
  admin.up();
  expectEventually(world.sim, () => admin.ledger.roster().members.has(fresh.id), 15_000, 'the admin learns of it');
});

test('an invite that was used, that expired or was revoked is refused with its reason', () => {
  const world = new World('refused');
  const admin = world.found('admin', { static: true });
  const once = world.invite(admin, [admin]);
  world.join(once, 'first', { static: true });
  world.sim.run(15_000);
  assert.equal(refusal(world, once, 'second'), 'INVITE_USED');
  const brief = world.invite(admin, [admin], { expires: admin.host.wall() + 60_000 });
  world.sim.run(61_000);
  assert.equal(refusal(world, brief, 'late'), 'INVITE_EXPIRED');
  const gone = world.invite(admin, [admin]);
  const open = [...admin.ledger.roster().invites.values()].find((invite) => invite.left > 0 && invite.expires === null);
  assert.ok(open !== undefined);
  admin.mesh.publish(
    revokeInvite(admin.ledger.context(admin.issuer, admin.host.wall()), open.key, []),
    admin.host.now(),
  );
  admin.poke();
  assert.equal(refusal(world, gone, 'unwanted'), 'INVITE_REVOKED');
});

test('an invite for several lets just so many in', () => {
  const world = new World('several');
  const admin = world.found('admin', { static: true });
  const token = world.invite(admin, [admin], { uses: 3 });
  const joined = ['a', 'b', 'c'].map((name) => world.join(token, name, { static: true }));
  world.sim.run(15_000);
  assert.equal(refusal(world, token, 'd'), 'INVITE_USED');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 15_000, 'all three and the admin');
  assert.equal(new Set(joined.map((node) => node.address)).size, 3);
});

test('a name that is taken is refused before anything is signed', () => {
  const world = new World('taken');
  const admin = world.found('admin', { static: true });
  assert.equal(refusal(world, world.invite(admin, [admin]), 'admin'), 'NAME_TAKEN');
  assert.equal(admin.ledger.roster().members.size, 1);
});

test('where nobody answers the joiner says whom it tried', () => {
  const world = new World('nobody');
  const admin = world.found('admin', { static: true });
  const token = world.invite(admin, [admin]);
  admin.kill();
  const result = world.redeem(token, 'lonely', world.sim.network.host('lonely'), world.newIdentity());
  assert.ok(result instanceof KithError && result.code === 'JOIN_TIMEOUT');
  assert.ok(result.message.includes(admin.endpoint));
});

test('a joiner takes in the ledger of a hundred members within seconds, over a lossy line too', () => {
  const { world, admin } = crowd('large ledger', 100);
  world.sim.run(10_000);
  const token = world.invite(admin, [admin]);
  const began = world.sim.now;
  const fresh = world.join(token, 'fresh', { static: true, link: { latency: 30, loss: 0.05 } });
  assert.ok(world.sim.now - began < 10_000, `${world.sim.now - began} ms`);
  const known = (node: SimNode) => node.ledger.roster().members.size;
  assert.equal(known(fresh), 101);
});
