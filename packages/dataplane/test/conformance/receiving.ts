/** Datagrams on their way in. */
import assert from 'node:assert/strict';
import { parsePrefix } from '@kith/core';
import { endpoint, handshake, ipv4, ipv6, keyOf, padded, peerSpec, sealed } from '../rig.ts';
import { type Case, EMPTY, joined, arrives, counters, fromPeer } from './bench.ts';

export const RECEIVING: readonly Case[] = [
  [
    'an IP packet of a peer is written without its padding, whatever the padding',
    (make) => {
      const rig = joined(make);
      const six = ipv6('fd00::1', 'fd00::9', 61);
      arrives(rig, 0, padded(fromPeer));
      arrives(rig, 1, fromPeer);
      arrives(rig, 2, padded(six));
      assert.deepEqual(rig.takeWritten(), [fromPeer, fromPeer, six]);
    },
  ],
  [
    'a source that does not belong to the peer is dropped, also one that belongs to another peer by a longer prefix',
    (make) => {
      const rig = joined(make, { allowed: [parsePrefix('10.0.0.0/8')] });
      rig.plane.setPeer(peerSpec(2), 0);
      arrives(rig, 0, padded(ipv4('10.0.0.2', '10.0.0.9')));
      arrives(rig, 1, padded(ipv4('11.0.0.1', '10.0.0.9')));
      arrives(rig, 2, padded(ipv6('fd00::1', 'fd00::9')));
      assert.deepEqual(rig.takeWritten(), []);
      assert.equal(rig.plane.counters().dropped.foreignSource, 3);
      arrives(rig, 3, padded(ipv4('10.0.0.3', '10.0.0.9')));
      assert.equal(rig.takeWritten().length, 1);
    },
  ],
  [
    'an IP packet that comes in through a closed gate is dropped and counted',
    (make) => {
      const rig = joined(make, { gate: 'closed' });
      arrives(rig, 0, padded(fromPeer));
      assert.deepEqual(rig.takeWritten(), []);
      assert.equal(rig.plane.counters().dropped.gateClosed, 1);
      assert.equal(counters(rig).lastDataReceived, 10);
    },
  ],
  [
    'IP packets whose own length does not fit the message are malformed',
    (make) => {
      const rig = joined(make);
      const long = Uint8Array.from(padded(fromPeer));
      long[3] = 49;
      const short = Uint8Array.from(padded(fromPeer));
      short[3] = 19;
      const six = Uint8Array.from(padded(ipv6('fd00::1', 'fd00::9')));
      six[5] = 25;
      for (const [i, plaintext] of [long, short, six, new Uint8Array(16).fill(0x45)].entries()) {
        arrives(rig, i, plaintext);
      }
      assert.deepEqual(rig.takeWritten(), []);
      assert.equal(rig.plane.counters().dropped.malformed, 4);
    },
  ],
  [
    'a keep-alive is taken in and nothing else happens',
    (make) => {
      const rig = joined(make);
      arrives(rig, 0, EMPTY);
      assert.deepEqual(rig.kinds(), ['confirmed']);
      const { receivedPackets, receivedBytes, lastReceived, lastDataReceived } = counters(rig);
      assert.deepEqual([receivedPackets, receivedBytes, lastReceived, lastDataReceived], [1, 32, 10, 0]);
    },
  ],
  [
    'handshake messages of exact length come up untouched, with their origin',
    (make) => {
      const rig = joined(make);
      for (const type of [1, 2, 3] as const) {
        rig.plane.handleDatagram(handshake(type), endpoint(50), type);
        assert.deepEqual(rig.takeReports(), [
          ['handshake', handshake(type), { kind: 'direct', endpoint: endpoint(50) }, type],
        ]);
        rig.plane.handleDatagram(handshake(type).subarray(1), endpoint(50), type);
        rig.plane.handleDatagram(Uint8Array.of(...handshake(type), 0), endpoint(50), type);
      }
      assert.deepEqual(rig.takeReports(), []);
      assert.equal(rig.plane.counters().dropped.malformed, 6);
    },
  ],
  [
    'datagrams of no known type, with reserved bytes set or too short are malformed',
    (make) => {
      const rig = joined(make);
      const reserved = sealed(keyOf(2), 7, 0, EMPTY);
      reserved[2] = 1;
      const datagrams = [EMPTY, Uint8Array.of(4), new Uint8Array(64), new Uint8Array(200).fill(0xff), reserved];
      datagrams.push(sealed(keyOf(2), 7, 0, EMPTY).subarray(0, 31));
      for (const bytes of datagrams) rig.plane.handleDatagram(bytes, endpoint(1), 1);
      assert.equal(rig.plane.counters().dropped.malformed, datagrams.length);
      assert.deepEqual(rig.takeReports(), []);
    },
  ],
  [
    'an unknown index and a message that does not open are counted apart, and neither is reported',
    (make) => {
      const rig = joined(make);
      rig.plane.handleDatagram(sealed(keyOf(2), 8, 0, EMPTY), endpoint(1), 1);
      rig.plane.handleDatagram(sealed(keyOf(3), 7, 0, EMPTY), endpoint(1), 1);
      const { dropped } = rig.plane.counters();
      assert.deepEqual([dropped.unknownIndex, dropped.unauthentic], [1, 1]);
      assert.deepEqual(rig.takeReports(), []);
      assert.equal(counters(rig).receivedPackets, 0);
    },
  ],
  [
    'a message is taken in once, in any order within 8192 counters, and not below',
    (make) => {
      const rig = joined(make);
      for (const counter of [5, 3, 8195, 5, 4, 8194, 8195]) arrives(rig, counter, EMPTY);
      assert.equal(counters(rig).receivedPackets, 5, '5 and 8195 came twice');
      for (const counter of [8199, 7, 8]) arrives(rig, counter, EMPTY);
      assert.equal(counters(rig).receivedPackets, 7, '7 is 8192 behind the greatest');
      assert.equal(rig.plane.counters().dropped.replayed, 3);
    },
  ],
  [
    'a forged message moves no replay window',
    (make) => {
      const rig = joined(make);
      rig.plane.handleDatagram(sealed(keyOf(9), 7, 100_000, EMPTY), endpoint(1), 1);
      arrives(rig, 0, EMPTY);
      assert.equal(counters(rig).receivedPackets, 1);
    },
  ],
  [
    'counters that no session may reach count as replayed, although they are authentic',
    (make) => {
      const rig = joined(make);
      for (const counter of [2n ** 64n - 1n, 2n ** 53n, 2n ** 53n - 2n ** 13n - 1n]) arrives(rig, counter, EMPTY);
      assert.equal(rig.plane.counters().dropped.replayed, 3);
      arrives(rig, 2n ** 53n - 2n ** 13n - 2n, EMPTY);
      arrives(rig, 2n ** 32n, EMPTY);
      assert.equal(counters(rig).receivedPackets, 1);
      assert.equal(rig.plane.counters().dropped.replayed, 4);
    },
  ],
];
