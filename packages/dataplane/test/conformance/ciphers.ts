/** Two ciphers, one session: which seals what, and that nothing is taken twice. */
import assert from 'node:assert/strict';
import {
  aesSealed,
  control,
  endpoint,
  ipv4,
  keyOf,
  padded,
  peerHandle,
  peerSpec,
  relayFrame,
  Rig,
  sealed,
  session,
  unsealed,
} from '../rig.ts';
import {
  arrives,
  type Case,
  counters,
  EMPTY,
  fromPeer,
  joined,
  OTHER,
  relaying,
  SELF,
  THIRD,
  toPeer,
} from './bench.ts';

const AES = { cipher: 'aes-256-gcm' } as const;

/** Lets a message that peer 1 sealed by AES-256-GCM come in. */
function arrivesByAes(rig: Rig, counter: number | bigint, plaintext: Uint8Array, now = 10): void {
  rig.plane.handleDatagram(aesSealed(keyOf(12), 7, counter, plaintext), endpoint(1), now);
}

export const CIPHERS: readonly Case[] = [
  [
    'a packet for a peer with AES-256-GCM leaves as type 6, as long as the other would be',
    (make) => {
      const rig = joined(make, AES);
      rig.plane.handlePacket(toPeer, 1);
      const [datagram] = rig.takeSent();
      assert.deepEqual([...datagram!.bytes.subarray(0, 4)], [6, 0, 0, 0]);
      assert.equal(datagram!.bytes.length, 32 + padded(toPeer).length);
      assert.deepEqual(unsealed(keyOf(11), datagram!.bytes), {
        receiver: 1007,
        counter: 0,
        plaintext: padded(toPeer),
      });
    },
  ],
  [
    'control payloads and keep-alives go by ChaCha20-Poly1305, and one counter serves both ciphers',
    (make) => {
      const rig = joined(make, { ...AES, keepAlive: 25 });
      rig.plane.handlePacket(toPeer, 1);
      rig.plane.sendControl(peerHandle(1), 3, Uint8Array.of(9), null, 2);
      rig.plane.sendKeepAlive(peerHandle(1), 3);
      rig.plane.handlePacket(toPeer, 4);
      rig.plane.tick(30_000);
      const sent = rig.takeSent().map(({ bytes }) => bytes);
      assert.deepEqual(
        sent.map((bytes) => bytes[0]),
        [6, 4, 4, 6, 4],
      );
      const opened = sent.map((bytes) => unsealed(keyOf(bytes[0] === 6 ? 11 : 1), bytes));
      assert.deepEqual(
        opened.map(({ counter }) => counter),
        [0, 1, 2, 3, 4],
      );
      assert(opened.every(({ plaintext }) => plaintext !== null));
    },
  ],
  [
    'what waited leaves by the cipher of the moment in which it leaves',
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1), 0);
      rig.plane.handlePacket(toPeer, 1);
      rig.plane.setPeer(peerSpec(1, AES), 2);
      rig.plane.setSession(session(1, 7), 3);
      assert.equal(rig.takeSent()[0]!.bytes[0], 6);
    },
  ],
  [
    'either cipher is opened at any time, whatever seals for the peer',
    (make) => {
      for (const peer of [{}, AES]) {
        const rig = joined(make, peer);
        arrivesByAes(rig, 0, padded(fromPeer));
        arrives(rig, 1, padded(fromPeer));
        arrivesByAes(rig, 2, control(1, EMPTY));
        arrivesByAes(rig, 3, EMPTY);
        assert.deepEqual(rig.takeWritten(), [fromPeer, fromPeer]);
        assert.deepEqual(rig.kinds(), ['confirmed', 'control']);
        assert.equal(counters(rig).receivedPackets, 4);
      }
    },
  ],
  [
    'the cipher may change in the middle of a session, and again',
    (make) => {
      const rig = joined(make);
      for (const cipher of ['aes-256-gcm', 'chacha20-poly1305', 'aes-256-gcm'] as const) {
        rig.plane.setPeer(peerSpec(1, { cipher }), 1);
        rig.plane.handlePacket(toPeer, 1);
      }
      assert.deepEqual(
        rig.takeSent().map(({ bytes }) => bytes[0]),
        [6, 4, 6],
      );
    },
  ],
  [
    'a counter that was taken in one type is replayed in the other',
    (make) => {
      const rig = joined(make);
      arrivesByAes(rig, 5, padded(fromPeer));
      arrives(rig, 5, padded(fromPeer));
      arrives(rig, 6, padded(fromPeer));
      arrivesByAes(rig, 6, padded(fromPeer));
      assert.equal(rig.takeWritten().length, 2);
      assert.equal(rig.plane.counters().dropped.replayed, 2);
    },
  ],
  [
    'a message whose type was changed is not authentic, nor is one that the other key sealed',
    (make) => {
      const rig = joined(make);
      const aes = aesSealed(keyOf(12), 7, 0, padded(fromPeer));
      aes[0] = 4;
      const chacha = sealed(keyOf(2), 7, 1, padded(fromPeer));
      chacha[0] = 6;
      for (const bytes of [aes, chacha, aesSealed(keyOf(2), 7, 2, EMPTY), sealed(keyOf(12), 7, 3, EMPTY)]) {
        rig.plane.handleDatagram(bytes, endpoint(1), 1);
      }
      assert.deepEqual(rig.takeWritten(), []);
      assert.equal(rig.plane.counters().dropped.unauthentic, 4);
      arrives(rig, 0, EMPTY);
      assert.equal(counters(rig).receivedPackets, 1, 'a forgery uses up no counter');
    },
  ],
  [
    "a responder's session begins to send with a message of either type",
    (make) => {
      const rig = new Rig(make);
      rig.plane.setPeer(peerSpec(1, AES), 0);
      rig.plane.setSession(session(1, 7, { role: 'responder' }), 0);
      arrivesByAes(rig, 0, EMPTY);
      assert.equal(counters(rig).currentIndex, 7);
      assert.deepEqual(rig.kinds(), ['confirmed']);
    },
  ],
  [
    'relay frames carry type 6, to this node and on to others',
    (make) => {
      const rig = relaying(make);
      const message = aesSealed(keyOf(12), 7, 0, padded(fromPeer));
      rig.plane.handleDatagram(relayFrame(8, SELF, THIRD, message), endpoint(1), 1);
      assert.deepEqual(rig.takeWritten(), [fromPeer]);
      rig.plane.handleDatagram(relayFrame(8, OTHER, THIRD, message), endpoint(1), 1);
      assert.deepEqual(rig.takeSent()[0]!.bytes, relayFrame(7, OTHER, THIRD, message));
    },
  ],
  [
    'type 6 needs the three zero bytes, a whole header and a tag',
    (make) => {
      const rig = joined(make);
      const whole = aesSealed(keyOf(12), 7, 0, padded(ipv4('10.0.0.1', '10.0.0.9', 20)));
      for (const at of [1, 2, 3]) {
        const bytes = Uint8Array.from(whole);
        bytes[at] = 1;
        rig.plane.handleDatagram(bytes, endpoint(1), 1);
      }
      rig.plane.handleDatagram(whole.subarray(0, 31), endpoint(1), 1);
      assert.equal(rig.plane.counters().dropped.malformed, 4);
    },
  ],
];
