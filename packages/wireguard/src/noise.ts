/**
 * The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s with WireGuard's prologue (white paper 5.4.1 to 5.4.5).
 *
 *   -> e, es, s, ss, {timestamp}
 *   <- e, ee, se, psk, {}
 *
 * Pure steps from state to state; indices, MACs, replay of timestamps and retries belong to the device.
 */
import type { Crypto, SecretKey } from '@kith/core';
import { concat, utf8 } from '@kith/core';
import type { Initiation, Response } from './messages.ts';
import { encodeInitiation, encodeResponse } from './messages.ts';

const CONSTRUCTION: Uint8Array = utf8('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s');
const IDENTIFIER: Uint8Array = utf8('WireGuard v1 zx2c4 Jason@zx2c4.com');
/** Info and counter of HKDF: what WireGuard itself expands has 1 or 33 bytes. */
const AES_INITIATOR: Uint8Array = utf8('kith AES-256-GCM, sent by the initiator\x01');
const AES_RESPONDER: Uint8Array = utf8('kith AES-256-GCM, sent by the responder\x01');
const NOTHING: Uint8Array = new Uint8Array(0);
/** Every key of the handshake seals once: its nonce is zero. */
const NONCE: Uint8Array = new Uint8Array(12);
/** Stands in where two peers share no key (white paper 5.2). */
export const NO_PRESHARED_KEY: Uint8Array = new Uint8Array(32);

/** This side's static key pair. */
export interface Identity {
  readonly secret: SecretKey;
  readonly publicKey: Uint8Array;
}

/** A handshake on its way: chaining key and transcript hash. */
interface Transcript {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
}

/** What the initiator keeps until the response comes. */
export interface InitiatorState extends Transcript {
  readonly ephemeralSecret: Uint8Array;
}

/** An initiation whose static key is readable but not proved yet: anybody can name anybody's key. */
export interface InitiationClaim extends Transcript {
  readonly remoteStatic: Uint8Array;
  readonly message: Initiation;
}

/** An authentic initiation, ready to be answered. The ephemeral key is a view into the datagram: answer at once. */
export interface ResponderState extends Transcript {
  readonly remoteStatic: Uint8Array;
  readonly remoteEphemeral: Uint8Array;
  readonly remoteIndex: number;
}

/** Transport keys of one side, 32 bytes each. */
export interface TransportKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** No part of WireGuard: keys of the same handshake for AES-256-GCM, used where both ends ask for it. */
  readonly aesSendKey: Uint8Array;
  readonly aesReceiveKey: Uint8Array;
}

export function identityOf(crypto: Crypto, secret: SecretKey): Identity {
  return { secret, publicKey: crypto.x25519Public(secret.reveal()) };
}

/** The precomputable DH of both static keys. Null for a point of small order: no handshake with such a key. */
export function staticStatic(crypto: Crypto, identity: Identity, remoteStatic: Uint8Array): Uint8Array | null {
  return crypto.x25519(identity.secret.reveal(), remoteStatic);
}

/**
 * White paper 5.4.2, initiator's side. The message has no MACs yet. Null where `remoteStatic` has small order.
 * @param localIndex where the response shall be sent to
 * @param timestamp 12 bytes of TAI64N, greater than any sent to this peer before
 */
export function createInitiation(
  crypto: Crypto,
  identity: Identity,
  peer: { readonly remoteStatic: Uint8Array; readonly staticStatic: Uint8Array },
  localIndex: number,
  timestamp: Uint8Array,
): { readonly message: Uint8Array; readonly state: InitiatorState } | null {
  const ephemeralSecret = crypto.random(32);
  const ephemeral = crypto.x25519Public(ephemeralSecret);
  const start = mixEphemeral(crypto, startTranscript(crypto, peer.remoteStatic), ephemeral);
  const es = crypto.x25519(ephemeralSecret, peer.remoteStatic);
  if (es === null) return null;
  const [afterEs, staticKey] = mixKey(crypto, start, es);
  const encryptedStatic = crypto.seal(staticKey, NONCE, identity.publicKey, afterEs.hash);
  const [afterSs, timestampKey] = mixKey(crypto, mixHash(crypto, afterEs, encryptedStatic), peer.staticStatic);
  const encryptedTimestamp = crypto.seal(timestampKey, NONCE, timestamp, afterSs.hash);
  const end = mixHash(crypto, afterSs, encryptedTimestamp);
  return {
    message: encodeInitiation({ sender: localIndex, ephemeral, encryptedStatic, encryptedTimestamp }),
    state: { ...end, ephemeralSecret },
  };
}

/** White paper 5.4.2, responder's side up to the static key. Null where the message is not for this key. */
export function openInitiation(crypto: Crypto, identity: Identity, message: Initiation): InitiationClaim | null {
  const start = mixEphemeral(crypto, startTranscript(crypto, identity.publicKey), message.ephemeral);
  const es = crypto.x25519(identity.secret.reveal(), message.ephemeral);
  if (es === null) return null;
  const [afterEs, staticKey] = mixKey(crypto, start, es);
  const remoteStatic = crypto.open(staticKey, NONCE, message.encryptedStatic, afterEs.hash);
  if (remoteStatic === null) return null;
  return { ...mixHash(crypto, afterEs, message.encryptedStatic), remoteStatic, message };
}

/** The rest of 5.4.2: proves that the sender holds the static key it named. Null where it does not. */
export function proveInitiation(
  crypto: Crypto,
  claim: InitiationClaim,
  shared: Uint8Array,
): { readonly timestamp: Uint8Array; readonly state: ResponderState } | null {
  const { message, remoteStatic } = claim;
  const [afterSs, timestampKey] = mixKey(crypto, claim, shared);
  const timestamp = crypto.open(timestampKey, NONCE, message.encryptedTimestamp, afterSs.hash);
  if (timestamp === null) return null;
  return {
    timestamp,
    state: {
      ...mixHash(crypto, afterSs, message.encryptedTimestamp),
      remoteStatic,
      remoteEphemeral: message.ephemeral,
      remoteIndex: message.sender,
    },
  };
}

/** White paper 5.4.3 and 5.4.5, responder's side. The message has no MACs yet. Null where a key has small order. */
export function createResponse(
  crypto: Crypto,
  state: ResponderState,
  presharedKey: Uint8Array,
  localIndex: number,
): { readonly message: Uint8Array; readonly keys: TransportKeys } | null {
  const ephemeralSecret = crypto.random(32);
  const ephemeral = crypto.x25519Public(ephemeralSecret);
  const ee = crypto.x25519(ephemeralSecret, state.remoteEphemeral);
  const se = crypto.x25519(ephemeralSecret, state.remoteStatic);
  ephemeralSecret.fill(0);
  if (ee === null || se === null) return null;
  const [transcript, key] = mixResponse(crypto, state, ephemeral, ee, se, presharedKey);
  const encryptedNothing = crypto.seal(key, NONCE, NOTHING, transcript.hash);
  return {
    message: encodeResponse({ sender: localIndex, receiver: state.remoteIndex, ephemeral, encryptedNothing }),
    keys: transportKeys(crypto, transcript.chainingKey, 'responder'),
  };
}

/** White paper 5.4.3 and 5.4.5, initiator's side. Null, and the state stays good, where the response is not authentic. */
export function consumeResponse(
  crypto: Crypto,
  identity: Identity,
  state: InitiatorState,
  presharedKey: Uint8Array,
  message: Response,
): TransportKeys | null {
  const ee = crypto.x25519(state.ephemeralSecret, message.ephemeral);
  const se = crypto.x25519(identity.secret.reveal(), message.ephemeral);
  if (ee === null || se === null) return null;
  const [transcript, key] = mixResponse(crypto, state, message.ephemeral, ee, se, presharedKey);
  if (crypto.open(key, NONCE, message.encryptedNothing, transcript.hash) === null) return null;
  return transportKeys(crypto, transcript.chainingKey, 'initiator');
}

/**
 * White paper 5.4.5; and beside those keys their siblings, which WireGuard never has: by HKDF (RFC 5869) from the same
 * chaining key, with a label for each. None of the four tells anything of another.
 */
function transportKeys(crypto: Crypto, chainingKey: Uint8Array, role: 'initiator' | 'responder'): TransportKeys {
  const [initiator, responder] = kdf(crypto, chainingKey, NOTHING, 2);
  const extracted = crypto.hmacBlake2s(chainingKey, NOTHING);
  const aesInitiator = crypto.hmacBlake2s(extracted, AES_INITIATOR);
  const aesResponder = crypto.hmacBlake2s(extracted, AES_RESPONDER);
  return role === 'initiator'
    ? { sendKey: initiator, receiveKey: responder, aesSendKey: aesInitiator, aesReceiveKey: aesResponder }
    : { sendKey: responder, receiveKey: initiator, aesSendKey: aesResponder, aesReceiveKey: aesInitiator };
}

function startTranscript(crypto: Crypto, responderStatic: Uint8Array): Transcript {
  const chainingKey = crypto.blake2s(CONSTRUCTION);
  const hash = crypto.blake2s(concat(crypto.blake2s(concat(chainingKey, IDENTIFIER)), responderStatic));
  return { chainingKey, hash };
}

function mixHash(crypto: Crypto, transcript: Transcript, data: Uint8Array): Transcript {
  return { chainingKey: transcript.chainingKey, hash: crypto.blake2s(concat(transcript.hash, data)) };
}

/** In the psk variants of Noise the ephemeral goes into the chaining key too. */
function mixEphemeral(crypto: Crypto, transcript: Transcript, ephemeral: Uint8Array): Transcript {
  const { hash } = mixHash(crypto, transcript, ephemeral);
  const [chainingKey] = kdf(crypto, transcript.chainingKey, ephemeral, 1);
  return { chainingKey, hash };
}

function mixKey(crypto: Crypto, transcript: Transcript, input: Uint8Array): [Transcript, Uint8Array] {
  const [chainingKey, key] = kdf(crypto, transcript.chainingKey, input, 2);
  return [{ chainingKey, hash: transcript.hash }, key];
}

function mixResponse(
  crypto: Crypto,
  state: Transcript,
  ephemeral: Uint8Array,
  ee: Uint8Array,
  se: Uint8Array,
  presharedKey: Uint8Array,
): [Transcript, Uint8Array] {
  const start = mixEphemeral(crypto, state, ephemeral);
  const [afterEe] = kdf(crypto, start.chainingKey, ee, 1);
  const [afterSe] = kdf(crypto, afterEe, se, 1);
  const [chainingKey, tau, key] = kdf(crypto, afterSe, presharedKey, 3);
  return [mixHash(crypto, { chainingKey, hash: start.hash }, tau), key];
}

/** HKDF (RFC 5869) over HMAC-BLAKE2s without info: the first one, two or three outputs. White paper 5.4. */
function kdf(crypto: Crypto, key: Uint8Array, input: Uint8Array, outputs: 1): [Uint8Array];
function kdf(crypto: Crypto, key: Uint8Array, input: Uint8Array, outputs: 2): [Uint8Array, Uint8Array];
function kdf(crypto: Crypto, key: Uint8Array, input: Uint8Array, outputs: 3): [Uint8Array, Uint8Array, Uint8Array];
function kdf(crypto: Crypto, key: Uint8Array, input: Uint8Array, outputs: number): Uint8Array[] {
  const secret = crypto.hmacBlake2s(key, input);
  const out: Uint8Array[] = [];
  let last: Uint8Array = NOTHING;
  for (let i = 1; i <= outputs; i++) {
    last = crypto.hmacBlake2s(secret, concat(last, Uint8Array.of(i)));
    out.push(last);
  }
  return out;
}
