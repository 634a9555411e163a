/** Chains, islands, loss: networks that are not a star. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { World } from './world.ts';
import type { SimNode } from './world.ts';

const byText = (a: string, b: string): number => (a < b ? -1 : 1);
const DUBLIN = { latitude: 53.35, longitude: -6.26 };

test('data crosses several relays when the ends share none, and the trace names them all', () => {
  const world = new World('chain');
  const nodes = [world.found('n0', { static: true })];
  for (let i = 1; i < 5; i++) {
    nodes.push(
      world.join(world.invite(nodes[0] as SimNode, nodes.slice(-1)), `n${i}`, {
        static: true,
        ...(i === 4 ? { location: DUBLIN } : {}),
      }),
    );
  }
  // A chain: each reaches its neighbours only.
  for (const [i, a] of nodes.entries()) {
    for (const [j, b] of nodes.entries()) if (j > i + 1) world.sim.network.partition([a.host], [b.host]);
  }
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 60_000, 'everybody online everywhere');
  const [first, last] = [nodes[0] as SimNode, nodes[4] as SimNode];
  world.sim.run(60_000);
  const chat = first.chat(last, 250);
  expectEventually(world.sim, () => chat.answers.length > 0, 10_000, 'an answer across three relays');
  world.sim.run(10_000);
  assert.deepEqual(
    first.mesh.trace(last.id, first.host.now()).map(({ name }) => name),
    ['n1', 'n2', 'n3', 'n4'],
  );
  const { members } = first.mesh.status(first.host.now());
  const links = first.mesh.links(first.host.now());
  const name = (id: string): string | undefined => members.find((member) => member.id === id)?.name;
  assert.deepEqual(
    links.map(({ a, b }) => [name(a) ?? '', name(b) ?? ''].toSorted(byText).join('-')).toSorted(byText),
    ['n0-n1', 'n1-n2', 'n2-n3', 'n3-n4'],
    'the chain, every link once',
  );
  assert.ok(links.every(({ rttMs, loss }) => rttMs > 0 && loss === 0));
  assert.deepEqual(
    members.flatMap((member) => (member.location === null ? [] : [[member.name, member.location]])),
    [['n4', DUBLIN]],
    'who says where it is is heard four relays away',
  );
  assert.ok(chat.answers.length >= 38, `${chat.answers.length} answers in ten seconds`);
  for (const relay of nodes.slice(1, 4))
    assert.ok(relay.plane.counters().relayedPackets > 70, `${relay.name} forwarded`);
  for (const relay of nodes.slice(1, 4)) assert.ok(relay.received.every(({ text }) => !text.includes('ask')));
});

test('two islands that invited the same name heal to one roster everywhere', () => {
  const world = new World('islands');
  const east = world.found('east', { static: true });
  const west = world.join(world.invite(east, [east]), 'west', { static: true });
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  world.grantAdmin(east, west);
  expectEventually(world.sim, () => west.ledger.roster().admins.has(west.key), 5000, 'a second admin');
  world.sim.network.partition([east.host], [west.host]);
  const here = world.join(world.invite(east, [east]), 'printer', { static: true, as: 'printer-here' });
  world.sim.network.partition([here.host], [west.host]);
  const there = world.join(world.invite(west, [west]), 'printer', { static: true, as: 'printer-there' });
  world.sim.network.partition([there.host], [east.host, here.host]);
  world.sim.run(60_000);
  assert.equal(here.ledger.roster().members.get(here.id)?.name, 'printer');
  assert.equal(there.ledger.roster().members.get(there.id)?.name, 'printer');
  world.sim.network.heal();
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 90_000, 'one network again');
  const rosters = world
    .up()
    .map((node) => JSON.stringify([...node.ledger.roster().members.values()].map((m) => [m.id, m.name, m.address4])));
  assert.equal(new Set(rosters).size, 1);
  const names = [...east.ledger.roster().members.values()].map(({ name }) => name);
  assert.equal(new Set(names).size, 4, 'every member has a name of its own');
  assert.ok(east.mesh.status(east.host.now()).warnings.some((text) => text.includes('printer')));
  const chat = here.chat(there, 250);
  expectEventually(world.sim, () => chat.answers.length > 3, 5000, 'the two printers talk');
});

test('with a fifth of all packets lost everybody still finds everybody and data flows', () => {
  const world = new World('lossy');
  const nyc = world.found('nyc', { static: true, link: { latency: 20, loss: 0.1, jitter: 10 } });
  const nodes = ['a', 'b', 'c', 'd'].map((name) =>
    world.join(world.invite(nyc, [nyc]), name, {
      on: world.sim.network.nat(`${name}-home`, NAT_KINDS.linuxMasquerade),
      link: { latency: 20, loss: 0.1, jitter: 10, duplicate: 0.02, reorder: 0.05 },
    }),
  );
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 60_000, 'everybody online everywhere');
  world.sim.run(30_000);
  const [a, b] = nodes as [SimNode, SimNode];
  const chat = a.chat(b, 100);
  world.sim.run(30_000);
  // A question and its answer each cross two lossy links: 0.9^4 of them arrive.
  const share = chat.answers.length / chat.sent.length;
  assert.ok(share > 0.5, `${Math.round(share * 100)} % answered`);
});

test('a node that was born in 1970 works like any other', () => {
  const world = new World('no clock');
  const nyc = world.found('nyc', { static: true });
  const token = world.invite(nyc, [nyc]);
  const pi = world.join(token, 'pi', {
    on: world.sim.network.nat('home', NAT_KINDS.linuxMasquerade),
    wallOffset: -1_767_225_600_000,
  });
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 10_000, 'everybody online everywhere');
  const chat = pi.chat(nyc, 250);
  expectEventually(world.sim, () => chat.answers.length > 0, 3000, 'an answer');
  chat.stop();
  // It restarts, and its clock starts in 1970 again, before everything that it said.
  pi.kill();
  world.sim.run(120_000);
  pi.host.setWall(-1_767_225_600_000 - world.sim.now + 1000);
  pi.up();
  const again = nyc.chat(pi, 250);
  expectEventually(world.sim, () => again.answers.length > 0, 10_000, 'an answer after the restart');
  expectEventually(world.sim, () => nyc.view(pi).online, 10_000, 'seen online again');
});
