/** Leaving the network through members that an admin made exits: one at a time, the first that answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ROUTES, parseAddress } from '@kith/core';
import type { Prefix } from '@kith/core';
import { set } from '@kith/mesh';
import { expectEventually } from '@kith/sim';
import { type SimNode, World } from './world.ts';

const OUTSIDE = parseAddress('192.0.2.80');

interface Network {
  readonly world: World;
  readonly tower: SimNode;
  readonly cave: SimNode;
  readonly home: SimNode;
}

/** Two exits and a third member, all of them in touch. */
function network(seed: string): Network {
  const world = new World(seed);
  const tower = world.found('tower', { static: true });
  const cave = world.join(world.invite(tower, [tower]), 'cave', { static: true });
  const home = world.join(world.invite(tower, [tower]), 'home', {});
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  for (const node of [tower, cave]) {
    allow(tower, node, DEFAULT_ROUTES);
    serve(node, true);
  }
  const known = (node: SimNode): boolean => [tower, cave].every((exit) => node.view(exit).exit === 'serving');
  expectEventually(world.sim, () => [tower, home, cave].every(known), 10_000, 'the exits are known');
  return { world, tower, cave, home };
}

function allow(admin: SimNode, exit: SimNode, routes: readonly Prefix[]): void {
  const context = admin.ledger.context(admin.issuer, admin.host.wall());
  admin.mesh.publish(set(context, exit.key, { routes }), admin.host.now());
  admin.poke();
}

function serve(node: SimNode, serves: boolean): void {
  node.mesh.serveAsExit(serves, node.host.now());
  node.poke();
}

function use(node: SimNode, ...exits: readonly SimNode[]): void {
  node.mesh.useExits(
    exits.map(({ id }) => id),
    node.host.now(),
  );
  node.poke();
}

function got(node: SimNode, text: string): boolean {
  return node.received.some((each) => each.text === text);
}

function stateOf(node: SimNode, exit: SimNode): string | undefined {
  const { exit: view } = node.mesh.status(node.host.now());
  return view?.candidates.find(({ id }) => id === exit.id)?.state;
}

function usedBy(node: SimNode): string | null {
  return node.mesh.status(node.host.now()).exit?.used ?? null;
}

/** Runs until packets of `home` come out at `exit`. */
function outThrough({ world, home }: Network, exit: SimNode, within: number): void {
  const until = world.sim.now + within;
  while (world.sim.now < until) {
    const words = `at ${world.sim.now} to ${exit.name}`;
    home.sendOut(OUTSIDE, words);
    world.sim.run(100);
    if (got(exit, words)) return;
  }
  throw world.sim.failure(`nothing came out at ${exit.name} within ${within} ms`, ['home', exit.name]);
}

test('what belongs to no member goes through the exit that was chosen, and comes back from it', () => {
  const { world, tower, cave, home } = network('exit');
  home.sendOut(OUTSIDE, 'nobody chose');
  use(home, cave);
  expectEventually(world.sim, () => usedBy(home) === cave.id, 3000, 'cave is used');
  home.sendOut(OUTSIDE, 'through cave');
  expectEventually(world.sim, () => got(cave, 'through cave'), 10_000, 'cave gets it');
  cave.sendOut(home.address, 'answer', OUTSIDE);
  expectEventually(world.sim, () => got(home, 'answer'), 5000, 'the answer from outside');
  use(home, tower);
  expectEventually(world.sim, () => usedBy(home) === tower.id, 3000, 'tower is used');
  home.sendOut(OUTSIDE, 'through tower');
  expectEventually(world.sim, () => got(tower, 'through tower'), 10_000, 'tower gets it');
  assert.ok(![tower, cave].some((node) => got(node, 'nobody chose')));
  assert.ok(!got(cave, 'through tower'));
  use(home);
  home.sendOut(OUTSIDE, 'nobody any more');
  world.sim.run(5000);
  assert.ok(![tower, cave].some((node) => got(node, 'nobody any more')));
});

test('what is for a member goes to that member, whatever exit is used', () => {
  const { world, tower, cave, home } = network('members first');
  use(home, cave);
  expectEventually(world.sim, () => usedBy(home) === cave.id, 3000, 'cave is used');
  home.send(tower, 'to tower');
  expectEventually(world.sim, () => got(tower, 'to tower'), 5000, 'tower gets what is for it');
  assert.ok(!got(cave, 'to tower'));
});

test('an exit that was not chosen brings nothing in from outside', () => {
  const { world, tower, cave, home } = network('unchosen exit');
  use(home, cave);
  home.send(tower, 'hello');
  expectEventually(world.sim, () => got(tower, 'hello'), 10_000, 'a session with tower');
  tower.sendOut(home.address, 'from outside', OUTSIDE);
  tower.send(home, 'from tower');
  expectEventually(world.sim, () => got(home, 'from tower'), 5000, 'what tower says itself');
  assert.ok(!got(home, 'from outside'));
});

test('packets leave through the next exit within six seconds of the death of the first, and none with none', () => {
  const made = network('exits die');
  const { world, tower, cave, home } = made;
  use(home, tower, cave);
  outThrough(made, tower, 3000);
  world.sim.run(20_000);
  tower.kill();
  outThrough(made, cave, 6000);
  assert.equal(stateOf(home, tower), 'silent');
  cave.kill();
  expectEventually(world.sim, () => usedBy(home) === null, 6000, 'no exit is used');
  tower.up();
  serve(tower, true);
  outThrough(made, tower, 15_000);
});

test('an exit that is liked better is gone back to when it has answered for a while', () => {
  const made = network('exit returns');
  const { world, tower, cave, home } = made;
  use(home, tower, cave);
  outThrough(made, tower, 3000);
  tower.host.offline();
  outThrough(made, cave, 6000);
  world.sim.run(60_000);
  tower.host.online();
  expectEventually(world.sim, () => stateOf(home, tower) === 'returning', 15_000, 'tower answers again');
  outThrough(made, cave, 500);
  outThrough(made, tower, 12_000);
  assert.equal(stateOf(home, cave), 'ready');
});

test('an exit whose line is bad is not left for another one as long as it answers at all', () => {
  const made = network('bad line');
  const { world, tower, cave, home } = made;
  use(home, tower, cave);
  outThrough(made, tower, 3000);
  const mark = cave.received.length;
  tower.host.setLink({ loss: 0.2 });
  for (let second = 0; second < 120; second++) {
    home.sendOut(OUTSIDE, `second ${second}`);
    world.sim.run(1000);
  }
  assert.equal(usedBy(home), tower.id);
  assert.equal(cave.received.length, mark);
});

test('an exit that stops serving is left at once, and so is one that an admin withdrew', () => {
  const made = network('exit withdrawn');
  const { world, tower, cave, home } = made;
  use(home, tower, cave);
  outThrough(made, tower, 3000);
  world.sim.run(5000);
  serve(tower, false);
  expectEventually(world.sim, () => usedBy(home) === cave.id, 4000, 'cave is used');
  assert.equal(stateOf(home, tower), 'not-serving');
  allow(tower, cave, []);
  expectEventually(world.sim, () => usedBy(home) === null, 4000, 'nobody is used');
  assert.equal(stateOf(home, cave), 'not-granted');
  home.sendOut(OUTSIDE, 'to a former exit');
  world.sim.run(3000);
  assert.ok(!got(cave, 'to a former exit'));
});

test('the word of a member that no admin made an exit counts for nothing', () => {
  const made = network('self-made exit');
  const { world, tower, home } = made;
  const pirate = world.join(world.invite(tower, [tower]), 'pirate', { static: true });
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  serve(pirate, true);
  use(home, pirate);
  world.sim.run(10_000);
  home.sendOut(OUTSIDE, 'to the pirate');
  world.sim.run(3000);
  assert.equal(stateOf(home, pirate), 'not-granted');
  assert.ok(!got(pirate, 'to the pirate'));
});
