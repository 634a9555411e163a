/**
 * The four messages of WireGuard. All integers are little endian; all lengths but the last are exact.
 *
 *   1 initiation (148)  type(1) zero(3) sender(4) ephemeral(32) static(32+16) timestamp(12+16) mac1(16) mac2(16)
 *   2 response    (92)  type(1) zero(3) sender(4) receiver(4) ephemeral(32) empty(0+16) mac1(16) mac2(16)
 *   3 cookie      (64)  type(1) zero(3) receiver(4) nonce(24) cookie(16+16)
 *   4 transport (32+n)  type(1) zero(3) receiver(4) counter(8) packet(n+16)
 *
 * Senders pad packets to a multiple of 16 (5.4.6), but not beyond the MTU: n may be any number.
 *
 * Source: "WireGuard: Next Generation Kernel Network Tunnel" (the white paper), section 5.4.
 */
import { readUint32LE, writeUint32LE } from '@kith/core';

/** White paper 5.4.2. */
export const TYPE_INITIATION = 1;
/** White paper 5.4.3. */
export const TYPE_RESPONSE = 2;
/** White paper 5.4.7. */
export const TYPE_COOKIE = 3;
/** White paper 5.4.6. */
export const TYPE_TRANSPORT = 4;

/** Lengths of whole messages in bytes. */
export const INITIATION_LENGTH = 148;
export const RESPONSE_LENGTH = 92;
export const COOKIE_LENGTH = 64;
/** Type, zeros, receiver and counter of a transport message. */
export const TRANSPORT_HEADER_LENGTH = 16;
/** Tag of Poly1305, at the end of everything sealed. */
export const TAG_LENGTH = 16;
/** An empty transport message: header and tag. */
export const KEEP_ALIVE_LENGTH: number = TRANSPORT_HEADER_LENGTH + TAG_LENGTH;
/** Both MACs stand at the end of messages 1 and 2. */
export const MAC_LENGTH = 16;

export type MessageType = typeof TYPE_INITIATION | typeof TYPE_RESPONSE | typeof TYPE_COOKIE | typeof TYPE_TRANSPORT;

/** Message 1. Fields are views into the decoded bytes. */
export interface Initiation {
  readonly sender: number;
  readonly ephemeral: Uint8Array;
  readonly encryptedStatic: Uint8Array;
  readonly encryptedTimestamp: Uint8Array;
}

/** Message 2. Fields are views into the decoded bytes. */
export interface Response {
  readonly sender: number;
  readonly receiver: number;
  readonly ephemeral: Uint8Array;
  readonly encryptedNothing: Uint8Array;
}

/** Message 3. Fields are views into the decoded bytes. */
export interface CookieReply {
  readonly receiver: number;
  readonly nonce: Uint8Array;
  readonly encryptedCookie: Uint8Array;
}

/** Type of a datagram that has the exact length and the zero bytes of its type; null for everything else. */
export function messageType(bytes: Uint8Array): MessageType | null {
  if (bytes.length < KEEP_ALIVE_LENGTH || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) return null;
  const type = bytes[0];
  if (type === TYPE_INITIATION) return bytes.length === INITIATION_LENGTH ? type : null;
  if (type === TYPE_RESPONSE) return bytes.length === RESPONSE_LENGTH ? type : null;
  if (type === TYPE_COOKIE) return bytes.length === COOKIE_LENGTH ? type : null;
  return type === TYPE_TRANSPORT ? type : null;
}

/** Null unless `bytes` is a well-formed message 1. */
export function decodeInitiation(bytes: Uint8Array): Initiation | null {
  if (messageType(bytes) !== TYPE_INITIATION) return null;
  return {
    sender: readUint32LE(bytes, 4),
    ephemeral: bytes.subarray(8, 40),
    encryptedStatic: bytes.subarray(40, 88),
    encryptedTimestamp: bytes.subarray(88, 116),
  };
}

/** Message 1 with both MACs zero: the cookie generator stamps them. Throws `RangeError` on fields of a wrong length. */
export function encodeInitiation(message: Initiation): Uint8Array {
  const out = start(TYPE_INITIATION, INITIATION_LENGTH);
  writeUint32LE(out, 4, message.sender);
  place(out, 8, message.ephemeral, 32);
  place(out, 40, message.encryptedStatic, 48);
  place(out, 88, message.encryptedTimestamp, 28);
  return out;
}

/** Null unless `bytes` is a well-formed message 2. */
export function decodeResponse(bytes: Uint8Array): Response | null {
  if (messageType(bytes) !== TYPE_RESPONSE) return null;
  return {
    sender: readUint32LE(bytes, 4),
    receiver: readUint32LE(bytes, 8),
    ephemeral: bytes.subarray(12, 44),
    encryptedNothing: bytes.subarray(44, 60),
  };
}

/** Message 2 with both MACs zero. Throws `RangeError` on fields of a wrong length. */
export function encodeResponse(message: Response): Uint8Array {
  const out = start(TYPE_RESPONSE, RESPONSE_LENGTH);
  writeUint32LE(out, 4, message.sender);
  writeUint32LE(out, 8, message.receiver);
  place(out, 12, message.ephemeral, 32);
  place(out, 44, message.encryptedNothing, 16);
  return out;
}

/** Null unless `bytes` is a well-formed message 3. */
export function decodeCookieReply(bytes: Uint8Array): CookieReply | null {
  if (messageType(bytes) !== TYPE_COOKIE) return null;
  return {
    receiver: readUint32LE(bytes, 4),
    nonce: bytes.subarray(8, 32),
    encryptedCookie: bytes.subarray(32, 64),
  };
}

/** Message 3. Throws `RangeError` on fields of a wrong length. */
export function encodeCookieReply(message: CookieReply): Uint8Array {
  const out = start(TYPE_COOKIE, COOKIE_LENGTH);
  writeUint32LE(out, 4, message.receiver);
  place(out, 8, message.nonce, 24);
  place(out, 32, message.encryptedCookie, 32);
  return out;
}

function start(type: MessageType, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out[0] = type;
  return out;
}

function place(out: Uint8Array, at: number, field: Uint8Array, length: number): void {
  if (field.length !== length) throw new RangeError(`a field of ${length} bytes got ${field.length}`);
  out.set(field, at);
}
