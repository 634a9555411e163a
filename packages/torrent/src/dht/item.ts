/**
 * Values in the DHT (BEP 44). An immutable one stands at the SHA-1 of its bencoding; a mutable one at the SHA-1 of its
 * owner's Ed25519 key and a salt, and is signed over
 *
 *     [4:salt <length> : <salt>] 3:seq i <sequence> e 1:v <bencoded value>
 */
import { concat, type Crypto, equalBytes, utf8 } from '@kith/core';
import type { Hashes } from '../hashes.ts';
import { DhtError, ERROR_CODE } from './error.ts';

const MOST_VALUE = 1000;
const MOST_SALT = 64;

export interface ImmutableItem {
  /** Bencoded, at most 1,000 bytes. */
  readonly value: Uint8Array;
}

export interface MutableItem extends ImmutableItem {
  /** 32 bytes: the public key. */
  readonly key: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  readonly sequence: number;
  /** At most 64 bytes; several values of one key differ by it. */
  readonly salt: Uint8Array;
}

export type DhtItem = ImmutableItem | MutableItem;

export function isMutable(item: DhtItem): item is MutableItem {
  return 'key' in item;
}

/** Where an item is stored. */
export function itemTarget(item: DhtItem, hashes: Hashes): Uint8Array {
  return isMutable(item) ? mutableTarget(item.key, item.salt, hashes) : hashes.sha1(item.value);
}

/** Where the values of `key` under `salt` are. */
export function mutableTarget(key: Uint8Array, salt: Uint8Array, hashes: Hashes): Uint8Array {
  return hashes.sha1(concat(key, salt));
}

/** @param seed 32 bytes, from which the key is made (RFC 8032) */
export function signItem(
  seed: Uint8Array,
  content: { readonly value: Uint8Array; readonly sequence: number; readonly salt?: Uint8Array },
  crypto: Pick<Crypto, 'ed25519Public' | 'ed25519Sign'>,
): MutableItem {
  const { value, sequence, salt = new Uint8Array(0) } = content;
  const signature = crypto.ed25519Sign(seed, signedBytes(value, sequence, salt));
  return { value, sequence, salt, key: crypto.ed25519Public(seed), signature };
}

/** @throws DhtError that says what is wrong: a size, or the signature */
export function checkItem(item: DhtItem, crypto: Pick<Crypto, 'ed25519Verify'>): void {
  if (item.value.length > MOST_VALUE) throw new DhtError(ERROR_CODE.tooBig, 'message (v field) too big');
  if (!isMutable(item)) return;
  if (item.salt.length > MOST_SALT) throw new DhtError(ERROR_CODE.saltTooBig, 'salt too big');
  if (!crypto.ed25519Verify(item.key, signedBytes(item.value, item.sequence, item.salt), item.signature)) {
    throw new DhtError(ERROR_CODE.invalidSignature, 'invalid signature');
  }
}

/** Whether an answer to a question for `target` really belongs there. */
export function isItemOf(
  item: DhtItem,
  target: Uint8Array,
  tools: { readonly hashes: Hashes; readonly crypto: Pick<Crypto, 'ed25519Verify'> },
): boolean {
  if (!equalBytes(itemTarget(item, tools.hashes), target)) return false;
  try {
    checkItem(item, tools.crypto);
    return true;
  } catch {
    return false;
  }
}

function signedBytes(value: Uint8Array, sequence: number, salt: Uint8Array): Uint8Array {
  const head = salt.length === 0 ? new Uint8Array(0) : concat(utf8(`4:salt${salt.length}:`), salt);
  return concat(head, utf8(`3:seqi${sequence}e1:v`), value);
}
