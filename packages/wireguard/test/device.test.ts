import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { SecretKey, generateSecret, tunnelKeyFrom, tunnelKeyOf, utf8 } from '@kith/core';
import { Device, REJECT_AFTER_TIME } from '@kith/wireguard';
import type { DeviceEvents, DeviceLimits, Keypair } from '@kith/wireguard';
import fc from 'fast-check';
import { realCrypto, seededCrypto } from './helpers/crypto.ts';
import { World } from './helpers/world.ts';

const packet = (text: string) => utf8(text.padEnd(16, '.'));

/** A device alone, whose events are recorded. */
function alone(init: { lookup?: (key: string) => number | null; wall?: (now: number) => number } = {}) {
  const crypto = seededCrypto('alone');
  const secret = generateSecret(crypto);
  const out = { sent: [] as Uint8Array[], replies: [] as Uint8Array[], sessions: [] as Keypair[], log: [] as string[] };
  const events: DeviceEvents<string> = {
    send: (_, message) => void out.sent.push(message),
    reply: (message) => void out.replies.push(message),
    session: (keypair) => void out.sessions.push(keypair),
    drop: (index) => void out.log.push(`drop ${index}`),
    keepAlive: (peer) => void out.log.push(`keepAlive ${peer}`),
    failed: (peer) => void out.log.push(`failed ${peer}`),
    authenticated: (peer, route) => void out.log.push(`authenticated ${peer} ${route}`),
  };
  const device = new Device<string>({
    crypto,
    secret,
    wall: init.wall ?? ((now) => 1_700_000_000_000 + now),
    sourceBytes: utf8,
    lookup: init.lookup ?? (() => 1),
    events,
  });
  return { device, publicKey: tunnelKeyOf(crypto, secret), ...out };
}

/** Two devices that know each other as peer 1. */
function couple(presharedKey?: SecretKey, limits: Partial<DeviceLimits> = {}) {
  const a = alone();
  const crypto = seededCrypto('other');
  const other = new Device<string>({
    crypto,
    secret: new SecretKey(crypto.random(32)),
    wall: (now) => 1_700_000_000_000 + now,
    sourceBytes: utf8,
    lookup: () => 1,
    limits,
    events: {
      send: (_, message) => void b.sent.push(message),
      reply: (message) => void b.replies.push(message),
      session: (keypair) => void b.sessions.push(keypair),
      drop: () => undefined,
      keepAlive: () => undefined,
      failed: () => undefined,
    },
  });
  const b = { device: other, sent: [] as Uint8Array[], replies: [] as Uint8Array[], sessions: [] as Keypair[] };
  const otherKey = tunnelKeyOf(seededCrypto('other'), new SecretKey(seededCrypto('other').random(32)));
  const shared = presharedKey && { presharedKey };
  a.device.setPeer(1, { publicKey: otherKey, ...shared });
  b.device.setPeer(1, { publicKey: a.publicKey, ...shared });
  const takeSent = () => a.sent.splice(0)[0] ?? new Uint8Array(0);
  const takeReply = () => b.replies.splice(0)[0] ?? new Uint8Array(0);
  return { a, b, otherKey, takeSent, takeReply };
}

for (const presharedKey of [undefined, new SecretKey(realCrypto.random(32))]) {
  test(`a handshake gives both sides one keypair, ${presharedKey ? 'with' : 'without'} a preshared key`, () => {
    const { a, b, takeSent, takeReply } = couple(presharedKey);
    a.device.initiate(1, 10);
    equal(a.device.sessionState(1), 'handshaking');
    b.device.handleMessage(takeSent(), 'from a', 20);
    equal(b.device.sessionState(1), 'handshaking');
    a.device.handleMessage(takeReply(), 'from b', 30);
    equal(a.device.sessionState(1), 'established');
    const [ours, theirs] = [a.sessions[0], b.sessions[0]];
    ok(ours && theirs);
    deepEqual(ours.sendKey, theirs.receiveKey);
    deepEqual(ours.receiveKey, theirs.sendKey);
    deepEqual(ours.aesSendKey, theirs.aesReceiveKey);
    deepEqual(ours.aesReceiveKey, theirs.aesSendKey);
    deepEqual([ours.localIndex, ours.remoteIndex], [theirs.remoteIndex, theirs.localIndex]);
    deepEqual([ours.role, theirs.role], ['initiator', 'responder']);
    deepEqual([ours.expiresAt, theirs.expiresAt], [30 + REJECT_AFTER_TIME, 20 + REJECT_AFTER_TIME]);
    deepEqual(a.log, ['authenticated 1 from b', 'keepAlive 1']);
    b.device.handleConfirmed(theirs.localIndex, 40);
    equal(b.device.sessionState(1), 'established');
  });
}

test('the same initiation over a second path, and an older one, are not answered', () => {
  const { a, b, takeSent } = couple();
  a.device.initiate(1, 0);
  const first = takeSent();
  a.device.tick(6000);
  const second = takeSent();
  b.device.handleMessage(second, 'direct', 7000);
  b.device.handleMessage(second, 'relayed', 7100);
  b.device.handleMessage(first, 'late', 7200);
  equal(b.replies.length, 1);
});

test('initiations of one peer that follow within 20 ms are dropped', () => {
  const { a, b, takeSent } = couple();
  const initiation = (now: number) => {
    a.device.tick(now);
    return takeSent();
  };
  a.device.initiate(1, 0);
  const [first, second, third] = [takeSent(), initiation(6000), initiation(12_000)];
  b.device.handleMessage(first, 'a', 1000);
  b.device.handleMessage(second, 'a', 1019);
  equal(b.replies.length, 1);
  b.device.handleMessage(third, 'a', 1020);
  equal(b.replies.length, 2);
});

test('an initiation stays refused as a replay after its peer was removed and set again', () => {
  const { a, b, takeSent } = couple();
  a.device.initiate(1, 0);
  const initiation = takeSent();
  b.device.handleMessage(initiation, 'a', 1);
  b.device.removePeer(1, 100);
  b.device.setPeer(1, { publicKey: a.publicKey });
  b.device.handleMessage(initiation, 'a', 200);
  equal(b.replies.length, 1);
});

test('a response is taken once, and none that answers an earlier try', () => {
  const { a, b, takeSent, takeReply } = couple();
  a.device.initiate(1, 0);
  b.device.handleMessage(takeSent(), 'a', 1);
  const late = takeReply();
  a.device.tick(6000);
  a.device.handleMessage(late, 'b', 6001);
  equal(a.sessions.length, 0);
  b.device.handleMessage(takeSent(), 'a', 6002);
  const reply = takeReply();
  a.device.handleMessage(reply, 'b', 6003);
  a.device.handleMessage(reply, 'b', 6004);
  equal(a.sessions.length, 1);
});

test('a stranger is looked up only after proving its key, and refused where the lookup says so', () => {
  const asked: string[] = [];
  const { a, otherKey, takeSent } = couple();
  const known = alone({ lookup: (key) => (asked.push(key), null) });
  const replies = known.replies;
  a.device.removePeer(1, 0);
  // `alone` always has the same key: the message of `a` to itself is refused without a lookup, too.
  a.device.setPeer(2, { publicKey: known.publicKey });
  a.device.initiate(2, 0);
  known.device.handleMessage(takeSent(), 'a', 1);
  deepEqual([asked.length, replies.length], [0, 0]);
  const crypto = seededCrypto('stranger');
  const sent: Uint8Array[] = [];
  const nothing = () => undefined;
  const stranger = new Device<string>({
    crypto,
    secret: generateSecret(crypto),
    wall: () => 1,
    sourceBytes: utf8,
    lookup: () => null,
    events: {
      send: (_, message) => void sent.push(message),
      reply: nothing,
      session: nothing,
      drop: nothing,
      keepAlive: nothing,
      failed: nothing,
    },
  });
  stranger.setPeer(1, { publicKey: known.publicKey });
  stranger.initiate(1, 0);
  known.device.handleMessage(sent[0] ?? new Uint8Array(0), 'stranger', 2);
  equal(asked.length, 1);
  ok(asked[0] !== otherKey);
  deepEqual([replies.length, known.sessions.length, known.log.length], [0, 0, 0]);
});

test('a peer can be set while it is looked up', () => {
  const world = new World('lazy');
  const [a] = [world.node('a')];
  const received: string[] = [];
  const lazy = alone({
    lookup: () => {
      lazy.device.setPeer(5, { publicKey: a.peer.publicKey });
      return 5;
    },
  });
  a.peer.add(1, { publicKey: lazy.publicKey }, 'lazy');
  world.cut = ({ bytes }) => {
    lazy.device.handleMessage(bytes, 'a', 3);
    received.push('message');
    return true;
  };
  a.peer.device.initiate(1, 2);
  equal(received.length, 1);
  equal(lazy.sessions[0]?.peer, 5);
  equal(lazy.replies.length, 1);
});

test('a peer whose key has small order fails at once instead of for ever', () => {
  const { device, sent, log } = alone();
  device.setPeer(1, { publicKey: tunnelKeyFrom(new Uint8Array(32)) });
  device.initiate(1, 0);
  deepEqual([sent.length, log.join(), device.sessionState(1), device.wakeAt()], [0, 'failed 1', 'none', null]);
});

test('a dropped session has its keys wiped, and removing a peer drops all of it', () => {
  const { a, b, takeSent, takeReply } = couple();
  a.device.initiate(1, 0);
  b.device.handleMessage(takeSent(), 'a', 1);
  a.device.handleMessage(takeReply(), 'b', 2);
  const session = a.sessions[0];
  ok(session);
  ok(session.sendKey.some((byte) => byte !== 0));
  a.device.initiate(1, 3);
  a.device.removePeer(1, 4);
  deepEqual(a.log.at(-1), `drop ${session.localIndex}`);
  const { sendKey, receiveKey, aesSendKey, aesReceiveKey } = session;
  ok([sendKey, receiveKey, aesSendKey, aesReceiveKey].every((key) => key.every((byte) => byte === 0)));
  b.device.handleMessage(takeSent(), 'a', 5);
  a.device.handleMessage(takeReply(), 'b', 6);
  equal(a.sessions.length, 1);
  throws(() => a.device.initiate(1, 7), RangeError);
  throws(() => a.device.sessionState(1), RangeError);
});

test('a handle cannot change its key, nor a key its handle', () => {
  const { a, otherKey } = couple();
  throws(() => a.device.setPeer(2, { publicKey: otherKey }), RangeError);
  throws(() => a.device.setPeer(1, { publicKey: a.publicKey }), RangeError);
  throws(() => a.device.setPeer(1, { publicKey: otherKey, retry: 0 }), RangeError);
  a.device.setPeer(1, { publicKey: otherKey, retry: 100 });
});

test('no datagram makes the device throw, answer or change, whether random or a changed true one', () => {
  const { a, b, takeSent, takeReply } = couple();
  a.device.initiate(1, 0);
  const initiation = takeSent();
  b.device.handleMessage(initiation, 'a', 1);
  const response = takeReply();
  const cookie = new Uint8Array(64);
  cookie[0] = 3;
  cookie.set(initiation.subarray(4, 8), 4);
  const keepAlive = new Uint8Array(32);
  keepAlive[0] = 4;
  const truth = [initiation, response, cookie, keepAlive];
  const mutated = fc
    .tuple(
      fc.constantFrom(...truth),
      fc.array(fc.tuple(fc.nat(147), fc.integer({ min: 1, max: 255 })), { minLength: 1 }),
    )
    .map(([message, changes]) => {
      const copy = message.slice();
      // mac2 counts under load only: the last 16 bytes stay as they are.
      for (const [at, by] of changes) copy[at % (copy.length - 16)] = (copy[at % (copy.length - 16)] ?? 0) ^ by;
      return copy;
    })
    .filter((copy) => truth.every((message) => message.some((byte, at) => byte !== copy[at])));
  const cut = fc.tuple(fc.constantFrom(...truth), fc.nat(150)).map(([m, length]) => m.slice(0, length % m.length));
  const state = () => JSON.stringify([a, b].map((x) => [x.sent, x.replies, x.sessions, x.device.wakeAt()]));
  const before = state();
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), cut, mutated), (bytes) => {
      for (const { device } of [a, b]) device.handleMessage(bytes, 'x', 100);
      equal(state(), before);
    }),
    { numRuns: 1000, endOnFailure: true },
  );
  equal(a.device.underLoad(100), false);
  a.device.handleMessage(response, 'b', 200);
  equal(a.sessions.length, 1, 'the handshake still completes');
});

test('under load a sender must prove its address by a cookie, and then gets through at its own rate', () => {
  const world = new World('load');
  const [a, b] = world.pair({ retry: 1000 }, { handshakesPerSecond: 2, underLoadFor: 60_000 });
  const flood = world.node('flood');
  flood.peer.add(1, { publicKey: b.peer.publicKey, retry: 100 }, 'b');
  flood.peer.device.initiate(1, world.now);
  world.cut = ({ to }) => to === 'flood';
  world.runUntil(1000);
  ok(b.peer.device.underLoad(world.now), world.printTrace());
  a.peer.send(1, packet('through'), world.now);
  world.runUntil(world.now + 3000);
  const toA = world.trace.filter(({ from, to }) => from === 'b' && to === 'a').map(({ bytes }) => bytes[0]);
  deepEqual(toA.slice(0, 2), [3, 2], world.printTrace());
  equal(b.received.length, 1);
  equal(b.peer.events('authenticated').length, 1);
});

test('under load even a sender with a cookie gets no more than its share', () => {
  const limits = { handshakesPerSecond: 0, perSourceRate: 1, perSourceBurst: 2 };
  const { a, b, takeSent, takeReply } = couple(undefined, limits);
  a.device.initiate(1, 0);
  b.device.handleMessage(takeSent(), 'a', 1);
  const cookie = takeReply();
  equal(cookie[0], 3);
  a.device.handleMessage(cookie, 'b', 2);
  const answers = [6000, 12_000, 18_000, 24_000].map((time, i) => {
    a.device.tick(time);
    b.device.handleMessage(takeSent(), 'a', 6000 + 100 * i);
    return takeReply()[0];
  });
  deepEqual(answers, [2, 2, undefined, undefined]);
});

test('data reaches a peer that roams, and its new address is followed', () => {
  const world = new World('roam');
  const [a, b] = world.pair();
  a.peer.send(1, packet('one'), world.now);
  world.runUntil(1000);
  a.address = 'a2';
  a.peer.device.initiate(1, world.now);
  world.cut = ({ bytes }) => bytes[0] === 4;
  world.runUntil(2000);
  equal(b.peer.route(1), 'a2', 'an authentic handshake is a hint');
  a.address = 'a3';
  world.cut = () => false;
  a.peer.send(1, packet('two'), world.now);
  world.runUntil(3000);
  equal(b.peer.route(1), 'a3');
  b.peer.send(1, packet('back'), world.now);
  world.runUntil(4000);
  equal(a.received.length, 1, world.printTrace());
});
