/**
 * What every data plane does, sentence by sentence of the contract in `@kith/mesh`. The cases are numbered so that a
 * port to another language can name them. Peers 1, 2, … live at 192.0.2.1, 192.0.2.2, … and own 10.0.0.n and fd00::n.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePrefix } from '@kith/core';
import { PLANE_LIMITS, type PlanePeer, type PlaneSession } from '@kith/mesh';
import {
  control,
  direct,
  endpoint,
  handshake,
  ipv4,
  ipv6,
  keyOf,
  nodeId,
  padded,
  peerHandle,
  peerSpec,
  relayFrame,
  Rig,
  sealed,
  session,
  unsealed,
  viaHop,
  type MakePlane,
} from './rig.ts';

type Case = readonly [sentence: string, run: (make: MakePlane) => void];

const EMPTY = new Uint8Array(0);
const SELF = nodeId(0xa);
const OTHER = nodeId(0xb);
const THIRD = nodeId(0xc);

/** A plane with peer 1 and a current session of it, local index 7. */
function joined(make: MakePlane, peer: Partial<PlanePeer> = {}, over: Partial<PlaneSession> = {}): Rig {
  const rig = new Rig(make);
  rig.plane.setSelf(SELF);
  rig.plane.setPeer(peerSpec(1, peer), 0);
  rig.plane.setSession(session(1, 7, over), 0);
  return rig;
}

/** Lets a message that peer 1 sealed come in. */
function arrives(rig: Rig, counter: number | bigint, plaintext: Uint8Array, now = 10, from = 1): void {
  rig.plane.handleDatagram(sealed(keyOf(2), 7, counter, plaintext), endpoint(from), now);
}

function counters(rig: Rig, peer = 1) {
  const found = rig.plane.peerCounters(peerHandle(peer));
  assert(found !== null);
  return found;
}

const toPeer = ipv4('10.0.0.9', '10.0.0.1');
const fromPeer = ipv4('10.0.0.1', '10.0.0.9');

const SENDING: readonly Case[] = [
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

const QUEUE: readonly Case[] = [
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

const RECEIVING: readonly Case[] = [
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

const CONTROL: readonly Case[] = [
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

const SESSIONS: readonly Case[] = [
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

const ROAMING: readonly Case[] = [
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

/** A plane that relays: hop 2 leads to OTHER, hops 1 and 2 may send frames. */
function relaying(make: MakePlane): Rig {
  const rig = joined(make);
  rig.plane.setRelaySources([endpoint(1), endpoint(2)]);
  rig.plane.setNextHop(OTHER, endpoint(2));
  return rig;
}

const RELAYING: readonly Case[] = [
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

const TIMES: readonly Case[] = [
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

const TWO: readonly Case[] = [
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

const CHAPTERS: Readonly<Record<string, readonly Case[]>> = {
  sending: SENDING,
  waiting: QUEUE,
  receiving: RECEIVING,
  control: CONTROL,
  sessions: SESSIONS,
  roaming: ROAMING,
  relaying: RELAYING,
  times: TIMES,
  together: TWO,
};

/** Registers every case for the implementation that `make` makes. */
export function conformance(name: string, make: MakePlane): void {
  describe(`${name}: contract of the data plane`, () => {
    for (const [chapter, cases] of Object.entries(CHAPTERS)) {
      for (const [i, [sentence, run]] of cases.entries()) {
        it(`${chapter} ${i + 1}: ${sentence}`, () => {
          run(make);
        });
      }
    }
  });
}
