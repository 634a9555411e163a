import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { toHex, writeUint64LE } from '@kith/core';
import { REJECT_AFTER_MESSAGES, decodeTransportHeader, openTransport, sealTransport } from '@kith/wireguard';
import fc from 'fast-check';
import { realCrypto } from './helpers/crypto.ts';
import { transport } from './helpers/white-paper.ts';

const key = realCrypto.random(32);

test('a sealed packet is the message of the white paper, computed with OpenSSL, and opens into itself and padding', () => {
  const counter = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs)).filter((n) => n < REJECT_AFTER_MESSAGES);
  const index = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(index, counter, fc.uint8Array({ maxLength: 100 }), (receiver, n, packet) => {
      const message = sealTransport(realCrypto, key, receiver, n, packet);
      equal(toHex(message), transport(key, receiver, BigInt(n), packet).toString('hex'));
      deepEqual(decodeTransportHeader(message), { receiver, counter: n });
      const opened = openTransport(realCrypto, key, message);
      ok(opened);
      equal(opened.counter, n);
      equal(opened.packet.length, Math.ceil(packet.length / 16) * 16);
      deepEqual(opened.packet.subarray(0, packet.length), packet);
      ok(opened.packet.subarray(packet.length).every((byte) => byte === 0));
    }),
  );
});

test('a changed counter or packet, a foreign key and a cut message do not open', () => {
  const message = sealTransport(realCrypto, key, 7, 1, Uint8Array.of(0x45, 1, 2, 3));
  for (let at = 8; at < message.length; at++) {
    const forged = message.slice();
    forged[at] = (forged[at] ?? 0) ^ 1;
    equal(openTransport(realCrypto, key, forged), null, `byte ${at}`);
  }
  equal(openTransport(realCrypto, realCrypto.random(32), message), null);
  for (let length = 0; length < message.length; length++) {
    equal(openTransport(realCrypto, key, message.subarray(0, length)), null);
  }
});

test('a packet that its sender could not pad because of its MTU opens', () => {
  const packet = realCrypto.random(21);
  const header = transport(key, 1, 5n, packet).subarray(0, 16);
  const nonce = Uint8Array.of(0, 0, 0, 0, ...header.subarray(8));
  const message = Uint8Array.of(...header, ...realCrypto.seal(key, nonce, packet, new Uint8Array(0)));
  deepEqual(openTransport(realCrypto, key, message), { counter: 5, packet });
});

test('counters from the rejection limit on are neither sealed nor opened', () => {
  ok(sealTransport(realCrypto, key, 1, REJECT_AFTER_MESSAGES - 1, new Uint8Array(0)));
  for (const counter of [REJECT_AFTER_MESSAGES, 2 ** 53, -1, 0.5, Number.NaN]) {
    throws(() => sealTransport(realCrypto, key, 1, counter, new Uint8Array(0)), RangeError);
  }
  for (const counter of [BigInt(REJECT_AFTER_MESSAGES), 2n ** 53n, 2n ** 64n - 1n]) {
    const message = new Uint8Array(transport(key, 1, counter, new Uint8Array(0)));
    writeUint64LE(message, 8, counter);
    equal(decodeTransportHeader(message), null);
    equal(openTransport(realCrypto, key, message), null);
  }
});
