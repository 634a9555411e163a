/** Frames of others. */
import assert from 'node:assert/strict';
import { PLANE_LIMITS } from '@kith/mesh';
import { control, endpoint, handshake, keyOf, nodeId, relayFrame, Rig, sealed, viaHop } from '../rig.ts';
import { type Case, EMPTY, SELF, OTHER, THIRD, counters, relaying } from './bench.ts';

export const RELAYING: readonly Case[] = [
  [
    'a frame for another member goes to its next hop with the time to live one less, and is counted',
    (make) => {
      const rig = relaying(make);
      const frame = relayFrame(8, OTHER, THIRD, handshake(1));
      const before = Uint8Array.from(frame);
      rig.plane.handleDatagram(frame, endpoint(1), 1);
      assert.deepEqual(rig.takeSent(), [{ bytes: relayFrame(7, OTHER, THIRD, handshake(1)), to: endpoint(2) }]);
      assert.deepEqual(frame, before);
      const { relayedPackets, relayedBytes } = rig.plane.counters();
      assert.deepEqual([relayedPackets, relayedBytes], [1, 168]);
      assert.deepEqual(rig.takeReports(), []);
    },
  ],
  [
    'a frame of type 4 for another member is forwarded although its index is known here',
    (make) => {
      const rig = relaying(make);
      const frame = relayFrame(2, OTHER, THIRD, sealed(keyOf(2), 7, 0, EMPTY));
      rig.plane.handleDatagram(frame, endpoint(1), 1);
      assert.equal(rig.takeSent().length, 1);
      assert.equal(counters(rig).receivedPackets, 0);
    },
  ],
  [
    'a frame for this node is opened, handshakes and transport alike, with hop and claimed source as origin',
    (make) => {
      const rig = relaying(make);
      const origin = { kind: 'relay', hop: endpoint(2), src: THIRD } as const;
      rig.plane.handleDatagram(relayFrame(0, SELF, THIRD, handshake(2)), endpoint(2), 1);
      rig.plane.handleDatagram(relayFrame(1, SELF, THIRD, sealed(keyOf(2), 7, 0, control(1, EMPTY))), endpoint(2), 2);
      assert.deepEqual(rig.takeReports(), [
        ['handshake', handshake(2), origin, 1],
        ['confirmed', 1, 7, 2],
        ['roamed', 1, origin, 2],
        ['control', 1, Uint8Array.of(1), origin, 2],
      ]);
      assert.equal(counters(rig).receivedBytes, 48, 'the relay header does not count');
    },
  ],
  [
    'frames from endpoints that are no relay sources are dropped unread, also malformed ones',
    (make) => {
      const rig = relaying(make);
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(3), 1);
      rig.plane.handleDatagram(relayFrame(8, SELF, THIRD, handshake(1)), endpoint(3), 1);
      rig.plane.handleDatagram(Uint8Array.of(5), endpoint(3), 1);
      assert.deepEqual([rig.takeSent(), rig.takeReports()], [[], []]);
      const { dropped } = rig.plane.counters();
      assert.deepEqual([dropped.relayRefused, dropped.malformed], [3, 0]);
      rig.plane.setRelaySources([endpoint(3)]);
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(1), 2);
      assert.deepEqual(rig.takeSent(), [], 'the list is replaced, not extended');
    },
  ],
  [
    'a frame whose time to live runs out is dropped; one that claims too much is cut',
    (make) => {
      const rig = relaying(make);
      for (const ttl of [0, 1]) rig.plane.handleDatagram(relayFrame(ttl, OTHER, THIRD, handshake(1)), endpoint(1), 1);
      assert.deepEqual(rig.takeSent(), []);
      assert.equal(rig.plane.counters().dropped.relayRefused, 2);
      rig.plane.handleDatagram(relayFrame(2, OTHER, THIRD, handshake(1)), endpoint(1), 1);
      rig.plane.handleDatagram(relayFrame(255, OTHER, THIRD, handshake(1)), endpoint(1), 1);
      assert.deepEqual(
        rig.takeSent().map(({ bytes }) => bytes[1]),
        [1, PLANE_LIMITS.ttl - 1],
      );
    },
  ],
  [
    'a frame never goes back to where it came from, and an own frame that comes back ends here',
    (make) => {
      const rig = relaying(make);
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(2), 1);
      rig.plane.handleDatagram(relayFrame(8, OTHER, SELF, handshake(1)), endpoint(1), 1);
      rig.plane.handleDatagram(relayFrame(8, SELF, SELF, handshake(1)), endpoint(1), 1);
      assert.deepEqual([rig.takeSent(), rig.takeReports()], [[], []]);
      assert.equal(rig.plane.counters().dropped.relayRefused, 3);
    },
  ],
  [
    'frames in frames, frames with flags and frames without a whole message are malformed',
    (make) => {
      const rig = relaying(make);
      const inner = relayFrame(8, OTHER, THIRD, handshake(1));
      const frames = [
        relayFrame(8, OTHER, THIRD, inner),
        relayFrame(8, SELF, THIRD, inner),
        relayFrame(8, OTHER, THIRD, handshake(1), 1),
        relayFrame(8, OTHER, THIRD, handshake(1), 256),
        relayFrame(8, OTHER, THIRD, handshake(1).subarray(1)),
        relayFrame(8, OTHER, THIRD, EMPTY),
        inner.subarray(0, 19),
        Uint8Array.of(5),
      ];
      for (const frame of frames) rig.plane.handleDatagram(frame, endpoint(1), 1);
      assert.deepEqual([rig.takeSent(), rig.takeReports()], [[], []]);
      assert.equal(rig.plane.counters().dropped.malformed, frames.length);
    },
  ],
  [
    'a destination without next hop is reported once a second, and only so many of them',
    (make) => {
      const rig = relaying(make);
      const frame = (n: number) => relayFrame(8, nodeId(n), THIRD, handshake(1));
      for (const now of [0, 999, 1000]) rig.plane.handleDatagram(frame(500), endpoint(1), now);
      assert.deepEqual(rig.takeReports(), [
        ['noNextHop', nodeId(500), 0],
        ['noNextHop', nodeId(500), 1000],
      ]);
      const limit = PLANE_LIMITS.noNextHopMemory;
      for (let n = 0; n < 2 * limit; n++) rig.plane.handleDatagram(frame(1000 + n), endpoint(1), 1000);
      assert.equal(rig.takeReports().length, limit - 1);
      rig.plane.handleDatagram(frame(9000), endpoint(1), 2000);
      assert.deepEqual(rig.takeReports(), [['noNextHop', nodeId(9000), 2000]]);
    },
  ],
  [
    'the first frame without next hop waits a second and goes on where the mesh sets one',
    (make) => {
      const rig = relaying(make);
      const frame = (ttl: number, dst = THIRD) => relayFrame(ttl, dst, OTHER, handshake(1));
      rig.plane.handleDatagram(frame(99), endpoint(1), 0);
      rig.plane.handleDatagram(frame(8), endpoint(1), 1);
      assert.equal(rig.plane.counters().dropped.relayRefused, 1, 'only one waits');
      rig.plane.setNextHop(THIRD, endpoint(2));
      rig.plane.setNextHop(THIRD, endpoint(2));
      assert.deepEqual(rig.takeSent(), [{ bytes: frame(PLANE_LIMITS.ttl - 1), to: endpoint(2) }]);
      assert.deepEqual([rig.plane.counters().relayedPackets, rig.plane.counters().dropped.relayRefused], [1, 1]);
    },
  ],
  [
    'a frame that waited in vain is dropped, and one that would go back as well',
    (make) => {
      const rig = relaying(make);
      const wait = (dst: number, now: number) =>
        rig.plane.handleDatagram(relayFrame(8, nodeId(dst), THIRD, handshake(1)), endpoint(1), now);
      wait(600, 0);
      wait(601, 500);
      rig.plane.setNextHop(nodeId(601), endpoint(1));
      assert.equal(rig.plane.counters().dropped.relayRefused, 1);
      assert.equal(rig.plane.wakeAt(), 1000);
      rig.plane.tick(1000);
      assert.equal(rig.plane.counters().dropped.relayRefused, 2);
      rig.plane.setNextHop(nodeId(600), endpoint(2));
      assert.deepEqual(rig.takeSent(), []);
    },
  ],
  [
    'the mesh may set the next hop while it is asked',
    (make) => {
      const rig = relaying(make);
      rig.onReport = (report) => {
        if (report[0] === 'noNextHop') rig.plane.setNextHop(report[1], endpoint(2));
      };
      rig.plane.handleDatagram(relayFrame(8, THIRD, OTHER, handshake(1)), endpoint(1), 0);
      assert.deepEqual(rig.takeSent(), [{ bytes: relayFrame(7, THIRD, OTHER, handshake(1)), to: endpoint(2) }]);
    },
  ],
  [
    'a next hop can be changed and forgotten',
    (make) => {
      const rig = relaying(make);
      rig.plane.setNextHop(OTHER, endpoint(4));
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(2), 1);
      assert.equal(rig.takeSent()[0]?.to, endpoint(4));
      rig.plane.setNextHop(OTHER, null);
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(2), 1);
      assert.deepEqual(rig.kinds(), ['noNextHop']);
    },
  ],
  [
    'a plane that does not know itself refuses every frame',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setRelaySources([endpoint(1)]);
      rig.plane.setNextHop(OTHER, endpoint(2));
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, handshake(1)), endpoint(1), 1);
      assert.deepEqual(rig.takeSent(), []);
      assert.equal(rig.plane.counters().dropped.relayRefused, 1);
      assert.throws(() => rig.plane.sendMessage(handshake(1), viaHop(1, OTHER), 1), RangeError);
    },
  ],
];
