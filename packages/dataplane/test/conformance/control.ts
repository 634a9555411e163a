/** Control payloads, and errors of the caller. */
import assert from 'node:assert/strict';
import { PLANE_LIMITS } from '@kith/mesh';
import { control, direct, endpoint, keyOf, peerHandle, peerSpec, Rig, session, unsealed, viaHop } from '../rig.ts';
import { type Case, EMPTY, OTHER, joined, arrives, counters } from './bench.ts';

export const CONTROL: readonly Case[] = [
  [
    'a control payload leaves framed and comes up as type and body',
    (make) => {
      const body = Uint8Array.from({ length: 20 }, (_, i) => i);
      const rig = joined(make);
      assert.equal(rig.plane.sendControl(peerHandle(1), 15, body, null, 3), true);
      assert.deepEqual(unsealed(keyOf(1), rig.takeSent()[0]!.bytes).plaintext, control(15, body));
      arrives(rig, 0, control(1, body));
      assert.deepEqual(rig.takeReports()[1], [
        'control',
        1,
        Uint8Array.of(1, ...body),
        { kind: 'direct', endpoint: endpoint(1) },
        10,
      ]);
      assert.equal(counters(rig).lastDataReceived, 0, 'it carries no data');
    },
  ],
  [
    'a control payload goes by the path that is named, else by the own one of the peer',
    (make) => {
      const rig = joined(make);
      assert.equal(rig.plane.sendControl(peerHandle(1), 1, EMPTY, direct(40), 1), true);
      assert.equal(rig.plane.sendControl(peerHandle(1), 1, EMPTY, viaHop(41, OTHER), 1), true);
      assert.equal(rig.plane.sendControl(peerHandle(1), 1, EMPTY, null, 1), true);
      assert.deepEqual(
        rig.takeSent().map(({ bytes, to }) => [to, bytes[0]]),
        [
          [endpoint(40), 4],
          [endpoint(41), 5],
          [endpoint(1), 4],
        ],
      );
    },
  ],
  [
    'without a session that may send, or without a path, sendControl and sendKeepAlive say no',
    (make) => {
      const rig = new Rig(make);
      const one = peerHandle(1);
      rig.plane.setPeer(peerSpec(1, { path: null }), 0);
      assert.equal(rig.plane.sendControl(one, 1, EMPTY, direct(1), 1), false);
      rig.plane.setSession(session(1, 6, { role: 'responder' }), 1);
      assert.equal(rig.plane.sendControl(one, 1, EMPTY, direct(1), 1), false, 'not confirmed yet');
      rig.plane.setSession(session(1, 7), 1);
      assert.equal(rig.plane.sendControl(one, 1, EMPTY, null, 1), false);
      assert.equal(rig.plane.sendKeepAlive(one, 1), false);
      assert.equal(rig.plane.sendControl(one, 1, EMPTY, direct(1), 1), true);
      assert.equal(rig.plane.sendControl(one, 1, EMPTY, direct(1), 1_000_000), false, 'expired');
      assert.equal(rig.takeSent().length, 1);
    },
  ],
  [
    'the longest body passes in both directions, a longer one in none',
    (make) => {
      const rig = joined(make);
      const body = new Uint8Array(PLANE_LIMITS.controlBody).fill(7);
      assert.equal(rig.plane.sendControl(peerHandle(1), 1, body, viaHop(2, OTHER), 1), true);
      assert.equal(rig.takeSent()[0]!.bytes.length, 1280 - 40 - 8 - 12, 'the body is rounded to 16 with its header');
      assert.throws(() => rig.plane.sendControl(peerHandle(1), 1, Uint8Array.of(...body, 7), null, 1), RangeError);
      arrives(rig, 0, control(1, body));
      arrives(rig, 1, control(1, Uint8Array.of(...body, 7)));
      assert.deepEqual(rig.kinds(), ['confirmed', 'control']);
      assert.equal(rig.plane.counters().dropped.malformed, 1);
    },
  ],
  [
    'control payloads with a wrong type, length or padding are malformed',
    (make) => {
      const rig = joined(make);
      const long = control(1, Uint8Array.of(1, 2, 3));
      long[2] = 14;
      const dirty = control(1, Uint8Array.of(1, 2, 3));
      dirty[15] = 1;
      const wide = Uint8Array.of(...control(1, EMPTY), ...new Uint8Array(16));
      for (const [i, plaintext] of [control(0, EMPTY), long, dirty, wide, new Uint8Array(2).fill(1)].entries()) {
        arrives(rig, i, plaintext);
      }
      assert.deepEqual(rig.kinds(), ['confirmed']);
      assert.equal(rig.plane.counters().dropped.malformed, 5);
    },
  ],
  [
    'plaintexts that are neither IP nor control are malformed',
    (make) => {
      const rig = joined(make);
      const nibbles = [1, 2, 3, 5, 7, 8, 15];
      for (const [i, nibble] of nibbles.entries()) arrives(rig, i, new Uint8Array(64).fill(nibble * 16 + 5));
      assert.deepEqual(rig.takeWritten(), []);
      assert.equal(rig.plane.counters().dropped.malformed, nibbles.length);
    },
  ],
  [
    'handles that are not set and types out of range are errors of the caller',
    (make) => {
      const rig = joined(make);
      for (const type of [0, 16, 1.5]) {
        assert.throws(() => rig.plane.sendControl(peerHandle(1), type, EMPTY, null, 1), RangeError);
      }
      assert.throws(() => rig.plane.sendControl(peerHandle(2), 1, EMPTY, null, 1), RangeError);
      assert.throws(() => rig.plane.sendKeepAlive(peerHandle(2), 1), RangeError);
      assert.throws(() => rig.plane.setSession(session(2, 8), 1), RangeError);
      assert.throws(() => rig.plane.setSession(session(1, 7), 1), RangeError, 'the index is in use');
      assert.equal(rig.plane.peerCounters(peerHandle(2)), null);
      rig.plane.removePeer(peerHandle(2));
      rig.plane.removeSession(99);
    },
  ],
];
