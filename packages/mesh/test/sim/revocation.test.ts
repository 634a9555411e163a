/** Revocation: cut everywhere within seconds, and learnt by those who were away before they talk to the revoked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revoke } from '@kith/mesh';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { World } from './world.ts';
import type { NodeOptions, SimNode } from './world.ts';

function town(seed: string, size: number): { world: World; admin: SimNode; others: SimNode[] } {
  const world = new World(seed);
  const admin = world.found('admin', { static: true, link: { latency: 20 } });
  const specs = Array.from({ length: size - 1 }, (_, i) => {
    const name = `n${i}`;
    const options: NodeOptions =
      i % 5 === 0
        ? { static: true, link: { latency: 15 } }
        : { on: world.sim.network.nat(`${name}-router`, NAT_KINDS.linuxMasquerade), link: { latency: 20 } };
    return { name, options };
  });
  const others = world.admitAll(admin, specs);
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 60_000, 'everybody online everywhere', {
    every: 250,
  });
  return { world, admin, others };
}

function revokeNow(admin: SimNode, victim: SimNode): void {
  const statement = revoke(
    admin.ledger.context(admin.issuer, admin.host.wall()),
    victim.key,
    admin.ledger.head(victim.key),
  );
  admin.mesh.publish(statement, admin.host.now());
  admin.poke();
}

test('a revoked member is cut at all fifty within five seconds, in the middle of its conversations', () => {
  const { world, admin, others } = town('revocation of 50', 50);
  const [victim, ...rest] = others as [SimNode, ...SimNode[]];
  const partners = rest.slice(0, 12);
  const chats = partners.flatMap((partner) => [victim.chat(partner, 200), partner.chat(victim, 200)]);
  expectEventually(world.sim, () => chats.every((chat) => chat.answers.length > 0), 10_000, 'all conversations');
  revokeNow(admin, victim);
  const knows = (node: SimNode) => !node.ledger.roster().members.has(victim.id);
  const took = expectEventually(world.sim, () => [admin, ...rest].every(knows), 5000, 'the revocation everywhere');
  expectEventually(world.sim, () => victim.revoked, 5000 - took, 'the revoked learns it');
  world.sim.run(1000);
  const before = chats.map((chat) => chat.answers.length);
  const heard = rest.map((node) => node.received.length);
  world.sim.run(10_000);
  assert.deepEqual(
    chats.map((chat) => chat.answers.length),
    before,
  );
  assert.deepEqual(
    rest.map((node) => node.received.length),
    heard,
  );
});

test('a member that was away learns of a revocation before any data of the revoked gets through', () => {
  const { world, admin, others } = town('revocation while away', 12);
  const [victim, away, ...rest] = others as [SimNode, SimNode, ...SimNode[]];
  away.kill();
  world.sim.run(5000);
  // The victim swallows the news and goes on as if nothing had happened, with the ledger that it had.
  const old = [...victim.stored];
  revokeNow(admin, victim);
  expectEventually(
    world.sim,
    () => [admin, ...rest].every((n) => !n.ledger.roster().members.has(victim.id)),
    5000,
    'news',
  );
  victim.kill();
  world.sim.run(60_000);
  victim.up(old);
  victim.intercept = (kind, bytes) => !(kind === 'control' && bytes[0] === 7); // no statements
  world.sim.run(500);
  away.remembered = [{ id: victim.id, endpoints: [victim.endpoint] }, ...away.remembered];
  away.up();
  const chat = victim.chat(away, 100);
  const back = away.chat(victim, 100);
  world.sim.run(30_000);
  assert.equal(away.ledger.roster().members.has(victim.id), false);
  assert.equal(chat.answers.length + back.answers.length, 0, 'no answer ever came through');
  assert.equal(away.received.length + victim.received.length, 0, 'no packet was let in on either side');
});
