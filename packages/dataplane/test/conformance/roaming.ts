/** Messages that come by another way than the path. */
import assert from 'node:assert/strict';
import { control, direct, endpoint, keyOf, padded, peerHandle, peerSpec, relayFrame, sealed, viaHop } from '../rig.ts';
import { type Case, EMPTY, SELF, OTHER, THIRD, joined, arrives, fromPeer } from './bench.ts';

export const ROAMING: readonly Case[] = [
  [
    'a message by the path of the peer is no roaming, by another endpoint it is',
    (make) => {
      const rig = joined(make);
      arrives(rig, 0, EMPTY, 10, 1);
      assert.deepEqual(rig.kinds(), ['confirmed']);
      arrives(rig, 1, EMPTY, 11, 2);
      assert.deepEqual(rig.takeReports(), [['roamed', 1, { kind: 'direct', endpoint: endpoint(2) }, 11]]);
    },
  ],
  [
    'the same way is reported once a second, another way at once',
    (make) => {
      const rig = joined(make);
      const ways = [
        [2, 0],
        [2, 500],
        [3, 600],
        [3, 1599],
        [3, 1600],
        [2, 1700],
      ] as const;
      for (const [i, [from, now]] of ways.entries()) arrives(rig, i, EMPTY, now, from);
      const roamed = rig.takeReports().filter(([kind]) => kind === 'roamed');
      assert.deepEqual(
        roamed.map((report) => report[3]),
        [0, 600, 1600, 1700],
      );
    },
  ],
  [
    'without a path every way is news; over a relay the hop decides and not what the frame claims as source',
    (make) => {
      const rig = joined(make, { path: null });
      rig.plane.setRelaySources([endpoint(3)]);
      const relayed = (counter: number, src: string) =>
        rig.plane.handleDatagram(
          relayFrame(1, SELF, src === 'other' ? OTHER : THIRD, sealed(keyOf(2), 7, counter, EMPTY)),
          endpoint(3),
          counter,
        );
      relayed(0, 'other');
      assert.deepEqual(rig.takeReports()[1], ['roamed', 1, { kind: 'relay', hop: endpoint(3), src: OTHER }, 0]);
      rig.plane.setPeer(peerSpec(1, { path: viaHop(3, OTHER) }), 1);
      relayed(1, 'other');
      relayed(2, 'third');
      assert.deepEqual(rig.takeReports(), []);
      rig.plane.setPeer(peerSpec(1, { path: viaHop(4, OTHER) }), 2);
      relayed(2000, 'other');
      assert.deepEqual(rig.kinds(), ['roamed'], 'another hop is another way');
      rig.plane.setPeer(peerSpec(1, { path: direct(3) }), 3);
      relayed(5000, 'other');
      assert.deepEqual(rig.kinds(), ['roamed'], 'a relayed message is not the direct path to its hop');
    },
  ],
  [
    'a message that is not authentic or was seen before is no roaming',
    (make) => {
      const rig = joined(make);
      arrives(rig, 0, EMPTY);
      rig.takeReports();
      arrives(rig, 0, EMPTY, 11, 66);
      rig.plane.handleDatagram(sealed(keyOf(9), 7, 5, EMPTY), endpoint(66), 12);
      assert.deepEqual(rig.takeReports(), []);
    },
  ],
  [
    'an event may remove the peer: nothing more of the message is used',
    (make) => {
      for (const [event, seen] of [
        ['confirmed', ['confirmed']],
        ['roamed', ['confirmed', 'roamed']],
      ] as const) {
        for (const plaintext of [padded(fromPeer), control(1, EMPTY)]) {
          const rig = joined(make);
          rig.onReport = ([kind]) => {
            if (kind === event) rig.plane.removePeer(peerHandle(1));
          };
          arrives(rig, 0, plaintext, 10, 2);
          assert.deepEqual(rig.kinds(), seen);
          assert.deepEqual(rig.takeWritten(), []);
          assert.equal(rig.plane.counters().dropped.foreignSource, 0);
        }
      }
    },
  ],
];
