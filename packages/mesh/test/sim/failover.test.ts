/** Paths and relays that die, machines that move and sleep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { longestSilence, World } from './world.ts';
import type { SimNode } from './world.ts';
import { four } from './four.ts';

interface Relayed {
  readonly world: World;
  readonly relays: readonly SimNode[];
  readonly a: SimNode;
  readonly b: SimNode;
}

/** Two members behind symmetric NATs and three public ones that can relay between them. */
function relayed(seed: string): Relayed {
  const world = new World(seed);
  const first = world.found('r1', { static: true, link: { latency: 10 } });
  const relays = [first];
  for (const name of ['r2', 'r3'])
    relays.push(world.join(world.invite(first, [first]), name, { static: true, link: { latency: 15 } }));
  const [a, b] = ['a', 'b'].map((name) =>
    world.join(world.invite(first, [first]), name, {
      on: world.sim.network.nat(`${name}-router`, NAT_KINDS.symmetric),
      link: { latency: 10 },
    }),
  ) as [SimNode, SimNode];
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 15_000, 'everybody online everywhere');
  return { world, relays, a, b };
}

test('a relay that dies in the middle of a conversation costs at most three seconds of answers', () => {
  const { world, relays, a, b } = relayed('relay dies');
  const chat = a.chat(b, 1000);
  world.sim.run(20_000);
  const via = a.view(b).path.via[0];
  assert.equal(a.view(b).path.kind, 'relay');
  const died = world.sim.now;
  relays.find(({ id }) => id === via?.id)?.kill();
  world.sim.run(30_000);
  const silence = longestSilence(chat.answers, died - 1000, world.sim.now);
  assert.ok(silence <= 3000, `${silence} ms without an answer`);
  assert.notEqual(a.view(b).path.via[0]?.id, via?.id);
});

test('one relay after the other dies, and data goes on through the last', () => {
  const { world, relays, a, b } = relayed('relays die');
  const chat = a.chat(b, 250);
  for (const relay of relays.slice(0, 2)) {
    world.sim.run(20_000);
    relay.kill();
  }
  world.sim.run(10_000);
  const before = chat.answers.length;
  world.sim.run(10_000);
  assert.ok(
    chat.answers.length - before >= 38,
    `${chat.answers.length - before} of 40 answers in the last ten seconds`,
  );
});

test('a direct path that dies falls back to the relay, and comes back when it can', () => {
  const { world, blr, fedora } = four('direct dies');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chat = fedora.chat(blr, 500);
  expectEventually(world.sim, () => fedora.view(blr).path.kind === 'direct', 5000, 'a direct path');
  world.sim.run(5000);
  const cut = world.sim.now;
  const mend = world.sim.network.partition([fedora.host], [blr.host]);
  world.sim.run(15_000);
  assert.equal(fedora.view(blr).path.kind, 'relay');
  const silence = longestSilence(chat.answers, cut - 500, world.sim.now);
  assert.ok(silence <= 3000, `${silence} ms without an answer`);
  mend();
  expectEventually(world.sim, () => fedora.view(blr).path.kind === 'direct', 60_000, 'the direct path again');
});

test('a machine that changes its address is back within five seconds', () => {
  const { world, nyc, fedora } = four('address changes');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chats = [fedora.chat(nyc, 500), nyc.chat(fedora, 500)];
  world.sim.run(5000);
  const cafe = world.sim.network.nat('cafe', NAT_KINDS.linuxMasquerade);
  fedora.host.move(cafe);
  const moved = world.sim.now;
  world.sim.run(20_000);
  for (const chat of chats) {
    const silence = longestSilence(chat.answers, moved - 500, world.sim.now);
    assert.ok(silence <= 5000, `${silence} ms without an answer after the move`);
  }
});

for (const minutes of [0.5, 2, 10, 120]) {
  test(`a laptop that sleeps ${minutes} minutes is back within five seconds of waking`, () => {
    const { world, blr, fedora, nyc } = four(`sleep ${minutes}`);
    expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
    const before = [fedora.chat(nyc, 500), nyc.chat(fedora, 500), blr.chat(fedora, 500)];
    world.sim.run(5000);
    for (const chat of before) chat.stop();
    fedora.host.sleep(minutes * 60_000);
    world.sim.run(minutes * 60_000);
    const woke = world.sim.now;
    const chats = [fedora.chat(nyc, 500), nyc.chat(fedora, 500), blr.chat(fedora, 500)];
    expectEventually(
      world.sim,
      () => chats.every((chat) => chat.answers.length > 0),
      5000,
      `answers for all after waking at ${woke}`,
    );
  });
}

test('a router that reboots and forgets its mappings costs at most five seconds', () => {
  const world = new World('router reboots');
  const nyc = world.found('nyc', { static: true });
  const home = world.sim.network.nat('home', NAT_KINDS.linuxMasquerade);
  const fedora = world.join(world.invite(nyc, [nyc]), 'fedora', { on: home });
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chats = [fedora.chat(nyc, 500), nyc.chat(fedora, 500)];
  world.sim.run(10_000);
  home.reset();
  const reset = world.sim.now;
  world.sim.run(20_000);
  for (const chat of chats) {
    const silence = longestSilence(chat.answers, reset - 500, world.sim.now);
    assert.ok(silence <= 5000, `${silence} ms without an answer after the reboot`);
  }
});

test('a machine that was unplugged for an hour is back within five seconds of its return', () => {
  const { world, nyc, fedora } = four('unplugged');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  fedora.host.offline();
  world.sim.run(3_600_000);
  fedora.host.online();
  const chats = [fedora.chat(nyc, 500), nyc.chat(fedora, 500)];
  expectEventually(world.sim, () => chats.every((chat) => chat.answers.length > 0), 5000, 'answers both ways');
});

test('a member that was killed and starts again is back within five seconds', () => {
  const { world, nyc, fedora } = four('killed');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chats = [fedora.chat(nyc, 250), nyc.chat(fedora, 250)];
  world.sim.run(5000);
  fedora.kill();
  world.sim.run(20_000);
  const started = world.sim.now;
  fedora.up();
  world.sim.run(20_000);
  for (const chat of chats) {
    const back = chat.answers.find((at) => at > started);
    assert.ok(
      back !== undefined && back - started <= 5000,
      `first answer ${(back ?? Infinity) - started} ms after the start`,
    );
  }
});
