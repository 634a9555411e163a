import { addressBytes, concat, compareBytes, parseAddress } from '@kith/core';
import type { PeerAddress } from '../wire/duplex.ts';

/** CRC-32C (RFC 3720, appendix B.4), reflected polynomial. */
const POLYNOMIAL = 0x82f63b78;

/**
 * How much two peers should be connected, the same on both sides, so that a swarm whose members are full settles on a
 * graph without clusters (BEP 40). 32 bits, higher is better.
 */
export function canonicalPriority(a: PeerAddress, b: PeerAddress): number {
  const [x, y] = [bytesOf(a.ip), bytesOf(b.ip)];
  if (x === undefined || y === undefined || x.length !== y.length) return 0;
  if (compareBytes(x, y) === 0) return crc32c(sorted(portBytes(a.port), portBytes(b.port)));
  const same = x.findIndex((byte, i) => byte !== y[i]);
  // IPv4: all of it within a /24, /24 within a /16, otherwise /16. IPv6: one byte more for each that is the same.
  const whole = x.length === 4 ? (same < 2 ? 2 : same < 3 ? 3 : 4) : Math.max(6, same + 1);
  const mask = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i < whole ? byte : byte & 0x55));
  return crc32c(sorted(mask(x), mask(y)));
}

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  }
  return ~crc >>> 0;
}

function sorted(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) < 0 ? concat(a, b) : concat(b, a);
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

function bytesOf(ip: string): Uint8Array | undefined {
  try {
    return addressBytes(parseAddress(ip));
  } catch {
    return undefined;
  }
}
