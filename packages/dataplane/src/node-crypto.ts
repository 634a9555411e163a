/**
 * {@link Crypto} on the OpenSSL inside Node. What OpenSSL does not offer through Node (keyed BLAKE2s with a short
 * output, XChaCha20) comes from noble.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  hash,
  randomBytes,
  sign,
  verify,
  type CipherChaCha20Poly1305,
  type CipherGCM,
  type DecipherChaCha20Poly1305,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';
import { concat, fromHex, type Crypto } from '@kith/core';
import { LruCache, SecretCache } from './key-cache.ts';

const TAG = 16;
const AEAD_OPTIONS = { authTagLength: TAG } as const;

/** DER up to the 32 bytes of the key (RFC 8410): PKCS#8 for private, SubjectPublicKeyInfo for public keys. */
const X25519_PRIVATE = fromHex('302e020100300506032b656e04220420');
const X25519_PUBLIC = fromHex('302a300506032b656e032100');
const ED25519_PRIVATE = fromHex('302e020100300506032b657004220420');
const ED25519_PUBLIC = fromHex('302a300506032b6570032100');

/** Parsing a key costs as much as using it; a node meets the public keys of its members again and again. */
const CACHED_KEYS = 512;

function der(head: Uint8Array, key: Uint8Array): Buffer {
  if (key.length !== 32) throw new RangeError(`a key has 32 bytes, not ${key.length}`);
  return Buffer.concat([head, key]);
}

function privateKeys(head: Uint8Array): SecretCache<KeyObject> {
  return new SecretCache((key) => createPrivateKey({ key: der(head, key), format: 'der', type: 'pkcs8' }));
}

function publicKeys(head: Uint8Array): LruCache<KeyObject> {
  return new LruCache(CACHED_KEYS, (key) => createPublicKey({ key: der(head, key), format: 'der', type: 'spki' }));
}

function publicBytes(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return Uint8Array.from(spki.subarray(spki.length - 32));
}

/** OpenSSL's digests come as Buffers; callers get plain arrays, whose methods are those of every Uint8Array. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function blake2s256(data: Uint8Array): Uint8Array {
  return plain(hash('blake2s256', data, 'buffer'));
}

const HMAC_BLOCK = 64;

/** RFC 2104 from two one-shot digests: a third of the time that an HMAC object of OpenSSL takes to set up. */
function hmacBlake2s(key: Uint8Array, data: Uint8Array): Uint8Array {
  const short = key.length > HMAC_BLOCK ? blake2s256(key) : key;
  const inner = new Uint8Array(HMAC_BLOCK + data.length).fill(0x36, 0, HMAC_BLOCK);
  const outer = new Uint8Array(HMAC_BLOCK + 32).fill(0x5c, 0, HMAC_BLOCK);
  for (let i = 0; i < short.length; i++) {
    inner[i] = 0x36 ^ (short[i] as number);
    outer[i] = 0x5c ^ (short[i] as number);
  }
  inner.set(data, HMAC_BLOCK);
  outer.set(blake2s256(inner), HMAC_BLOCK);
  return blake2s256(outer);
}

function seal(cipher: CipherChaCha20Poly1305 | CipherGCM, plaintext: Uint8Array, ad: Uint8Array): Uint8Array {
  if (ad.length > 0) cipher.setAAD(ad, { plaintextLength: plaintext.length });
  const sealed = cipher.update(plaintext);
  cipher.final();
  return concat(sealed, cipher.getAuthTag());
}

function open(decipher: DecipherChaCha20Poly1305 | DecipherGCM, sealed: Uint8Array, ad: Uint8Array): Uint8Array | null {
  const length = sealed.length - TAG;
  decipher.setAuthTag(sealed.subarray(length));
  if (ad.length > 0) decipher.setAAD(ad, { plaintextLength: length });
  const opened = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
  } catch {
    return null; // the only thing that final() checks is the tag
  }
  return plain(opened);
}

export function nodeCrypto(): Crypto {
  const x25519Private = privateKeys(X25519_PRIVATE);
  const x25519Public = publicKeys(X25519_PUBLIC);
  const ed25519Private = privateKeys(ED25519_PRIVATE);
  const ed25519Public = publicKeys(ED25519_PUBLIC);
  const aead = new SecretCache((key) => {
    if (key.length !== 32) throw new RangeError(`a key has 32 bytes, not ${key.length}`);
    return createSecretKey(key);
  });
  return {
    sha256: (data) => plain(hash('sha256', data, 'buffer')),
    blake2s: blake2s256,
    blake2sMac: (key, data) => blake2s(data, { key, dkLen: 16 }),
    hmacBlake2s,
    x25519: (secret, publicKey) => {
      if (publicKey.length !== 32) return null;
      const privateKey = x25519Private.get(secret);
      try {
        return plain(diffieHellman({ privateKey, publicKey: x25519Public.get(publicKey) }));
      } catch {
        return null; // OpenSSL refuses results that are all zero
      }
    },
    x25519Public: (secret) => publicBytes(x25519Private.get(secret)),
    ed25519Public: (seed) => publicBytes(ed25519Private.get(seed)),
    ed25519Sign: (seed, message) => plain(sign(null, message, ed25519Private.get(seed))),
    ed25519Verify: (publicKey, message, signature) => {
      if (publicKey.length !== 32 || signature.length !== 64) return false;
      try {
        return verify(null, message, ed25519Public.get(publicKey), signature);
      } catch {
        return false;
      }
    },
    seal: (key, nonce, plaintext, ad) =>
      seal(createCipheriv('chacha20-poly1305', aead.get(key), nonce, AEAD_OPTIONS), plaintext, ad),
    open: (key, nonce, sealed, ad) => {
      if (sealed.length < TAG) return null;
      return open(createDecipheriv('chacha20-poly1305', aead.get(key), nonce, AEAD_OPTIONS), sealed, ad);
    },
    sealAes: (key, nonce, plaintext, ad) =>
      seal(createCipheriv('aes-256-gcm', aead.get(key), nonce, AEAD_OPTIONS), plaintext, ad),
    openAes: (key, nonce, sealed, ad) => {
      if (sealed.length < TAG) return null;
      return open(createDecipheriv('aes-256-gcm', aead.get(key), nonce, AEAD_OPTIONS), sealed, ad);
    },
    xseal: (key, nonce, plaintext, ad) => xchacha20poly1305(key, nonce, ad).encrypt(plaintext),
    xopen: (key, nonce, sealed, ad) => {
      if (sealed.length < TAG) return null;
      try {
        return xchacha20poly1305(key, nonce, ad).decrypt(sealed);
      } catch {
        return null;
      }
    },
    random: (length) => plain(randomBytes(length)),
  };
}
