/** Which cipher data takes: AES-256-GCM where both ends are faster with it, and never by the word of one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { World } from './world.ts';
import type { SimNode } from './world.ts';

interface Trio {
  readonly world: World;
  readonly server: SimNode;
  readonly laptop: SimNode;
  readonly pi: SimNode;
}

/** Server and laptop have a processor that helps with AES, the Raspberry Pi has not. */
function trio(seed: string): Trio {
  const world = new World(seed);
  const server = world.found('server', { static: true, prefersAes: true, link: { latency: 20 } });
  const home = world.sim.network.nat('home', NAT_KINDS.linuxRandom);
  const away = world.sim.network.nat('away', NAT_KINDS.linuxRandom);
  const laptop = world.join(world.invite(server, [server]), 'laptop', { on: home, prefersAes: true });
  const pi = world.join(world.invite(server, [server]), 'pi', { on: away });
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  return { world, server, laptop, pi };
}

test('data is sealed by AES-256-GCM where both ends prefer it, and by ChaCha20-Poly1305 everywhere else', () => {
  const { world, server, laptop, pi } = trio('ciphers of three');
  const chats = [laptop.chat(server, 200), laptop.chat(pi, 200), pi.chat(server, 200)];
  world.sim.run(5000);
  assert.equal(laptop.cipherFor(server), 'aes-256-gcm');
  assert.equal(server.cipherFor(laptop), 'aes-256-gcm');
  for (const [from, to] of [
    [laptop, pi],
    [pi, laptop],
    [server, pi],
    [pi, server],
  ] as const) {
    assert.equal(from.cipherFor(to), 'chacha20-poly1305', `${from.name} to ${to.name}`);
  }
  assert(laptop.sentByAes > 20 && server.sentByAes > 20);
  assert.equal(pi.sentByAes, 0, 'neither its own nor what it would relay');
  for (const chat of chats) assert(chat.sent.length - chat.answers.length <= 2, 'answers');
});

test('a relay passes it on without being asked for a cipher', () => {
  const world = new World('ciphers through a relay');
  const server = world.found('server', { static: true, link: { latency: 20 } });
  const [one, two] = ['one', 'two'].map((name) => {
    const on = world.sim.network.nat(`${name}-router`, NAT_KINDS.linuxRandom);
    return world.join(world.invite(server, [server]), name, { on, prefersAes: true });
  }) as [SimNode, SimNode];
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chat = one.chat(two, 200);
  world.sim.run(10_000);
  assert.equal(one.view(two).path.kind, 'relay');
  assert.equal(one.cipherFor(two), 'aes-256-gcm');
  assert(one.sentByAes > 30 && two.sentByAes > 30 && server.sentByAes > 60);
  assert(chat.sent.length - chat.answers.length <= 2);
});

test('a member that comes back on a machine without AES is sent the other cipher at once, and nothing gets stuck', () => {
  const { world, server, laptop } = trio('ciphers after a move');
  const chat = server.chat(laptop, 200);
  world.sim.run(3000);
  assert.equal(server.cipherFor(laptop), 'aes-256-gcm');
  laptop.kill();
  laptop.prefersAes = false;
  laptop.up();
  const lastAnswer = () => chat.answers.at(-1) ?? 0;
  const start = world.sim.now;
  expectEventually(world.sim, () => lastAnswer() > start, 10_000, 'answers after the move');
  assert.equal(server.cipherFor(laptop), 'chacha20-poly1305');
  laptop.kill();
  laptop.prefersAes = true;
  laptop.up();
  expectEventually(world.sim, () => server.cipherFor(laptop) === 'aes-256-gcm', 10_000, 'AES again');
});
