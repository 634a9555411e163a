/**
 * One type per role of key, so that none can stand in for another. Public keys are text with a prefix (they serve as
 * map keys and are shown to people); private keys are objects that do not print.
 */
import { fromBase64Url, toBase64Url, toHex } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { KithError } from './errors.ts';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Ed25519 public key of a node, of an admin's node or of an invite: `nk:` + base64url of 32 bytes. */
export type NodeKey = Branded<string, 'NodeKey'>;
/** X25519 public key, the static key of WireGuard: `tk:` + base64url of 32 bytes. */
export type TunnelKey = Branded<string, 'TunnelKey'>;
/** First 8 bytes of SHA-256 of the node key, as 16 hexadecimal digits. Stands in relay headers. */
export type NodeId = Branded<string, 'NodeId'>;
/** SHA-256 of the founding statement, as 64 hexadecimal digits. */
export type NetworkId = Branded<string, 'NetworkId'>;

function parsePublic(prefix: string, what: string, text: string): string {
  const body = text.startsWith(prefix) ? text.slice(prefix.length) : null;
  try {
    if (body !== null && fromBase64Url(body).length === 32) return text;
  } catch {
    // falls through to the error that names the value
  }
  throw new KithError(
    'KEY_INVALID',
    `${what} ${JSON.stringify(text)} is not "${prefix}" and 43 characters of base64url`,
  );
}

function fromBytes(prefix: string, what: string, bytes: Uint8Array): string {
  if (bytes.length !== 32) throw new KithError('KEY_INVALID', `${what} has ${bytes.length} bytes instead of 32`);
  return prefix + toBase64Url(bytes);
}

export function parseNodeKey(text: string): NodeKey {
  return parsePublic('nk:', 'node key', text) as NodeKey;
}

export function parseTunnelKey(text: string): TunnelKey {
  return parsePublic('tk:', 'tunnel key', text) as TunnelKey;
}

export function nodeKeyFrom(bytes: Uint8Array): NodeKey {
  return fromBytes('nk:', 'node key', bytes) as NodeKey;
}

export function tunnelKeyFrom(bytes: Uint8Array): TunnelKey {
  return fromBytes('tk:', 'tunnel key', bytes) as TunnelKey;
}

/** The 32 raw bytes of a public key. */
export function keyBytes(key: NodeKey | TunnelKey): Uint8Array {
  return fromBase64Url(key.slice(3));
}

export function nodeIdOf(crypto: Crypto, key: NodeKey): NodeId {
  return toHex(crypto.sha256(keyBytes(key)).subarray(0, 8)) as NodeId;
}

/** @param bytes 8 bytes as they stand in a relay header */
export function nodeIdFrom(bytes: Uint8Array): NodeId {
  if (bytes.length !== 8) throw new RangeError(`a node id has 8 bytes, not ${bytes.length}`);
  return toHex(bytes) as NodeId;
}

export function networkIdFrom(hash: Uint8Array): NetworkId {
  if (hash.length !== 32) throw new RangeError(`a network id has 32 bytes, not ${hash.length}`);
  return toHex(hash) as NetworkId;
}

/** A private key or seed of 32 bytes. Its value shows neither in logs nor in JSON nor in an inspector. */
export class SecretKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== 32) throw new KithError('KEY_INVALID', `private key has ${bytes.length} bytes instead of 32`);
    this.#bytes = Uint8Array.from(bytes);
  }

  /** The raw key: hand it to a primitive or a key file, nothing else. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return '[private key]';
  }

  toJSON(): string {
    return this.toString();
  }
}

export function generateSecret(crypto: Crypto): SecretKey {
  return new SecretKey(crypto.random(32));
}

export function nodeKeyOf(crypto: Crypto, seed: SecretKey): NodeKey {
  return nodeKeyFrom(crypto.ed25519Public(seed.reveal()));
}

export function tunnelKeyOf(crypto: Crypto, secret: SecretKey): TunnelKey {
  return tunnelKeyFrom(crypto.x25519Public(secret.reveal()));
}
