import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@kith/core';
import type { Activity, Keypair } from '@kith/wireguard';
import { REKEY_AFTER_MESSAGES, SilenceTimers, needsRenewal } from '@kith/wireguard';
import { World } from './helpers/world.ts';

const PACKET = utf8('sixteen bytes ..');
const QUIET: Activity = {
  lastDataSent: 0,
  lastDataReceived: 0,
  lastReceived: 0,
  lastSent: 0,
  currentSendCounter: 0,
  currentIndex: 0,
};

function session(role: Keypair['role']): Keypair {
  const key = new Uint8Array(32);
  return {
    peer: 1,
    localIndex: 7,
    remoteIndex: 8,
    sendKey: key,
    receiveKey: key,
    aesSendKey: key,
    aesReceiveKey: key,
    role,
    createdAt: 0,
    expiresAt: 180_000,
  };
}

test('an initiator renews its session when it sends after 120 s, receives after 165 s, or has sent too many', () => {
  const due = (activity: Partial<Activity>) => needsRenewal(session('initiator'), { ...QUIET, ...activity }, 0);
  equal(due({}), false);
  equal(due({ lastSent: 119_999 }), false);
  equal(due({ lastSent: 120_000 }), true);
  equal(due({ lastReceived: 164_999 }), false);
  equal(due({ lastReceived: 165_000 }), true);
  equal(due({ currentIndex: 7, currentSendCounter: REKEY_AFTER_MESSAGES - 1 }), false);
  equal(due({ currentIndex: 7, currentSendCounter: REKEY_AFTER_MESSAGES }), true);
  equal(due({ currentIndex: 6, currentSendCounter: REKEY_AFTER_MESSAGES }), false);
});

test('a responder renews its session only shortly before the end, and only when it sends', () => {
  const due = (activity: Partial<Activity>) => needsRenewal(session('responder'), { ...QUIET, ...activity }, 1000);
  equal(due({ lastSent: 165_999, lastReceived: 179_000 }), false);
  equal(due({ lastSent: 166_000 }), true);
});

test('a steady stream of data puts off neither the keep-alive nor the alarm about silence', () => {
  const receiving = new SilenceTimers();
  const sending = new SilenceTimers();
  for (let now = 1000; now < 11_000; now += 500) {
    const heard = receiving.handle({ ...QUIET, lastDataReceived: now, lastReceived: now, lastSent: 900 }, now);
    equal(heard.keepAlive, false);
    equal(sending.handle({ ...QUIET, lastDataSent: now, lastSent: now, lastReceived: 900 }, now).handshake, false);
  }
  ok(receiving.handle({ ...QUIET, lastDataReceived: 10_900, lastSent: 900 }, 11_000).keepAlive);
  equal(sending.handle({ ...QUIET, lastDataSent: 15_500, lastReceived: 900 }, 15_999).handshake, false);
  ok(sending.handle({ ...QUIET, lastDataSent: 15_500, lastReceived: 900 }, 16_000).handshake);
  equal(sending.handle({ ...QUIET, lastDataSent: 15_500, lastReceived: 900 }, 60_000).handshake, false);
});

test('with traffic the initiator renews the session at 120 s, and not a packet is lost', () => {
  const world = new World('rekey');
  const [a, b] = world.pair();
  a.peer.device.initiate(1, world.now);
  world.runUntil(200);
  world.every(100, 400_200, () => {
    a.peer.send(1, PACKET, world.now);
    b.peer.send(1, PACKET, world.now);
  });
  world.runUntil(401_000);
  const sessions = a.peer.events('session 1 initiator');
  equal(sessions.length, 4, world.printTrace());
  for (const [i, at] of sessions.slice(1).entries()) {
    const age = at - (sessions[i] ?? 0);
    ok(age >= 120_000 && age < 121_500, `${age}`);
  }
  equal(a.peer.events('session 1 responder').length, 0);
  equal(a.received.length, 4000);
  equal(b.received.length, 4000);
  ok(a.peer.sessions.size <= 2 && b.peer.sessions.size <= 3);
});

test('an initiator that has nothing to send renews the session by its keep-alives', () => {
  const world = new World('receive');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  world.runUntil(200);
  world.every(1000, 175_200, () => b.peer.send(1, PACKET, world.now));
  world.runUntil(200_000);
  const [, second = 0] = a.peer.events('session 1 initiator');
  ok(second > 120_000 && second < 133_000, `${second}`);
  equal(a.received.length, 175);
});

test('without traffic both sides forget the session at 180 s and wake for nothing more', () => {
  const world = new World('reject');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  world.runUntil(179_000);
  deepEqual([a.peer.sessions.size, b.peer.sessions.size], [1, 1]);
  const traffic = world.trace.length;
  world.runUntil(181_000);
  for (const { peer } of [a, b]) {
    equal(peer.sessions.size, 0);
    equal(peer.device.sessionState(1), 'none');
    equal(peer.device.wakeAt(), null);
  }
  equal(world.trace.length, traffic, 'an idle session is not renewed');
});

test('a handshake without answer is retried about every 5 s and given up after 90 s', () => {
  const world = new World('give up');
  const [a] = world.pair();
  world.loss = 1;
  a.peer.send(1, PACKET, world.now);
  world.runUntil(300_000);
  const tries = a.peer.events('initiation');
  equal(tries.length, 18);
  for (const [i, at] of tries.slice(1).entries()) {
    const gap = at - (tries[i] ?? 0);
    ok(gap >= 5000 && gap <= 5333, `${gap}`);
  }
  ok(new Set(tries.slice(1).map((at, i) => at - (tries[i] ?? 0))).size > 1, 'there is jitter');
  deepEqual(a.peer.events('failed'), [90_001]);
  equal(a.peer.device.wakeAt(), null);
});

test('the times between tries and until giving up can be set per peer', () => {
  const world = new World('set');
  const [a] = world.pair({ retry: 300, giveUp: 2000 });
  world.loss = 1;
  a.peer.device.initiate(1, world.now);
  world.runUntil(5000);
  deepEqual(a.peer.events('failed'), [2001]);
  equal(a.peer.events('initiation').length, 5);
});

test('a peer that is farther away than the time between tries is reached', () => {
  const world = new World('far');
  const [a] = world.pair({ retry: 1000, giveUp: 60_000 });
  world.delay = 1600;
  a.peer.device.initiate(1, world.now);
  world.runUntil(30_000);
  equal(a.peer.device.sessionState(1), 'established', world.printTrace());
  const tries = a.peer.events('initiation');
  const gaps = tries.slice(1).map((at, i) => at - (tries[i] ?? 0));
  ok(
    gaps.slice(0, 3).every((gap) => gap < 1100),
    'the first tries follow quickly',
  );
  ok(
    gaps.every((gap) => gap <= 5333),
    gaps.join(),
  );
});

test('who receives data and has nothing to say sends one keep-alive after 10 s', () => {
  const world = new World('passive');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  world.runUntil(5000);
  equal(b.peer.events('keepAlive').length, 0);
  world.runUntil(60_000);
  const [first = 0, ...more] = b.peer.events('keepAlive');
  ok(first >= 10_000 && first < 11_200, `${first}`);
  equal(more.length, 0);
  equal(a.peer.events('initiation').length, 1, 'the keep-alive told the sender that all is well');
});

test('who sends data and hears nothing for 15 s starts a new handshake', () => {
  const world = new World('silence');
  const [a, b] = world.pair();
  a.peer.send(1, PACKET, world.now);
  world.runUntil(15_000);
  b.address = 'gone';
  world.runUntil(20_000);
  a.peer.send(1, PACKET, world.now);
  world.runUntil(34_000);
  equal(a.peer.events('initiation').length, 1);
  world.runUntil(36_500);
  equal(a.peer.events('initiation').length, 2);
  b.address = 'b';
  world.runUntil(50_000);
  equal(a.peer.events('session').length, 2, world.printTrace());
});
