import { deepEqual, equal } from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { fromHex, toHex, utf8 } from '@kith/core';
import fc from 'fast-check';
import { realCrypto } from './helpers/crypto.ts';

const LADIES = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
const KEY = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
const AD = fromHex('50515253c0c1c2c3c4c5c6c7');

test('BLAKE2s gives the digest of RFC 7693 appendix B', () => {
  const digest = '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982';
  equal(toHex(realCrypto.blake2s(utf8('abc'))), digest);
});

test('ChaCha20-Poly1305 seals and opens the example of RFC 8439 section 2.8.2', () => {
  const sealed =
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
    '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
    '3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691';
  const nonce = fromHex('070000004041424344454647');
  equal(toHex(realCrypto.seal(KEY, nonce, LADIES, AD)), sealed);
  deepEqual(realCrypto.open(KEY, nonce, fromHex(sealed), AD), LADIES);
  equal(realCrypto.open(KEY, nonce, fromHex(sealed), new Uint8Array(0)), null);
});

test('XChaCha20-Poly1305 seals the example of draft-irtf-cfrg-xchacha-03 section A.3.1', () => {
  const sealed =
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39' +
    'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
    '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49';
  const nonce = fromHex('404142434445464748494a4b4c4d4e4f5051525354555657');
  equal(toHex(realCrypto.xseal(KEY, nonce, LADIES, AD)), sealed);
  deepEqual(realCrypto.xopen(KEY, nonce, fromHex(sealed), AD), LADIES);
});

test('X25519 gives the first result of RFC 7748 section 5.2 and refuses a point of small order', () => {
  const scalar = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
  const point = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
  const shared = fromHex('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  deepEqual(realCrypto.x25519(scalar, point), shared);
  equal(realCrypto.x25519(scalar, new Uint8Array(32)), null);
});

test('BLAKE2s and its HMAC agree with OpenSSL on any input', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, bytes, (key, data) => {
      equal(toHex(realCrypto.blake2s(data)), createHash('blake2s256').update(data).digest('hex'));
      equal(toHex(realCrypto.hmacBlake2s(key, data)), createHmac('blake2s256', key).update(data).digest('hex'));
    }),
  );
});
