/** Several planes at once. */
import assert from 'node:assert/strict';
import { endpoint, ipv4, ipv6, keyOf, peerSpec, Rig, session, viaHop } from '../rig.ts';
import { type Case, SELF, OTHER, THIRD } from './bench.ts';

export const TWO: readonly Case[] = [
  [
    'two planes with the keys of one handshake carry packets both ways, also through a third that relays',
    (make) => {
      const [a, b, relay] = [new Rig(make), new Rig(make), new Rig(make)];
      const keys = { sendKey: keyOf(11), receiveKey: keyOf(12) };
      const back = { sendKey: keyOf(12), receiveKey: keyOf(11), role: 'responder' } as const;
      a.plane.setSelf(SELF);
      b.plane.setSelf(OTHER);
      relay.plane.setSelf(THIRD);
      a.plane.setPeer(peerSpec(2, { path: viaHop(3, OTHER) }), 0);
      b.plane.setPeer(peerSpec(1, { path: viaHop(3, SELF) }), 0);
      a.plane.setSession(session(2, 21, { ...keys, remoteIndex: 22 }), 0);
      b.plane.setSession(session(1, 22, { ...back, remoteIndex: 21 }), 0);
      a.plane.setRelaySources([endpoint(3)]);
      b.plane.setRelaySources([endpoint(3)]);
      relay.plane.setRelaySources([endpoint(1), endpoint(2)]);
      relay.plane.setNextHop(SELF, endpoint(1));
      relay.plane.setNextHop(OTHER, endpoint(2));
      const rigs = new Map([a, b, relay].map((rig, i) => [endpoint(i + 1), rig]));
      const settle = () => {
        for (let moved = true; moved;) {
          moved = false;
          for (const [from, rig] of rigs) {
            for (const { bytes, to } of rig.takeSent()) {
              rigs.get(to)!.plane.handleDatagram(bytes, from, 1);
              moved = true;
            }
          }
        }
      };
      for (let i = 0; i < 50; i++) {
        a.plane.handlePacket(ipv4('10.0.0.1', '10.0.0.2', 20 + i), 1);
        settle();
        b.plane.handlePacket(ipv6('fd00::2', 'fd00::1', 40 + i), 1);
        settle();
      }
      assert.deepEqual(
        b.takeWritten(),
        Array.from({ length: 50 }, (_, i) => ipv4('10.0.0.1', '10.0.0.2', 20 + i)),
      );
      assert.deepEqual(
        a.takeWritten(),
        Array.from({ length: 50 }, (_, i) => ipv6('fd00::2', 'fd00::1', 40 + i)),
      );
      assert.equal(relay.plane.counters().relayedPackets, 100);
      assert.deepEqual([a.kinds(), b.kinds(), relay.kinds()], [['confirmed'], ['confirmed'], []]);
    },
  ],
];
