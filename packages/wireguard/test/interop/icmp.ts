/** The little of IPv4 (RFC 791) and ICMP echo (RFC 792) that a tunnel address needs to ping and be pinged. */
import { addressBytes, equalBytes, parseAddress, readUint16BE, writeUint16BE } from '@kith/core';

const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
const IDENTIFIER = 0x6b69;

/** An echo request of 44 bytes. */
export function echoRequest(from: string, to: string, sequence: number): Uint8Array {
  const packet = new Uint8Array(44);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 1]);
  packet.set(addressBytes(parseAddress(from)), 12);
  packet.set(addressBytes(parseAddress(to)), 16);
  packet[20] = ECHO_REQUEST;
  writeUint16BE(packet, 24, IDENTIFIER);
  writeUint16BE(packet, 26, sequence);
  return checksummed(packet);
}

/** The reply to an echo request for `self`; null for any other packet. */
export function echoReply(packet: Uint8Array, self: string): Uint8Array | null {
  const request = echo(packet, self, ECHO_REQUEST);
  if (request === null) return null;
  const reply = request.slice();
  reply.set(request.subarray(16, 20), 12);
  reply.set(request.subarray(12, 16), 16);
  reply[20] = ECHO_REPLY;
  return checksummed(reply);
}

/** Sequence number of a reply to one of our requests; null for any other packet. */
export function isEchoReply(packet: Uint8Array, self: string): number | null {
  const reply = echo(packet, self, ECHO_REPLY);
  return reply !== null && readUint16BE(reply, 24) === IDENTIFIER ? readUint16BE(reply, 26) : null;
}

/** The packet without the tunnel's padding if it is an ICMP echo of this type for `self`. */
function echo(packet: Uint8Array, self: string, type: number): Uint8Array | null {
  if (packet.length < 28 || packet[0] !== 0x45 || packet[9] !== 1 || packet[20] !== type) return null;
  const length = readUint16BE(packet, 2);
  if (length < 28 || length > packet.length) return null;
  return equalBytes(packet.subarray(16, 20), addressBytes(parseAddress(self))) ? packet.subarray(0, length) : null;
}

function checksummed(packet: Uint8Array): Uint8Array {
  packet.fill(0, 10, 12);
  writeUint16BE(packet, 10, checksum(packet.subarray(0, 20)));
  packet.fill(0, 22, 24);
  writeUint16BE(packet, 22, checksum(packet.subarray(20)));
  return packet;
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
