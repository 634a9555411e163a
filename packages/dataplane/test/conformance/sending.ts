/** Packets of this machine on their way out. */
import assert from 'node:assert/strict';
import { parsePrefix } from '@kith/core';
import { PLANE_LIMITS } from '@kith/mesh';
import {
  direct,
  endpoint,
  handshake,
  ipv4,
  ipv6,
  keyOf,
  padded,
  peerHandle,
  peerSpec,
  relayFrame,
  Rig,
  session,
  unsealed,
  viaHop,
} from '../rig.ts';
import { type Case, EMPTY, SELF, OTHER, THIRD, joined, toPeer } from './bench.ts';

export const SENDING: readonly Case[] = [
  [
    'an IP packet leaves sealed, padded with zeros to 16, with counters from 0 and the remote index',
    (make) => {
      const rig = joined(make);
      rig.plane.handlePacket(toPeer, 5);
      rig.plane.handlePacket(toPeer, 6);
      const sent = rig.takeSent();
      assert.deepEqual(
        sent.map(({ to }) => to),
        [endpoint(1), endpoint(1)],
      );
      for (const [i, { bytes }] of sent.entries()) {
        assert.deepEqual([...bytes.subarray(0, 4)], [4, 0, 0, 0]);
        assert.deepEqual(unsealed(keyOf(1), bytes), { receiver: 1007, counter: i, plaintext: padded(toPeer) });
      }
    },
  ],
  [
    'bytes behind the length that the IP header names do not leave',
    (make) => {
      const rig = joined(make);
      rig.plane.handlePacket(Uint8Array.of(...toPeer, 1, 2, 3), 5);
      assert.deepEqual(unsealed(keyOf(1), rig.takeSent()[0]!.bytes).plaintext, padded(toPeer));
    },
  ],
  [
    'the longest prefix decides who gets a packet, for both families',
    (make) => {
      const rig = new Rig(make);
      const prefixes = [
        ['0.0.0.0/0', '::/0'],
        ['10.0.0.0/8', 'fd00::/16'],
        ['10.1.0.0/16', 'fd00:1::/32'],
        ['10.1.2.3/32', 'fd00:1::3/128'],
      ];
      for (const [i, allowed] of prefixes.entries()) {
        rig.plane.setPeer(peerSpec(i + 1, { allowed: allowed.map((text) => parsePrefix(text)) }), 0);
        rig.plane.setSession(session(i + 1, i + 1), 0);
      }
      const to = (...packets: Uint8Array[]) => {
        for (const packet of packets) rig.plane.handlePacket(packet, 1);
        return rig.takeSent().map((sent) => sent.to);
      };
      const four = ['192.0.2.200', '10.9.9.9', '10.1.9.9', '10.1.2.3', '10.1.2.2'];
      const six = ['2001:db8::1', 'fd00:9::9', 'fd00:1::9', 'fd00:1::3', 'fd00:1::2'];
      const expected = [1, 2, 3, 4, 3].map(endpoint);
      assert.deepEqual(to(...four.map((address) => ipv4('10.0.0.9', address))), expected);
      assert.deepEqual(to(...six.map((address) => ipv6('fd00::9', address))), expected);
    },
  ],
  [
    'a prefix belongs to the peer that was set with it last, and is not lost when the earlier one goes',
    (make) => {
      const rig = new Rig(make);
      const allowed = [parsePrefix('10.7.0.0/16')];
      for (const n of [1, 2]) {
        rig.plane.setPeer(peerSpec(n, { allowed }), 0);
        rig.plane.setSession(session(n, n), 0);
      }
      rig.plane.setPeer(peerSpec(1, { allowed: [] }), 1);
      rig.plane.handlePacket(ipv4('10.0.0.9', '10.7.0.1'), 2);
      rig.plane.removePeer(peerHandle(1));
      rig.plane.handlePacket(ipv4('10.0.0.9', '10.7.0.1'), 3);
      assert.deepEqual(
        rig.takeSent().map(({ to }) => to),
        [endpoint(2), endpoint(2)],
      );
    },
  ],
  [
    'setting a peer again replaces its prefixes and its path and keeps its sessions',
    (make) => {
      const rig = joined(make);
      rig.plane.setPeer(peerSpec(1, { allowed: [parsePrefix('10.5.0.0/16')], path: direct(8) }), 1);
      rig.plane.handlePacket(toPeer, 2);
      rig.plane.handlePacket(ipv4('10.0.0.9', '10.5.1.1'), 2);
      assert.deepEqual(
        rig.takeSent().map(({ to }) => to),
        [endpoint(8)],
      );
      assert.equal(rig.plane.counters().dropped.noRoute, 1);
    },
  ],
  [
    'a packet for nobody counts as without route, what is no IP packet as malformed',
    (make) => {
      const rig = joined(make);
      rig.plane.handlePacket(ipv4('10.0.0.9', '10.0.0.77'), 1);
      rig.plane.handlePacket(ipv6('fd00::9', 'fd00::77'), 1);
      const cut = toPeer.subarray(0, 39);
      const short = Uint8Array.from(toPeer);
      short[3] = 19;
      for (const packet of [EMPTY, Uint8Array.of(0x45), cut, short, new Uint8Array(40).fill(0x33)]) {
        rig.plane.handlePacket(packet, 1);
      }
      assert.deepEqual(rig.takeSent(), []);
      const { dropped } = rig.plane.counters();
      assert.deepEqual([dropped.noRoute, dropped.malformed], [2, 5]);
    },
  ],
  [
    'a relay path wraps what is sent: type 5, full time to live, flags 0, destination, self',
    (make) => {
      const rig = joined(make, { path: viaHop(3, OTHER) });
      rig.plane.handlePacket(toPeer, 1);
      const [sent] = rig.takeSent();
      assert.equal(sent!.to, endpoint(3));
      const message = sent!.bytes.subarray(20);
      assert.deepEqual(sent!.bytes, relayFrame(PLANE_LIMITS.ttl, OTHER, SELF, message));
      assert.deepEqual(unsealed(keyOf(1), message).plaintext, padded(toPeer));
    },
  ],
  [
    'a new own id stands in what is relayed from then on',
    (make) => {
      const rig = joined(make, { path: viaHop(3, OTHER) });
      rig.plane.setSelf(THIRD);
      rig.plane.handlePacket(toPeer, 1);
      const { bytes } = rig.takeSent()[0]!;
      assert.deepEqual(bytes.subarray(0, 20), relayFrame(PLANE_LIMITS.ttl, OTHER, THIRD, EMPTY));
    },
  ],
  [
    'sendMessage sends the bytes as they are, or wrapped for a relay',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setSelf(SELF);
      rig.plane.sendMessage(handshake(1), direct(4), 1);
      rig.plane.sendMessage(handshake(2), viaHop(5, OTHER), 1);
      assert.deepEqual(rig.takeSent(), [
        { bytes: handshake(1), to: endpoint(4) },
        { bytes: relayFrame(8, OTHER, SELF, handshake(2)), to: endpoint(5) },
      ]);
    },
  ],
];
