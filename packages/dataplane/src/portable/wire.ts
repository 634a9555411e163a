/**
 * What a data plane reads and writes itself, besides the ciphertext.
 *
 * Transport message (WireGuard white paper, 5.4.6): type(4, little endian) = 4, receiver(4, little endian),
 *   counter(8, little endian), sealed plaintext with its tag of 16. Type 6: the same, sealed by AES-256-GCM.
 * Relay frame: type(1) = 5, ttl(1), flags(2) = 0, dst(8), src(8), then one of the messages above or of a handshake.
 * Control payload, the plaintext of a transport message: type(1) = 0x01..0x0f, length(2, big endian) of the body, body,
 *   zero padding to a multiple of 16.
 * IPv4 (RFC 791): total length at 2, source at 12, destination at 16. IPv6 (RFC 8200): payload length at 4, source
 *   at 8, destination at 24.
 */
import { concat, fromHex, readUint16BE, readUint32LE, writeUint16BE, type NodeId } from '@kith/core';
import {
  COOKIE_LENGTH,
  INITIATION_LENGTH,
  KEEP_ALIVE_LENGTH,
  paddedLength,
  RESPONSE_LENGTH,
  TYPE_TRANSPORT,
} from '@kith/wireguard';

export const RELAY_TYPE = 5;
/** A transport message that is sealed by AES-256-GCM. */
export const TYPE_AES_TRANSPORT = 6;
export const RELAY_HEADER = 20;
/** The padding of WireGuard, white paper 5.4.6. */
export const PADDING = 16;

const HANDSHAKE_LENGTHS: readonly (number | null)[] = [null, INITIATION_LENGTH, RESPONSE_LENGTH, COOKIE_LENGTH];

export type MessageKind = 'handshake' | 'transport' | null;

/**
 * What the message at `at` is by type and length; null for none of them. A transport message of any length may be
 * right: Linux pads no further than its MTU.
 */
export function messageKind(bytes: Uint8Array, at: number): MessageKind {
  const length = bytes.length - at;
  if (length < KEEP_ALIVE_LENGTH) return null;
  const type = readUint32LE(bytes, at);
  if (type === TYPE_TRANSPORT || type === TYPE_AES_TRANSPORT) return 'transport';
  return length === HANDSHAKE_LENGTHS[type] ? 'handshake' : null;
}

/** `ttl` is 1..255. */
export function relayHeader(ttl: number, dst: NodeId, src: NodeId): Uint8Array {
  return concat(Uint8Array.of(RELAY_TYPE, ttl, 0, 0), fromHex(dst), fromHex(src));
}

/** Frames a control payload with length and padding. */
export function frameControl(type: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(paddedLength(3 + body.length));
  out[0] = type;
  writeUint16BE(out, 1, body.length);
  out.set(body, 3);
  return out;
}

/**
 * Type and body of a framed control payload.
 *
 * @param limit most bytes of body
 * @returns null where type, length or padding is not as the layout says
 */
export function unframeControl(plaintext: Uint8Array, limit: number): Uint8Array | null {
  if (plaintext.length < 3) return null;
  const type = plaintext[0] as number;
  const length = readUint16BE(plaintext, 1);
  const end = 3 + length;
  if (type < 0x01 || type > 0x0f || length > limit || end > plaintext.length || plaintext.length - end >= PADDING) {
    return null;
  }
  for (let i = end; i < plaintext.length; i++) if (plaintext[i] !== 0) return null;
  const out = new Uint8Array(1 + length);
  out[0] = type;
  out.set(plaintext.subarray(3, end), 1);
  return out;
}

/** Length of the IP packet at the start of `bytes` by its own header; null where it is none or is cut off. */
export function packetLength(bytes: Uint8Array): number | null {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 20) {
    const length = readUint16BE(bytes, 2);
    return length >= 20 && length <= bytes.length ? length : null;
  }
  if (version === 6 && bytes.length >= 40) {
    const length = 40 + readUint16BE(bytes, 4);
    return length <= bytes.length ? length : null;
  }
  return null;
}
