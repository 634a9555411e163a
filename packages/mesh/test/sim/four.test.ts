/** The experiment: a public server, one behind a firewall, a laptop and a Raspberry Pi behind one home router. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { four } from './four.ts';

test('four machines see each other although three are closed from outside', () => {
  const { world } = four('four sees');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
});

test('everybody reaches everybody, and the paths are direct where they can be', () => {
  const { world, nyc, blr, fedora, pi } = four('four reach');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const all = [nyc, blr, fedora, pi];
  const chats = all.flatMap((a) => all.filter((b) => b !== a).map((b) => ({ a, b, chat: a.chat(b, 500) })));
  expectEventually(
    world.sim,
    () => chats.every(({ chat }) => chat.answers.length > 0),
    1500,
    'an answer for every pair',
  );
  expectEventually(
    world.sim,
    () => chats.every(({ a, b }) => a.view(b).path.kind === 'direct'),
    3000,
    'direct paths between all',
  );
  assert.match(fedora.view(pi).path.reason, /^direct 192\.168\.1\./);
  for (const { chat } of chats) chat.stop();
});

test('behind a symmetric NAT the laptop stays relayed to the closed server, and the status says why', () => {
  const { world, blr, fedora } = four('four symmetric', NAT_KINDS.linuxRandom);
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chat = fedora.chat(blr, 500);
  expectEventually(world.sim, () => chat.answers.length > 0, 1500, 'an answer over the relay');
  const why = /^relayed by externalnyc: (fedora's NAT is symmetric)$/;
  expectEventually(world.sim, () => why.test(fedora.view(blr).path.reason), 5000, 'a reason that names the NAT');
  world.sim.run(60_000);
  assert.match(fedora.view(blr).path.reason, why);
  assert.equal(fedora.view(blr).path.kind, 'relay');
  assert.deepEqual(
    fedora.view(blr).path.via.map(({ name }) => name),
    ['externalnyc'],
  );
  expectEventually(world.sim, () => why.test(blr.view(fedora).path.reason), 5000, 'the same reason at the other end');
  const lost = chat.sent.length - chat.answers.length;
  assert.ok(lost <= 2, `${lost} of ${chat.sent.length} packets were lost over a steady relay`);
});

test('without the public server the laptop and the Raspberry Pi go on talking, and the closed server too', () => {
  const { world, nyc, blr, fedora, pi } = four('four loss of nyc');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chats = [fedora.chat(pi, 500), pi.chat(fedora, 500), pi.chat(blr, 500), blr.chat(fedora, 500)];
  world.sim.run(5000);
  nyc.kill();
  world.sim.run(1000);
  const before = chats.map((chat) => chat.answers.length);
  world.sim.run(30_000);
  for (const [i, chat] of chats.entries()) {
    const answered = chat.answers.length - (before[i] as number);
    assert.ok(answered >= 58, `chat ${i}: ${answered} of 60 answered after the public server was gone`);
  }
  expectEventually(world.sim, () => !fedora.view(nyc).online, 120_000, 'the laptop sees that the server is gone');
});

test('an idle pair has its first answer within a second, and the direct path within three more', () => {
  const { world, blr, fedora } = four('four first packet');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  world.sim.run(15 * 60_000);
  const start = world.sim.now;
  const chat = fedora.chat(blr, 100);
  expectEventually(world.sim, () => chat.answers.length > 0, 1000, 'the first answer');
  const first = world.sim.now - start;
  expectEventually(
    world.sim,
    () => fedora.view(blr).path.kind === 'direct',
    3000,
    `a direct path (first answer after ${first} ms)`,
  );
});

test('half an hour of steady conversation crosses many rekeys without losing a packet', () => {
  const { world, nyc, blr, fedora, pi } = four('four rekey');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const pairs = [fedora.chat(blr, 1000), blr.chat(pi, 1000), pi.chat(fedora, 1000), nyc.chat(pi, 1000)];
  world.sim.run(10_000);
  const before = pairs.map((chat) => [chat.sent.length, chat.answers.length] as const);
  world.sim.run(30 * 60_000);
  for (const [i, chat] of pairs.entries()) {
    const [sent, answers] = before[i] as readonly [number, number];
    const lost = chat.sent.length - sent - (chat.answers.length - answers);
    assert.ok(lost <= 1, `pair ${i}: ${lost} of ${chat.sent.length - sent} lost`);
  }
});

test('a quiet hour keeps everybody connected and costs next to nothing', () => {
  const { world, nyc, blr, fedora, pi } = four('four quiet');
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  world.sim.run(60_000);
  const all = [nyc, blr, fedora, pi];
  const before = all.map((node) => node.host.traffic.total.sentBytes);
  world.sim.run(3_600_000);
  assert.ok(world.everybodySeesEverybody());
  for (const [i, node] of all.entries()) {
    const rate = (node.host.traffic.total.sentBytes - (before[i] as number)) / 3600;
    assert.ok(rate < 250, `${node.name} sent ${rate.toFixed(0)} bytes a second`);
  }
});
