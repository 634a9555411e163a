/** Leaving the network through a member that an admin made an exit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ROUTES, parseAddress } from '@kith/core';
import { set } from '@kith/mesh';
import { expectEventually } from '@kith/sim';
import { type SimNode, World } from './world.ts';

const OUTSIDE = parseAddress('192.0.2.80');

/** Two exits and a third member, all of them in touch. */
function network(seed: string): { world: World; tower: SimNode; cave: SimNode; home: SimNode } {
  const world = new World(seed);
  const tower = world.found('tower', { static: true });
  const cave = world.join(world.invite(tower, [tower]), 'cave', { static: true });
  const home = world.join(world.invite(tower, [tower]), 'home', {});
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  for (const node of [tower, cave]) {
    const { key } = node;
    tower.mesh.publish(
      set(tower.ledger.context(tower.issuer, tower.host.wall()), key, { routes: DEFAULT_ROUTES }),
      tower.host.now(),
    );
    tower.poke();
  }
  const known = (node: SimNode): boolean =>
    [tower, cave].every(({ id }) => (node.ledger.roster().members.get(id)?.routes.length ?? 0) === 2);
  expectEventually(world.sim, () => [home, cave].every(known), 10_000, 'the exits are known');
  return { world, tower, cave, home };
}

function got(node: SimNode, text: string): boolean {
  return node.received.some((each) => each.text === text);
}

test('what belongs to no member goes through the exit that was chosen, and comes back from it', () => {
  const { world, tower, cave, home } = network('exit');
  home.sendOut(OUTSIDE, 'nobody chose');
  home.mesh.useExit(cave.id, home.host.now());
  home.sendOut(OUTSIDE, 'through cave');
  expectEventually(world.sim, () => got(cave, 'through cave'), 10_000, 'cave gets it');
  cave.sendOut(home.address, 'answer', OUTSIDE);
  expectEventually(world.sim, () => got(home, 'answer'), 5000, 'the answer from outside');
  home.mesh.useExit(tower.id, home.host.now());
  home.sendOut(OUTSIDE, 'through tower');
  expectEventually(world.sim, () => got(tower, 'through tower'), 10_000, 'tower gets it');
  assert.ok(![tower, cave].some((node) => got(node, 'nobody chose')));
  assert.ok(!got(cave, 'through tower'));
});

test('an exit that was not chosen brings nothing in from outside', () => {
  const { world, tower, cave, home } = network('unchosen exit');
  home.mesh.useExit(cave.id, home.host.now());
  home.send(tower, 'hello');
  expectEventually(world.sim, () => got(tower, 'hello'), 10_000, 'a session with tower');
  tower.sendOut(home.address, 'from outside', OUTSIDE);
  tower.send(home, 'from tower');
  expectEventually(world.sim, () => got(home, 'from tower'), 5000, 'what tower says itself');
  assert.ok(!got(home, 'from outside'));
});
