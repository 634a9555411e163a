/** Deadlines and counters. */
import assert from 'node:assert/strict';
import {
  direct,
  endpoint,
  handshake,
  keyOf,
  padded,
  peerHandle,
  peerSpec,
  relayFrame,
  Rig,
  session,
  unsealed,
} from '../rig.ts';
import { type Case, EMPTY, OTHER, THIRD, joined, arrives, counters, toPeer, fromPeer, relaying } from './bench.ts';

export const TIMES: readonly Case[] = [
  [
    'keep-alives leave when nothing else was sent for the interval, and the plane asks to be woken for them',
    (make) => {
      const rig = joined(make, { keepAlive: 25 });
      assert.equal(rig.plane.wakeAt(), 25_000);
      rig.plane.handlePacket(toPeer, 10_000);
      rig.takeSent();
      rig.plane.tick(25_000);
      assert.deepEqual(rig.takeSent(), []);
      assert.equal(rig.plane.wakeAt(), 35_000);
      rig.plane.tick(35_000);
      const [sent] = rig.takeSent();
      assert.deepEqual(unsealed(keyOf(1), sent!.bytes), { receiver: 1007, counter: 1, plaintext: EMPTY });
      assert.equal(rig.plane.wakeAt(), 60_000);
      assert.equal(counters(rig).lastDataSent, 10_000);
    },
  ],
  [
    'without a session or a path no keep-alive leaves and none is waited for',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1, { keepAlive: 25 }), 0);
      assert.equal(rig.plane.wakeAt(), null);
      rig.plane.setPeer(peerSpec(1, { keepAlive: 25, path: null }), 0);
      rig.plane.setSession(session(1, 7), 0);
      assert.equal(rig.plane.wakeAt(), 1_000_000);
      rig.plane.tick(30_000);
      assert.deepEqual(rig.takeSent(), []);
      rig.plane.setPeer(peerSpec(1, { keepAlive: 25 }), 30_000);
      rig.plane.tick(30_000);
      assert.equal(rig.takeSent().length, 1, 'it is overdue');
    },
  ],
  [
    'the interval of keep-alives that are switched on counts from then',
    (make) => {
      const rig = joined(make);
      rig.plane.setPeer(peerSpec(1, { keepAlive: 25 }), 50_000);
      assert.equal(rig.plane.wakeAt(), 75_000);
      rig.plane.setPeer(peerSpec(1, { keepAlive: 25, path: direct(9) }), 60_000);
      assert.equal(rig.plane.wakeAt(), 75_000);
      rig.plane.tick(75_000);
      assert.equal(rig.takeSent()[0]?.to, endpoint(9));
    },
  ],
  [
    'a tick at the very deadline meets it, whatever fractions the clock has',
    (make) => {
      for (let i = 1; i < 200; i++) {
        const now = (i * 1000) / 7 + i / 3;
        const rig = relaying(make);
        rig.plane.setPeer(peerSpec(1, { keepAlive: 25 }), now);
        rig.plane.handleDatagram(relayFrame(8, THIRD, OTHER, handshake(1)), endpoint(1), now);
        for (let ticks = 0; ticks < 3; ticks++) {
          const wake = rig.plane.wakeAt();
          assert(wake !== null);
          rig.plane.tick(wake);
          assert((rig.plane.wakeAt() ?? Number.POSITIVE_INFINITY) > wake, `still due at ${wake}`);
        }
        assert.deepEqual([rig.plane.counters().dropped.relayRefused, rig.takeSent().length], [1, 2]);
      }
    },
  ],
  [
    'the counters of a peer say what went and when',
    (make) => {
      const rig = joined(make);
      rig.plane.handlePacket(toPeer, 5);
      rig.plane.sendKeepAlive(peerHandle(1), 6);
      arrives(rig, 0, padded(fromPeer), 8);
      arrives(rig, 1, EMPTY, 9);
      assert.deepEqual(counters(rig), {
        sentBytes: 80 + 32,
        sentPackets: 2,
        receivedBytes: 80 + 32,
        receivedPackets: 2,
        lastDataSent: 5,
        lastDataReceived: 8,
        lastReceived: 9,
        lastSent: 6,
        currentSendCounter: 2,
        currentIndex: 7,
        queued: 0,
      });
    },
  ],
  [
    'the counters of the plane start at 0 and a copy of them does not change',
    (make) => {
      const rig = joined(make);
      const before = rig.plane.counters();
      assert.deepEqual(
        Object.values(before.dropped),
        Array.from({ length: 9 }, () => 0),
      );
      rig.plane.handleDatagram(EMPTY, endpoint(1), 1);
      assert.equal(before.dropped.malformed, 0);
    },
  ],
];
