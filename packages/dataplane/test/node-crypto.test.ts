/** OpenSSL's primitives against the specifications' vectors and against noble. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHex, portableCrypto, toHex, utf8 } from '@kith/core';
import { LruCache, SecretCache } from '../src/key-cache.ts';
import { nodeCrypto } from '../src/node-crypto.ts';

const node = nodeCrypto();
const noble = portableCrypto((length) => new Uint8Array(length));
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const data = fc.uint8Array({ maxLength: 1500 });
const key = bytes(32);

const SUNSCREEN = utf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
const SUNSCREEN_AD = fromHex('50515253c0c1c2c3c4c5c6c7');
const SUNSCREEN_KEY = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);

/** Encodings of points whose order divides the cofactor, and non-canonical ones among them (RFC 7748, section 7). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

describe('primitives of OpenSSL', () => {
  it('give the digests of FIPS 180-4 and RFC 7693', () => {
    assert.equal(toHex(node.sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    assert.equal(toHex(node.blake2s(utf8('abc'))), '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982');
  });

  it('agree on X25519 with RFC 7748, sections 5.2 and 6.1', () => {
    const scalar = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
    const point = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
    const shared = node.x25519(scalar, point);
    assert(shared !== null);
    assert.equal(toHex(shared), 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
    const alice = fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
    assert.equal(toHex(node.x25519Public(alice)), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  });

  it('agree on Ed25519 with RFC 8032, section 7.1', () => {
    const seed = fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7');
    const message = fromHex('af82');
    const signature =
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
      '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a';
    const publicKey = node.ed25519Public(seed);
    assert.equal(toHex(publicKey), 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025');
    assert.equal(toHex(node.ed25519Sign(seed, message)), signature);
    assert.equal(node.ed25519Verify(publicKey, message, fromHex(signature)), true);
    assert.equal(node.ed25519Verify(publicKey, fromHex('af83'), fromHex(signature)), false);
  });

  it('agree on ChaCha20-Poly1305 with RFC 8439, section 2.8.2', () => {
    const nonce = fromHex('070000004041424344454647');
    const sealed = node.seal(SUNSCREEN_KEY, nonce, SUNSCREEN, SUNSCREEN_AD);
    assert.equal(toHex(sealed.subarray(0, 16)), 'd31a8d34648e60db7b86afbc53ef7ec2');
    assert.equal(toHex(sealed.subarray(SUNSCREEN.length)), '1ae10b594f09e26a7e902ecbd0600691');
    assert.deepEqual(node.open(SUNSCREEN_KEY, nonce, sealed, SUNSCREEN_AD), SUNSCREEN);
  });

  it('agree on XChaCha20-Poly1305 with draft-irtf-cfrg-xchacha-03, appendix A.3.1', () => {
    const nonce = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i);
    const sealed = node.xseal(SUNSCREEN_KEY, nonce, SUNSCREEN, SUNSCREEN_AD);
    assert.equal(toHex(sealed.subarray(0, 16)), 'bd6d179d3e83d43b9576579493c0e939');
    assert.equal(toHex(sealed.subarray(SUNSCREEN.length)), 'c0875924c1c7987947deafd8780acf49');
    assert.deepEqual(node.xopen(SUNSCREEN_KEY, nonce, sealed, SUNSCREEN_AD), SUNSCREEN);
  });

  it('agree on AES-256-GCM with test cases 15 and 16 of its submission to NIST', () => {
    const key = fromHex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308');
    const nonce = fromHex('cafebabefacedbaddecaf888');
    const plain = fromHex(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
        '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
    );
    const secret =
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad';
    const none = new Uint8Array(0);
    assert.equal(toHex(node.sealAes(key, nonce, plain, none)), `${secret}b094dac5d93471bdec1a502270e3cc6c`);
    const ad = fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
    const short = node.sealAes(key, nonce, plain.subarray(0, 60), ad);
    assert.equal(toHex(short), `${secret.slice(0, 120)}76fc6ece0f4e1768cddf8853bb2d551b`);
    assert.deepEqual(node.openAes(key, nonce, short, ad), plain.subarray(0, 60));
  });

  it('give what noble gives, for digests, MACs and curves', () => {
    fc.assert(
      fc.property(key, key, data, fc.uint8Array({ maxLength: 100 }), (a, b, text, anyKey) => {
        assert.deepEqual(node.sha256(text), noble.sha256(text));
        assert.deepEqual(node.blake2s(text), noble.blake2s(text));
        assert.deepEqual(node.blake2sMac(a, text), noble.blake2sMac(a, text));
        assert.deepEqual(node.hmacBlake2s(anyKey, text), noble.hmacBlake2s(anyKey, text));
        assert.deepEqual(node.x25519Public(a), noble.x25519Public(a));
        assert.deepEqual(node.x25519(a, b), noble.x25519(a, b));
        assert.deepEqual(node.ed25519Public(a), noble.ed25519Public(a));
        const signature = node.ed25519Sign(a, text);
        assert.deepEqual(signature, noble.ed25519Sign(a, text));
        assert.equal(node.ed25519Verify(node.ed25519Public(a), text, signature), true);
        assert.equal(node.ed25519Verify(b, text, signature), noble.ed25519Verify(b, text, signature));
      }),
      { numRuns: 60 },
    );
  });

  it('seal and open what noble opens and seals', () => {
    fc.assert(
      fc.property(key, bytes(24), data, fc.uint8Array({ maxLength: 60 }), (k, nonce, text, ad) => {
        const short = nonce.subarray(0, 12);
        const sealed = node.seal(k, short, text, ad);
        assert.deepEqual(sealed, noble.seal(k, short, text, ad));
        assert.deepEqual(node.open(k, short, sealed, ad), text);
        const aes = node.sealAes(k, short, text, ad);
        assert.deepEqual(aes, noble.sealAes(k, short, text, ad));
        assert.deepEqual(node.openAes(k, short, aes, ad), text);
        assert.deepEqual(noble.openAes(k, short, aes, ad), text);
        const wide = node.xseal(k, nonce, text, ad);
        assert.deepEqual(wide, noble.xseal(k, nonce, text, ad));
        assert.deepEqual(node.xopen(k, nonce, wide, ad), text);
      }),
    );
  });

  it('open nothing that was changed anywhere', () => {
    fc.assert(
      fc.property(key, bytes(24), data, fc.nat(), fc.integer({ min: 1, max: 255 }), (k, nonce, text, at, flip) => {
        const spoil = (sealed: Uint8Array) => {
          sealed[at % sealed.length] = (sealed[at % sealed.length] as number) ^ flip;
          return sealed;
        };
        const ad = new Uint8Array(1);
        const short = nonce.subarray(0, 12);
        assert.equal(node.open(k, short, spoil(node.seal(k, short, text, ad)), ad), null);
        assert.equal(node.open(k, short, node.seal(k, short, text, ad), new Uint8Array(2)), null);
        assert.equal(node.openAes(k, short, spoil(node.sealAes(k, short, text, ad)), ad), null);
        assert.equal(node.openAes(k, short, node.sealAes(k, short, text, ad), new Uint8Array(2)), null);
        assert.equal(noble.openAes(k, short, spoil(noble.sealAes(k, short, text, ad)), ad), null);
        assert.equal(node.xopen(k, nonce, spoil(node.xseal(k, nonce, text, ad)), ad), null);
      }),
    );
  });

  it('answer malformed input with null or false', () => {
    const empty = new Uint8Array(0);
    const one = new Uint8Array(32).fill(1);
    for (let length = 0; length < 16; length++) {
      assert.equal(node.open(one, new Uint8Array(12), new Uint8Array(length), empty), null);
      assert.equal(node.openAes(one, new Uint8Array(12), new Uint8Array(length), empty), null);
      assert.equal(node.xopen(one, new Uint8Array(24), new Uint8Array(length), empty), null);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 70 }), (a, b) => {
        assert.equal(node.ed25519Verify(a, empty, b), false);
      }),
    );
    for (const length of [0, 31, 33]) assert.equal(node.x25519(one, new Uint8Array(length)), null);
  });

  it('give null for points of small order', () => {
    for (const point of SMALL_ORDER) {
      assert.equal(node.x25519(new Uint8Array(32).fill(7), fromHex(point)), null, point);
    }
  });

  it('give fresh random bytes of the length asked for', () => {
    assert.equal(node.random(33).length, 33);
    assert.notDeepEqual(node.random(32), node.random(32));
  });

  it('notice that the bytes of a key array changed', () => {
    const k = new Uint8Array(32).fill(1);
    const nonce = new Uint8Array(12);
    const sealed = node.seal(k, nonce, SUNSCREEN, nonce);
    k.fill(2);
    assert.equal(node.open(k, nonce, sealed, nonce), null);
    assert.deepEqual(node.open(new Uint8Array(32).fill(1), nonce, sealed, nonce), SUNSCREEN);
  });
});

describe('key caches', () => {
  it('forget the key that was not used for longest', () => {
    const made: number[] = [];
    const cache = new LruCache(2, (k) => made.push(k[0] as number));
    for (const n of [1, 2, 1, 3, 1, 2]) cache.get(Uint8Array.of(n));
    assert.deepEqual(made, [1, 2, 3, 2]);
    assert.equal(cache.size, 2);
  });

  it('keep secret keys by their array and make them anew when its bytes change', () => {
    let made = 0;
    const cache = new SecretCache(() => ++made);
    const k = Uint8Array.of(1);
    assert.deepEqual([cache.get(k), cache.get(k), cache.get(Uint8Array.of(1))], [1, 1, 2]);
    k[0] = 2;
    assert.equal(cache.get(k), 3);
  });
});
