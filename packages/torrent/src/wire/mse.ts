/**
 * Message stream encryption, the obfuscation that BitTorrent programs agreed on outside the BEPs:
 *
 *   1  A → B   Ya(96) PadA(0..512)
 *   2  B → A   Yb(96) PadB(0..512)
 *   3  A → B   HASH('req1', S)  HASH('req2', SKEY) ^ HASH('req3', S)
 *              ENCRYPT( VC(8) crypto_provide(4) len(PadC)(2) PadC len(IA)(2) )  ENCRYPT( IA )
 *   4  B → A   ENCRYPT( VC(8) crypto_select(4) len(PadD)(2) PadD )  ENCRYPT2( stream )
 *   5  A → B   ENCRYPT2( stream )
 *
 * HASH is SHA-1, S the shared secret, SKEY the info-hash, VC eight zero bytes. ENCRYPT is RC4 with HASH('keyA', S, SKEY)
 * from A and HASH('keyB', S, SKEY) from B. ENCRYPT2 is the same key stream going on, or nothing if plain text is selected;
 * IA, the beginning of A's stream, is RC4 in any case.
 */
import { concat, readUint16BE, utf8 } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import type { DiffieHellman } from './diffie-hellman.ts';
import { Rc4 } from './rc4.ts';

/**
 * - `required`: encrypted to the end, out and in.
 * - `preferred`: dials encrypted and wants RC4 to the end, takes less; after a failure the dialer tries without.
 * - `allowed`: dials plain; lets others encrypt, but takes plain text for the stream where it is offered.
 * - `off`: neither speaks it nor understands it.
 */
export type EncryptionPolicy = 'required' | 'preferred' | 'allowed' | 'off';

export interface Encryption {
  readonly policy: EncryptionPolicy;
  readonly hashes: Hashes;
  readonly diffieHellman: DiffieHellman;
  random(length: number): Uint8Array;
}

/** What an MSE handshake ends with. */
export interface Ciphers {
  readonly decrypt: Rc4;
  /** Bytes of the incoming stream that are encrypted: Infinity, or those of IA where the rest is plain. */
  readonly encryptedBytes: number;
  /** Undefined where this side's stream is plain. */
  readonly encrypt: Rc4 | undefined;
}

/** One side of the handshake. */
export interface MseSide {
  /**
   * Takes what belongs to the handshake and returns the place behind it.
   * @throws WireError
   */
  push(bytes: Uint8Array, at: number): number;
  /** What has to be sent now; each byte once. */
  takeOutput(): readonly Uint8Array[];
  /** There when the handshake is done. */
  readonly ciphers: Ciphers | undefined;
}

export const PLAIN = 1;
export const RC4 = 2;
export const PAD_MOST = 512;
/** The verification constant: eight zero bytes. */
export const VC_LENGTH = 8;

/** HASH('req2', SKEY): by this a peer that encrypts says which torrent it wants. */
export function torrentKey(hashes: Hashes, infoHash: Uint8Array): Uint8Array {
  return hashes.sha1(concat(utf8('req2'), infoHash));
}

export function secretHash(hashes: Hashes, label: 'req1' | 'req3', secret: Uint8Array): Uint8Array {
  return hashes.sha1(concat(utf8(label), secret));
}

export function streamCipher(hashes: Hashes, label: 'keyA' | 'keyB', secret: Uint8Array, infoHash: Uint8Array): Rc4 {
  return new Rc4(hashes.sha1(concat(utf8(label), secret, infoHash)));
}

export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] as number));
}

/** 0 to 512 random bytes: neither packet of the handshake has a length that gives it away. */
export function pad(encryption: Encryption): Uint8Array {
  return encryption.random(readUint16BE(encryption.random(2), 0) % (PAD_MOST + 1));
}
