/** A member that lies, replays and floods. It has the keys of one member and every trick of the wire, and no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  concat,
  endpointOf,
  fromHex,
  generateSecret,
  nodeKeyOf,
  parseAddress,
  parseLabel,
  tunnelKeyOf,
} from '@kith/core';
import { admit, grant, revoke } from '@kith/mesh';
import { expectEventually, NAT_KINDS } from '@kith/sim';
import { encodeControl } from '../../src/control.ts';
import type { Control } from '../../src/control.ts';
import { grantLink, signPresence } from '../../src/presence.ts';
import type { Presence } from '../../src/presence.ts';
import { World } from './world.ts';
import type { SimNode } from './world.ts';

interface Stage {
  readonly world: World;
  readonly admin: SimNode;
  readonly mallory: SimNode;
  readonly honest: readonly SimNode[];
}

function stage(seed: string): Stage {
  const world = new World(seed);
  const admin = world.found('admin', { static: true });
  const [mallory, ...honest] = world.admitAll(admin, [
    { name: 'mallory', options: { static: true } },
    ...['ann', 'bob', 'cem', 'dua', 'eli'].map((name, i) => ({
      name,
      options: i < 2 ? { static: true } : { on: world.sim.network.nat(`${name}-home`, NAT_KINDS.linuxMasquerade) },
    })),
  ]) as [SimNode, ...SimNode[]];
  expectEventually(world.sim, () => world.everybodySeesEverybody(), 15_000, 'everybody online everywhere');
  // Mallory talks with everybody, so that there is a session to lie in.
  const hellos = [admin, ...honest].map((node) => mallory.chat(node, 250));
  expectEventually(
    world.sim,
    () => hellos.every((chat) => chat.answers.length > 0),
    5000,
    'a conversation with everybody',
  );
  for (const chat of hellos) chat.stop();
  // Nodes find out about themselves for a while; what changes after that is somebody's doing.
  world.sim.run(60_000);
  for (const node of [admin, ...honest]) mallory.send(node, 'hello again');
  world.sim.run(5000);
  return { world, admin, mallory, honest: [admin, ...honest] };
}

/** Says a control message as Mallory to one member, sealed in their session as any other. */
function say({ mallory }: Stage, to: SimNode, message: Control): void {
  const { type, body } = encodeControl(message);
  const sent = mallory.plane.sendControl(mallory.handleOf(to), type, body, null, mallory.host.now());
  assert.ok(sent, `Mallory has a session with ${to.name}`);
}

/** Tells everybody, and looks often: what heals by itself a second later was believed all the same. */
function tell(stage: Stage, message: Control, before: string): void {
  for (const node of stage.honest) say(stage, node, message);
  for (let step = 0; step < 30; step++) {
    stage.world.sim.run(100);
    assert.equal(truth(stage), before);
  }
}

/** All that a lie could change, as every honest member sees it. */
function truth(stage: Stage): string {
  return JSON.stringify(
    stage.honest.map((node) => ({
      members: [...node.ledger.roster().members.values()].map((m) => [
        m.name,
        m.address4,
        m.tunnelKey,
        m.admin,
        m.mayRelay,
      ]),
      revoked: [...node.ledger.roster().revoked.keys()],
      views: node.mesh
        .status(node.host.now())
        .members.filter((m) => m.name !== 'mallory')
        .map((m) => [m.name, m.online, m.endpoints, m.nat, m.relay, m.version]),
    })),
  );
}

function presenceOf(node: SimNode): Presence {
  return {
    id: node.id,
    seq: node.host.wall() + 1_000_000,
    ttl: 600,
    endpoints: [{ kind: 'static', endpoint: endpointOf(parseAddress('198.51.100.66'), 6550) }],
    nat: 'public',
    reachable: true,
    relay: true,
    exit: false,
    links: [],
    version: 'lie',
    goodbye: false,
    down: [],
    location: null,
  };
}

test('a presence forged in the name of another member changes nothing anywhere', () => {
  const s = stage('forged presence');
  const [, ann] = s.honest as [SimNode, SimNode];
  const before = truth(s);
  const forged = presenceOf(ann);
  const record = signPresence(s.world.crypto, s.world.network, s.mallory.identity.node, forged);
  tell(s, { kind: 'presence', items: [{ id: ann.id, seq: forged.seq, age: 0, record }] }, before);
  tell(s, { kind: 'presence', items: [{ id: s.mallory.id, seq: forged.seq, age: 0, record }] }, before);
  const bye = { ...forged, goodbye: true };
  tell(
    s,
    {
      kind: 'presence',
      items: [
        {
          id: ann.id,
          seq: bye.seq,
          age: 0,
          record: signPresence(s.world.crypto, s.world.network, s.mallory.identity.node, bye),
        },
      ],
    },
    before,
  );
});

test('an old presence that is replayed does not bring back what it said', () => {
  const s = stage('replayed presence');
  const [, ann, bob] = s.honest as [SimNode, SimNode, SimNode];
  const old = presenceOf(ann);
  // Ann's own earlier record, as anybody could have kept it.
  const early = { ...old, seq: ann.host.wall() - Math.ceil(s.world.sim.now) };
  const record = signPresence(s.world.crypto, s.world.network, ann.identity.node, early);
  const before = truth(s);
  tell(s, { kind: 'presence', items: [{ id: ann.id, seq: early.seq, age: 0, record }] }, before);
  assert.notEqual(bob.view(ann).version, 'lie');
});

test('a link that the other end never vouched for moves no route', () => {
  const s = stage('forged link');
  const { world, mallory } = s;
  const [, ann, , cem, dua] = s.honest as [SimNode, SimNode, SimNode, SimNode, SimNode];
  const lie: Presence = {
    ...presenceOf(mallory),
    endpoints: [{ kind: 'static', endpoint: mallory.endpoint }],
    links: [cem, dua].map((node) => ({
      to: node.id,
      rtt: 0,
      loss: 0,
      epoch: node.host.wall(),
      // Mallory's own signature where cem's and dua's should be.
      grant: grantLink(world.crypto, world.network, mallory.identity.node, {
        publisher: mallory.id,
        grantor: node.id,
        epoch: node.host.wall(),
      }),
    })),
  };
  const record = signPresence(world.crypto, world.network, mallory.identity.node, lie);
  // Her own node must not hear of the record, or it would set it right.
  mallory.intercept = (kind, bytes) => !(kind === 'control' && bytes[0] === 3);
  tell(s, { kind: 'presence', items: [{ id: mallory.id, seq: lie.seq, age: 0, record }] }, truth(s));
  assert.equal(ann.view(mallory).version, 'lie', 'the record itself was taken: it is about Mallory');
  // Neither has a link with Mallory, so that only the lie could lead there.
  world.sim.network.partition([mallory.host], [cem.host, dua.host]);
  const mend = world.sim.network.partition([cem.host], [dua.host]);
  world.sim.run(30_000);
  const relayed = mallory.plane.counters().relayedPackets;
  const chat = cem.chat(dua, 250);
  world.sim.run(15_000);
  mend();
  assert.ok(chat.answers.length > 40, `${chat.answers.length} answers through honest relays`);
  assert.equal(mallory.plane.counters().relayedPackets, relayed, 'nothing went through Mallory');
});

test('statements that Mallory has no right to make have no effect', () => {
  const s = stage('forged statements');
  const { world, mallory, admin } = s;
  const [, ann] = s.honest as [SimNode, SimNode];
  const before = truth(s);
  const { crypto } = world;
  const seed = generateSecret(crypto);
  const context = () => mallory.ledger.context(mallory.issuer, mallory.host.wall());
  const inName = {
    ...admin.ledger.context(admin.issuer, admin.host.wall()),
    issuer: { seed: mallory.identity.node, key: admin.key },
  };
  const intruder = {
    nodeKey: nodeKeyOf(crypto, seed),
    tunnelKey: tunnelKeyOf(crypto, generateSecret(crypto)),
    name: parseLabel('intruder', 'member name'),
    address: null,
    tags: [],
  };
  const statements = [
    grant(context(), mallory.key),
    admit(context(), intruder),
    revoke(context(), ann.key, null),
    revoke(context(), admin.key, null),
    admit(inName, intruder),
    revoke(inName, ann.key, null),
  ];
  for (const statement of statements) tell(s, { kind: 'statements', statements: [statement] }, before);
});

test('replayed datagrams of others change nothing, from wherever they come', () => {
  const s = stage('replays');
  const { world, mallory } = s;
  const [admin, ann, bob] = s.honest as [SimNode, SimNode, SimNode];
  const kept: {
    bytes: Uint8Array;
    from: Parameters<typeof mallory.host.inject>[1];
    to: Parameters<typeof mallory.host.inject>[2];
  }[] = [];
  ann.host.tap = (bytes, from, to, direction) => {
    if (direction === 'out' && kept.length < 400) kept.push({ bytes: Uint8Array.from(bytes), from, to });
  };
  const chat = ann.chat(bob, 200);
  world.sim.run(20_000);
  ann.host.tap = null;
  const before = truth(s);
  const got = bob.received.length;
  const sentMeanwhile = chat.sent.length;
  for (const { bytes, from, to } of kept) mallory.host.inject(bytes, from, to);
  for (const { bytes, to } of kept) mallory.host.inject(bytes, mallory.endpoint, to);
  world.sim.run(2000);
  chat.stop();
  const fresh = bob.received.length - got;
  assert.ok(fresh <= chat.sent.length - sentMeanwhile + 1, `${fresh} packets, more than were sent`);
  assert.equal(truth(s), before);
  assert.equal(ann.view(bob).path.kind, 'direct');
  assert.notEqual(bob.view(ann).path.endpoint, mallory.endpoint);
  assert.ok(admin.isUp);
});

test('relay frames for others reach nobody who does not know their sender', () => {
  const s = stage('relay frames');
  const { world, mallory } = s;
  const [, ann, bob] = s.honest as [SimNode, SimNode, SimNode];
  const before = truth(s);
  const random = world.sim.random.fork('frames');
  const received = s.honest.map((node) => node.received.length);
  for (let i = 0; i < 500; i++) {
    const [src, dst] = [random.pick(s.honest), random.pick(s.honest)];
    const inner = concat(Uint8Array.of(4, 0, 0, 0), random.bytes(28 + 16 * random.int(5)));
    const frame = concat(Uint8Array.of(5, random.int(256), 0, 0), fromHex(dst.id), fromHex(src.id), inner);
    mallory.host.inject(frame, random.chance(0.5) ? mallory.endpoint : bob.endpoint, ann.endpoint);
  }
  world.sim.run(5000);
  assert.equal(truth(s), before);
  assert.deepEqual(
    s.honest.map((node) => node.received.length),
    received,
  );
});

test('random and mutated datagrams neither crash a node nor change it', () => {
  const s = stage('fuzz');
  const { world, mallory } = s;
  const [, ann, bob] = s.honest as [SimNode, SimNode, SimNode];
  const samples: Uint8Array[] = [];
  ann.host.tap = (bytes) => {
    if (samples.length < 200) samples.push(Uint8Array.from(bytes));
  };
  const chat = bob.chat(ann, 200);
  world.sim.run(5000);
  ann.host.tap = null;
  const before = truth(s);
  const random = world.sim.random.fork('fuzz');
  for (let i = 0; i < 5000; i++) {
    let bytes = random.bytes(random.int(1500));
    if (random.chance(0.7)) {
      bytes = Uint8Array.from(random.pick(samples));
      for (let k = random.int(4); k >= 0; k--) bytes[random.int(bytes.length)] = random.int(256);
      if (random.chance(0.2)) bytes = bytes.subarray(0, random.int(bytes.length));
    }
    mallory.host.inject(bytes, random.chance(0.3) ? bob.endpoint : mallory.endpoint, ann.endpoint);
    if (i % 100 === 0) world.sim.run(50);
  }
  world.sim.run(5000);
  assert.equal(truth(s), before);
  const answered = chat.answers.length;
  world.sim.run(5000);
  assert.ok(chat.answers.length - answered >= 23, 'the conversation goes on');
});

test('a flood of control messages from one member costs the others little more than opening it', () => {
  const s = stage('flood');
  const { world } = s;
  const [, ann, bob] = s.honest as [SimNode, SimNode, SimNode];
  const chat = bob.chat(ann, 100);
  world.sim.run(2000);
  const before = truth(s);
  let handled = 0;
  ann.intercept = (kind, bytes) => {
    if (kind === 'control' && bytes.length > 0) handled++;
    return true;
  };
  const outgoing = () => ann.host.traffic.total.sentBytes;
  const sent = outgoing();
  const flood: Control[] = [
    { kind: 'want', set: 0, keys: Array.from({ length: 64 }, (_, i) => i.toString(16).padStart(32, '0')) },
    { kind: 'digest', set: 1, items: Array.from({ length: 60 }, () => ({ prefix: '', fingerprint: 'f'.repeat(16) })) },
    { kind: 'ping', txid: 1, flags: 0, ledger: '0'.repeat(16), presence: '0'.repeat(16) },
    { kind: 'have', set: 1, prefix: '', items: [] },
    { kind: 'punch', step: 'ask', txid: 1, rtt: 0, candidates: [] },
    { kind: 'link-ask' },
  ];
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 2000; i++) say(s, ann, flood[i % flood.length] as Control);
    world.sim.run(1000);
  }
  ann.intercept = null;
  assert.ok(handled > 10_000, `${handled} messages of the flood arrived`);
  const perSecond = (outgoing() - sent) / 10;
  assert.ok(perSecond < 600_000, `ann answered with ${perSecond} bytes a second`);
  const answered = chat.answers.length;
  world.sim.run(3000);
  assert.ok(chat.answers.length - answered >= 28, 'the conversation goes on');
  assert.equal(truth(s), before);
});
