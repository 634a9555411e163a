/** {@link Crypto} in plain JavaScript, on the audited noble libraries: for browsers, tests and as the oracle of others. */
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Crypto } from './crypto.ts';

type Aead = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
) => { encrypt(data: Uint8Array): Uint8Array; decrypt(data: Uint8Array): Uint8Array };

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function opener(aead: Aead): Crypto['open'] {
  return (key, nonce, sealed, ad) => (sealed.length < 16 ? null : attempt(() => aead(key, nonce, ad).decrypt(sealed)));
}

/** @param random where fresh bytes come from; the caller vouches for their quality. */
export function portableCrypto(random: (length: number) => Uint8Array): Crypto {
  return {
    sha256: (data) => sha256(data),
    blake2s: (data) => blake2s(data),
    blake2sMac: (key, data) => blake2s(data, { key, dkLen: 16 }),
    hmacBlake2s: (key, data) => hmac(blake2s, key, data),
    x25519: (secret, publicKey) => attempt(() => x25519.getSharedSecret(secret, publicKey)),
    x25519Public: (secret) => x25519.getPublicKey(secret),
    ed25519Public: (seed) => ed25519.getPublicKey(seed),
    ed25519Sign: (seed, message) => ed25519.sign(message, seed),
    // RFC 8032 verification, as OpenSSL does it, so that both implementations accept the same signatures.
    ed25519Verify: (publicKey, message, signature) =>
      attempt(() => ed25519.verify(signature, message, publicKey, { zip215: false })) ?? false,
    seal: (key, nonce, plaintext, ad) => chacha20poly1305(key, nonce, ad).encrypt(plaintext),
    open: opener(chacha20poly1305),
    sealAes: (key, nonce, plaintext, ad) => gcm(key, nonce, ad).encrypt(plaintext),
    openAes: opener(gcm),
    xseal: (key, nonce, plaintext, ad) => xchacha20poly1305(key, nonce, ad).encrypt(plaintext),
    xopen: opener(xchacha20poly1305),
    random,
  };
}
