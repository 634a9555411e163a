import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@kith/core';
import {
  COOKIE_LENGTH,
  INITIATION_LENGTH,
  RESPONSE_LENGTH,
  decodeCookieReply,
  decodeInitiation,
  decodeResponse,
  decodeTransportHeader,
  encodeCookieReply,
  encodeInitiation,
  encodeResponse,
  messageType,
} from '@kith/wireguard';
import fc from 'fast-check';
import { GOLDEN } from './helpers/golden.ts';

const index = fc.integer({ min: 0, max: 0xffffffff });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('the frames of a known handshake decode into their fields', () => {
  const initiation = decodeInitiation(fromHex(GOLDEN.initiation));
  ok(initiation);
  equal(initiation.sender, 0x11223344);
  equal(toHex(initiation.ephemeral), GOLDEN.initiation.slice(16, 80));
  equal(toHex(initiation.encryptedStatic), GOLDEN.initiation.slice(80, 176));
  equal(toHex(initiation.encryptedTimestamp), GOLDEN.initiation.slice(176, 232));
  const response = decodeResponse(fromHex(GOLDEN.response));
  ok(response);
  equal(response.sender, 0x55667788);
  equal(response.receiver, 0x11223344);
  equal(toHex(response.ephemeral), GOLDEN.response.slice(24, 88));
  equal(toHex(response.encryptedNothing), GOLDEN.response.slice(88, 120));
  deepEqual(decodeTransportHeader(fromHex(GOLDEN.responderKeepAlive)), { receiver: 0x11223344, counter: 0 });
});

test('every message that encodes decodes into what it was', () => {
  fc.assert(
    fc.property(
      index,
      index,
      exactly(32),
      exactly(48),
      exactly(28),
      exactly(16),
      exactly(24),
      (s, r, e, a, t, n, x) => {
        const initiation = { sender: s, ephemeral: e, encryptedStatic: a, encryptedTimestamp: t };
        deepEqual(decodeInitiation(encodeInitiation(initiation)), initiation);
        const response = { sender: s, receiver: r, ephemeral: e, encryptedNothing: n };
        deepEqual(decodeResponse(encodeResponse(response)), response);
        const cookie = { receiver: r, nonce: x, encryptedCookie: e };
        deepEqual(decodeCookieReply(encodeCookieReply(cookie)), cookie);
      },
    ),
  );
});

test('only the exact length of its type is a message', () => {
  const lengths = new Map([
    [1, INITIATION_LENGTH],
    [2, RESPONSE_LENGTH],
    [3, COOKIE_LENGTH],
  ]);
  for (let length = 0; length <= 200; length++) {
    for (let type = 0; type < 256; type++) {
      const bytes = new Uint8Array(length);
      if (length > 0) bytes[0] = type;
      const good = type === 4 ? length >= 32 : lengths.get(type) === length;
      equal(messageType(bytes), good ? type : null, `type ${type} with ${length} bytes`);
    }
  }
});

test('a reserved byte that is not zero spoils a message of every type', () => {
  const frames = [GOLDEN.initiation, GOLDEN.response, '03' + '00'.repeat(63), GOLDEN.initiatorKeepAlive];
  for (const frame of frames) {
    for (const at of [1, 2, 3]) {
      const bytes = fromHex(frame);
      ok(messageType(bytes));
      bytes[at] = 1;
      equal(messageType(bytes), null);
    }
  }
});

test('the decoders take any bytes without throwing and agree with the type', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 5 }), (bytes, type) => {
      bytes.set([type, 0, 0, 0].slice(0, bytes.length));
      equal(decodeInitiation(bytes) !== null, messageType(bytes) === 1);
      equal(decodeResponse(bytes) !== null, messageType(bytes) === 2);
      equal(decodeCookieReply(bytes) !== null, messageType(bytes) === 3);
      if (messageType(bytes) !== 4) equal(decodeTransportHeader(bytes), null);
    }),
  );
});

test('a field of a wrong length does not encode', () => {
  const short = new Uint8Array(31);
  throws(() => encodeCookieReply({ receiver: 1, nonce: new Uint8Array(24), encryptedCookie: short }), RangeError);
});
