import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { SecretKey, fromHex, toHex } from '@kith/core';
import {
  CookieChecker,
  CookieJar,
  NO_PRESHARED_KEY,
  consumeResponse,
  createInitiation,
  createResponse,
  decodeInitiation,
  decodeResponse,
  identityOf,
  openInitiation,
  openTransport,
  proveInitiation,
  sealTransport,
  staticStatic,
} from '@kith/wireguard';
import fc from 'fast-check';
import { realCrypto, scriptedCrypto } from './helpers/crypto.ts';
import { GOLDEN } from './helpers/golden.ts';
import { transcript } from './helpers/white-paper.ts';

function handshake(keys: {
  initiator: Uint8Array;
  responder: Uint8Array;
  initiatorEphemeral: Uint8Array;
  responderEphemeral: Uint8Array;
  presharedKey: Uint8Array;
  timestamp: Uint8Array;
}) {
  const initiatorCrypto = scriptedCrypto(toHex(keys.initiatorEphemeral));
  const responderCrypto = scriptedCrypto(toHex(keys.responderEphemeral));
  const initiator = identityOf(initiatorCrypto, new SecretKey(keys.initiator));
  const responder = identityOf(responderCrypto, new SecretKey(keys.responder));
  const shared = staticStatic(initiatorCrypto, initiator, responder.publicKey);
  ok(shared);
  const first = createInitiation(
    initiatorCrypto,
    initiator,
    { remoteStatic: responder.publicKey, staticStatic: shared },
    0x11223344,
    keys.timestamp,
  );
  ok(first);
  const initiation = decodeInitiation(first.message);
  ok(initiation);
  const claim = openInitiation(responderCrypto, responder, initiation);
  ok(claim);
  deepEqual(claim.remoteStatic, initiator.publicKey);
  const proved = proveInitiation(responderCrypto, claim, shared);
  ok(proved);
  deepEqual(proved.timestamp, keys.timestamp);
  const second = createResponse(responderCrypto, proved.state, keys.presharedKey, 0x55667788);
  ok(second);
  const response = decodeResponse(second.message);
  ok(response);
  const finish = (psk: Uint8Array, message = response) =>
    consumeResponse(initiatorCrypto, initiator, first.state, psk, message);
  return { initiator, responder, claim, shared, first, second, finish, response };
}

const golden = {
  initiator: fromHex(GOLDEN.initiatorSecret),
  responder: fromHex(GOLDEN.responderSecret),
  initiatorEphemeral: fromHex(GOLDEN.initiatorEphemeral),
  responderEphemeral: fromHex(GOLDEN.responderEphemeral),
  presharedKey: NO_PRESHARED_KEY,
  timestamp: fromHex(GOLDEN.timestamp),
};

test('a handshake with fixed keys gives the published frames, MACs and keep-alives included', () => {
  const { initiator, responder, first, second, finish } = handshake(golden);
  equal(toHex(initiator.publicKey), GOLDEN.initiatorPublic);
  equal(toHex(responder.publicKey), GOLDEN.responderPublic);
  new CookieJar(realCrypto, responder.publicKey).stamp(first.message, 0);
  equal(toHex(first.message), GOLDEN.initiation);
  ok(new CookieChecker(realCrypto, responder.publicKey).hasMac1(first.message));
  new CookieJar(realCrypto, initiator.publicKey).stamp(second.message, 0);
  equal(toHex(second.message), GOLDEN.response);
  const keys = finish(NO_PRESHARED_KEY);
  ok(keys);
  const none = new Uint8Array(0);
  equal(toHex(sealTransport(realCrypto, keys.sendKey, 0x55667788, 0, none)), GOLDEN.initiatorKeepAlive);
  equal(toHex(sealTransport(realCrypto, second.keys.sendKey, 0x11223344, 0, none)), GOLDEN.responderKeepAlive);
  ok(openTransport(realCrypto, second.keys.receiveKey, fromHex(GOLDEN.initiatorKeepAlive)));
  ok(openTransport(realCrypto, keys.receiveKey, fromHex(GOLDEN.responderKeepAlive)));
});

test('with any keys and any preshared key the messages are those of the white paper, computed with OpenSSL', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const timestamp = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(key, key, key, key, key, timestamp, (a, b, c, d, presharedKey, stamp) => {
      const input = {
        initiator: a,
        responder: b,
        initiatorEphemeral: c,
        responderEphemeral: d,
        presharedKey,
        timestamp: stamp,
      };
      const expected = transcript(input);
      const { first, second, finish } = handshake(input);
      equal(toHex(first.message.subarray(8, 116)), expected.initiation.toString('hex'));
      equal(toHex(second.message.subarray(12, 60)), expected.response.toString('hex'));
      const keys = finish(presharedKey);
      ok(keys);
      for (const [ours, theirs] of [
        [keys.sendKey, expected.initiatorSends],
        [keys.receiveKey, expected.responderSends],
        [second.keys.sendKey, expected.responderSends],
        [second.keys.receiveKey, expected.initiatorSends],
        [keys.aesSendKey, expected.aesInitiatorSends],
        [keys.aesReceiveKey, expected.aesResponderSends],
        [second.keys.aesSendKey, expected.aesResponderSends],
        [second.keys.aesReceiveKey, expected.aesInitiatorSends],
      ] as const) {
        equal(toHex(ours), theirs.toString('hex'));
      }
    }),
    { numRuns: 30 },
  );
});

test('no bit of an initiation can change without being noticed', () => {
  const { first, responder, shared } = handshake(golden);
  for (let at = 8; at < 116; at++) {
    const bytes = first.message.slice();
    bytes[at] = (bytes[at] ?? 0) ^ 0x40;
    const message = decodeInitiation(bytes);
    ok(message);
    const claim = openInitiation(realCrypto, responder, message);
    equal(claim && proveInitiation(realCrypto, claim, shared), null, `byte ${at}`);
  }
});

test('an initiation that names a key its sender does not hold proves nothing', () => {
  const { claim, responder } = handshake(golden);
  const other = realCrypto.x25519Public(realCrypto.random(32));
  const shared = staticStatic(realCrypto, responder, other);
  ok(shared);
  equal(proveInitiation(realCrypto, claim, shared), null);
});

test('a forged response is refused and the true one still completes the handshake', () => {
  const { finish, response } = handshake(golden);
  const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
  equal(finish(NO_PRESHARED_KEY, { ...response, ephemeral: flip(response.ephemeral) }), null);
  equal(finish(NO_PRESHARED_KEY, { ...response, ephemeral: new Uint8Array(32) }), null);
  equal(finish(NO_PRESHARED_KEY, { ...response, encryptedNothing: flip(response.encryptedNothing) }), null);
  ok(finish(NO_PRESHARED_KEY));
});

test('peers with different preshared keys do not complete a handshake', () => {
  const { finish } = handshake({ ...golden, presharedKey: realCrypto.random(32) });
  equal(finish(NO_PRESHARED_KEY), null);
});
