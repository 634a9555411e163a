/**
 * Message 4, the transport message (white paper 5.4.6):
 *
 *   type(1)=4 zero(3) receiver(4) counter(8) sealed packet(n) tag(16)
 *
 * The packet is padded with zeros to a multiple of 16; a sender whose MTU ends before that pads less, so that any
 * length is taken. The nonce is four zero bytes and the counter, little endian; there is no associated data.
 */
import type { Crypto } from '@kith/core';
import { readUint32LE, writeUint32LE } from '@kith/core';
import { TAG_LENGTH, TRANSPORT_HEADER_LENGTH, TYPE_TRANSPORT, messageType } from './messages.ts';

/**
 * A session seals and opens counters below this. The white paper (6.1) allows 2^64 - 2^13 - 1; the nearest value that a
 * number holds exactly is as good, because a session lives 180 s and would need 5 * 10^13 packets a second to get there.
 */
export const REJECT_AFTER_MESSAGES: number = 2 ** 53 - 2 ** 13 - 1;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Header of a transport message. `receiver` is the receiver's own local index of the session. */
export interface TransportHeader {
  readonly receiver: number;
  readonly counter: number;
}

/** Null for anything that is no transport message, and for counters that no session may reach. */
export function decodeTransportHeader(message: Uint8Array): TransportHeader | null {
  if (messageType(message) !== TYPE_TRANSPORT) return null;
  const counter = readUint32LE(message, 12) * 2 ** 32 + readUint32LE(message, 8);
  return counter < REJECT_AFTER_MESSAGES ? { receiver: readUint32LE(message, 4), counter } : null;
}

/** Length of `length` bytes of packet after padding. */
export function paddedLength(length: number): number {
  return Math.ceil(length / 16) * 16;
}

/**
 * Seals a packet (empty: a keep-alive) into a whole transport message.
 * @param key the session's sending key, 32 bytes
 * @param receiver the other side's index of the session
 * @param counter never used before with this key
 * @throws RangeError at {@link REJECT_AFTER_MESSAGES}: the session must have ended before
 */
export function sealTransport(
  crypto: Crypto,
  key: Uint8Array,
  receiver: number,
  counter: number,
  packet: Uint8Array,
): Uint8Array {
  if (!Number.isSafeInteger(counter) || counter < 0 || counter >= REJECT_AFTER_MESSAGES) {
    throw new RangeError(`transport counter ${counter} is out of range`);
  }
  const padded = new Uint8Array(paddedLength(packet.length));
  padded.set(packet);
  const out = new Uint8Array(TRANSPORT_HEADER_LENGTH + padded.length + TAG_LENGTH);
  out[0] = TYPE_TRANSPORT;
  writeUint32LE(out, 4, receiver);
  writeUint32LE(out, 8, counter % 2 ** 32);
  writeUint32LE(out, 12, Math.floor(counter / 2 ** 32));
  out.set(crypto.seal(key, nonceOf(out), padded, NOTHING), TRANSPORT_HEADER_LENGTH);
  return out;
}

/**
 * Opens a transport message. Null where it is malformed or not authentic. The packet keeps its padding: its own length
 * field tells where it ends. Whether the counter was seen before is the replay window's business.
 */
export function openTransport(
  crypto: Crypto,
  key: Uint8Array,
  message: Uint8Array,
): { readonly counter: number; readonly packet: Uint8Array } | null {
  const header = decodeTransportHeader(message);
  if (header === null) return null;
  const packet = crypto.open(key, nonceOf(message), message.subarray(TRANSPORT_HEADER_LENGTH), NOTHING);
  return packet === null ? null : { counter: header.counter, packet };
}

function nonceOf(message: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce.set(message.subarray(8, 16), 4);
  return nonce;
}
