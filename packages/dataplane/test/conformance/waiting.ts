/** Packets that wait for a session, a path or the gate. */
import assert from 'node:assert/strict';
import { PLANE_LIMITS } from '@kith/mesh';
import { control, ipv4, keyOf, padded, peerHandle, peerSpec, Rig, session, unsealed } from '../rig.ts';
import { type Case, joined, arrives, counters, toPeer } from './bench.ts';

export const QUEUE: readonly Case[] = [
  [
    'a packet without a session waits and is reported at most once a second',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      for (const now of [0, 1, 999, 1000, 1500, 2100]) rig.plane.handlePacket(toPeer, now);
      assert.deepEqual(rig.takeReports(), [
        ['noSession', 1, 0],
        ['noSession', 1, 1000],
        ['noSession', 1, 2100],
      ]);
      assert.equal(counters(rig).queued, 6);
      assert.deepEqual(rig.takeSent(), []);
    },
  ],
  [
    'waiting packets leave in their order when a session comes, and later ones behind them',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      const packets = [40, 60, 80, 100].map((size) => ipv4('10.0.0.9', '10.0.0.1', size));
      for (const packet of packets.slice(0, 3)) rig.plane.handlePacket(packet, 1);
      rig.plane.setSession(session(1, 7), 2);
      rig.plane.handlePacket(packets[3]!, 3);
      assert.deepEqual(
        rig.takeSent().map(({ bytes }) => unsealed(keyOf(1), bytes).plaintext),
        packets.map(padded),
      );
      assert.equal(counters(rig).queued, 0);
    },
  ],
  [
    'a packet that waits is the one that came, although its buffer is used again',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      const buffer = Uint8Array.from(toPeer);
      rig.plane.handlePacket(buffer, 1);
      buffer.fill(0);
      rig.plane.setSession(session(1, 7), 2);
      assert.deepEqual(unsealed(keyOf(1), rig.takeSent()[0]!.bytes).plaintext, padded(toPeer));
    },
  ],
  [
    'packets wait for a path and for the gate, and leave when the peer is set with both',
    (make) => {
      const rig = joined(make, { path: null, gate: 'closed' });
      rig.plane.handlePacket(toPeer, 1);
      rig.plane.setPeer(peerSpec(1, { gate: 'closed' }), 2);
      assert.deepEqual(rig.takeSent(), []);
      rig.plane.setPeer(peerSpec(1, { path: null }), 3);
      assert.deepEqual(rig.takeSent(), []);
      assert.deepEqual(rig.takeReports(), [], 'there is a session');
      rig.plane.setPeer(peerSpec(1), 4);
      assert.equal(rig.takeSent().length, 1);
      assert.equal(counters(rig).lastDataSent, 4);
    },
  ],
  [
    'the oldest packet goes when the queue is full',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      const count = PLANE_LIMITS.queuePerPeer + 3;
      for (let i = 0; i < count; i++) rig.plane.handlePacket(ipv4('10.0.0.9', '10.0.0.1', 20 + 16 * i), 1);
      assert.equal(counters(rig).queued, PLANE_LIMITS.queuePerPeer);
      assert.equal(rig.plane.counters().dropped.queueFull, 3);
      rig.plane.setSession(session(1, 7), 2);
      const first = unsealed(keyOf(1), rig.takeSent()[0]!.bytes).plaintext;
      assert.deepEqual(first, padded(ipv4('10.0.0.9', '10.0.0.1', 20 + 16 * 3)));
    },
  ],
  [
    'a closed gate holds no control payload and no keep-alive back',
    (make) => {
      const rig = joined(make, { gate: 'closed' });
      assert.equal(rig.plane.sendControl(peerHandle(1), 3, Uint8Array.of(1), null, 1), true);
      assert.equal(rig.plane.sendKeepAlive(peerHandle(1), 1), true);
      assert.equal(rig.takeSent().length, 2);
      arrives(rig, 0, control(2, Uint8Array.of(9)));
      assert.deepEqual(rig.kinds(), ['confirmed', 'control']);
    },
  ],
];
