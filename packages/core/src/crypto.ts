/**
 * The primitives that kith's pure packages ask for. A shell passes an implementation in: the one of OpenSSL inside
 * Node (`@kith/dataplane`), or {@link portableCrypto} where there is none. All calls are synchronous.
 */
export interface Crypto {
  sha256(data: Uint8Array): Uint8Array;
  /** BLAKE2s (RFC 7693) with 32 bytes of output, unkeyed. */
  blake2s(data: Uint8Array): Uint8Array;
  /** BLAKE2s keyed (key of 1..32 bytes) with 16 bytes of output: the MACs and cookies of WireGuard. */
  blake2sMac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HMAC (RFC 2104) over BLAKE2s with 32 bytes of output. */
  hmacBlake2s(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** X25519 (RFC 7748). Null where the result is all zero: a point of small order. */
  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array | null;
  x25519Public(secret: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032); `seed` has 32 bytes. */
  ed25519Public(seed: Uint8Array): Uint8Array;
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** False, never an error, for keys or signatures that are malformed. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** ChaCha20-Poly1305 (RFC 8439), nonce of 12 bytes; returns ciphertext followed by its tag of 16 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  /** Null where the tag does not fit or `sealed` is shorter than a tag. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | null;
  /** AES-256-GCM (NIST SP 800-38D), nonce of 12 bytes, never twice with one key: the key of its tags would be known. */
  sealAes(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  openAes(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | null;
  /** XChaCha20-Poly1305, nonce of 24 bytes. */
  xseal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array): Uint8Array;
  xopen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | null;
  /** `length` fresh bytes from the platform's generator (in the simulation: from its seed). */
  random(length: number): Uint8Array;
}
