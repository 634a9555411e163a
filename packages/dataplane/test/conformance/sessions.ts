/** Sessions from their first message to their end. */
import assert from 'node:assert/strict';
import { control, endpoint, keyOf, padded, peerHandle, peerSpec, Rig, sealed, session, unsealed } from '../rig.ts';
import { type Case, EMPTY, joined, arrives, counters, toPeer, fromPeer } from './bench.ts';

export const SESSIONS: readonly Case[] = [
  [
    'a responder sends with a session only after a message came in on it; then what waited leaves',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      rig.plane.setSession(session(1, 7, { role: 'responder' }), 0);
      rig.plane.handlePacket(toPeer, 1);
      assert.deepEqual(rig.kinds(), ['noSession']);
      assert.deepEqual(rig.takeSent(), []);
      arrives(rig, 0, EMPTY);
      assert.equal(rig.takeSent().length, 1);
      assert.deepEqual(rig.takeReports(), [['confirmed', 1, 7, 10]]);
      assert.equal(counters(rig).currentIndex, 7);
    },
  ],
  [
    'a session is confirmed once, before what the message carries comes up',
    (make) => {
      const rig = joined(make);
      arrives(rig, 0, control(1, EMPTY), 10, 9);
      arrives(rig, 1, control(1, EMPTY), 11, 9);
      assert.deepEqual(rig.kinds(), ['confirmed', 'roamed', 'control', 'control']);
    },
  ],
  [
    'after a rekey the new session sends and the previous one still receives',
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8, { sendKey: keyOf(3), receiveKey: keyOf(4) }), 1);
      rig.plane.handlePacket(toPeer, 2);
      assert.equal(unsealed(keyOf(3), rig.takeSent()[0]!.bytes).receiver, 1008);
      arrives(rig, 0, padded(fromPeer));
      rig.plane.handleDatagram(sealed(keyOf(4), 8, 0, padded(fromPeer)), endpoint(1), 11);
      assert.equal(rig.takeWritten().length, 2);
      assert.equal(counters(rig).currentIndex, 8);
    },
  ],
  [
    'a message on the previous session promotes nothing',
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8), 1);
      arrives(rig, 0, EMPTY);
      assert.equal(counters(rig).currentIndex, 8);
    },
  ],
  [
    'a second rekey ends the session before the previous one',
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8), 1);
      rig.plane.setSession(session(1, 9), 2);
      arrives(rig, 0, EMPTY);
      assert.equal(rig.plane.counters().dropped.unknownIndex, 1);
      rig.plane.setSession(session(1, 7), 3);
    },
  ],
  [
    'while a next session waits the current one sends; a promotion makes it the previous one',
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8, { role: 'responder', receiveKey: keyOf(4) }), 1);
      assert.equal(counters(rig).currentIndex, 7);
      rig.plane.handleDatagram(sealed(keyOf(4), 8, 0, EMPTY), endpoint(1), 2);
      assert.equal(counters(rig).currentIndex, 8);
      arrives(rig, 0, EMPTY, 3);
      assert.equal(counters(rig).receivedPackets, 2);
    },
  ],
  [
    'a new next session drops the old next and the previous one',
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8), 1);
      rig.plane.setSession(session(1, 9, { role: 'responder' }), 2);
      rig.plane.setSession(session(1, 10, { role: 'responder' }), 3);
      for (const index of [7, 9, 8, 10]) {
        rig.plane.handleDatagram(sealed(keyOf(2), index, 0, EMPTY), endpoint(1), 4);
      }
      assert.equal(rig.plane.counters().dropped.unknownIndex, 2);
      assert.equal(counters(rig).currentIndex, 10);
    },
  ],
  [
    "an initiator's session makes a waiting next session the previous one",
    (make) => {
      const rig = joined(make);
      rig.plane.setSession(session(1, 8, { role: 'responder' }), 1);
      rig.plane.setSession(session(1, 9), 2);
      rig.plane.handleDatagram(sealed(keyOf(2), 7, 0, EMPTY), endpoint(1), 3);
      assert.equal(rig.plane.counters().dropped.unknownIndex, 1);
      rig.plane.handleDatagram(sealed(keyOf(2), 8, 0, EMPTY), endpoint(1), 3);
      assert.deepEqual(rig.takeReports(), [['confirmed', 1, 8, 3]]);
      assert.equal(counters(rig).currentIndex, 9);
    },
  ],
  [
    'a session that expired neither sends nor receives, even before the tick that drops it',
    (make) => {
      const rig = joined(make, {}, { expiresAt: 100 });
      rig.plane.handlePacket(toPeer, 99);
      arrives(rig, 0, EMPTY, 99);
      assert.equal(rig.takeSent().length, 1);
      rig.plane.handlePacket(toPeer, 100);
      arrives(rig, 1, EMPTY, 100);
      assert.deepEqual(rig.takeSent(), []);
      assert.deepEqual(rig.kinds(), ['confirmed', 'noSession']);
      assert.equal(rig.plane.counters().dropped.unknownIndex, 1);
    },
  ],
  [
    'the plane asks to be woken when a session expires, drops it then, and reports packets that wait',
    (make) => {
      const rig = joined(make, { gate: 'closed' }, { expiresAt: 100 });
      rig.plane.handlePacket(toPeer, 1);
      assert.equal(rig.plane.wakeAt(), 100);
      rig.plane.tick(99);
      assert.equal(counters(rig).currentIndex, 7);
      rig.plane.tick(100);
      assert.equal(counters(rig).currentIndex, 0);
      assert.deepEqual(rig.takeReports(), [['noSession', 1, 100]]);
      assert.equal(rig.plane.wakeAt(), null);
    },
  ],
  [
    'a removed session is gone and its index free; a removed peer leaves nothing behind',
    (make) => {
      const rig = joined(make);
      rig.plane.removeSession(7);
      arrives(rig, 0, EMPTY);
      assert.equal(rig.plane.counters().dropped.unknownIndex, 1);
      rig.plane.setSession(session(1, 7), 2);
      rig.plane.removePeer(peerHandle(1));
      arrives(rig, 0, EMPTY);
      rig.plane.handlePacket(toPeer, 3);
      const { dropped } = rig.plane.counters();
      assert.deepEqual([dropped.unknownIndex, dropped.noRoute], [2, 1]);
      assert.equal(rig.plane.peerCounters(peerHandle(1)), null);
      rig.plane.setPeer(peerSpec(1), 4);
      rig.plane.setSession(session(1, 7), 4);
      assert.deepEqual(rig.takeSent(), [], 'the queue was forgotten');
    },
  ],
  [
    'the plane copies session keys',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      const sendKey = keyOf(1);
      const receiveKey = keyOf(2);
      rig.plane.setSession(session(1, 7, { sendKey, receiveKey }), 0);
      sendKey.fill(0);
      receiveKey.fill(0);
      rig.plane.handlePacket(toPeer, 1);
      arrives(rig, 0, EMPTY);
      assert.deepEqual(unsealed(keyOf(1), rig.takeSent()[0]!.bytes).plaintext, padded(toPeer));
      assert.equal(counters(rig).receivedPackets, 1);
    },
  ],
];
