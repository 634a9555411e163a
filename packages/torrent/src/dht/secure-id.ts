/**
 * Ids bound to addresses (BEP 42), so that nobody can choose where in the key space its nodes stand:
 *
 *     21 bits   CRC-32C of the address under a mask, with 3 bits of the last byte in front
 *    131 bits   free
 *      8 bits   free; their lowest 3 went into the checksum
 *
 * Of IPv6 only the first 8 bytes count.
 */
import { type Address, addressBytes } from '@kith/core';
import { ID_LENGTH, isLocal } from './contact.ts';

const MASK4 = [0x03, 0x0f, 0x3f, 0xff];
const MASK6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];
/** Castagnoli's polynomial, bits reflected (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** An id that is right for `ip`. */
export function secureId(ip: Address, random: (length: number) => Uint8Array): Uint8Array {
  const id = new Uint8Array(random(ID_LENGTH));
  const checksum = checksumOf(ip, id[ID_LENGTH - 1] as number);
  id[0] = checksum >>> 24;
  id[1] = checksum >>> 16;
  id[2] = ((checksum >>> 8) & 0xf8) | ((id[2] as number) & 0x07);
  return id;
}

/** Whether `id` may stand at `ip`. Addresses of local networks say nothing and may have any. */
export function isSecureId(id: Uint8Array, ip: Address): boolean {
  if (isLocal(ip)) return true;
  const checksum = checksumOf(ip, id[ID_LENGTH - 1] as number);
  return (
    id[0] === checksum >>> 24 &&
    id[1] === ((checksum >>> 16) & 0xff) &&
    ((id[2] as number) & 0xf8) === ((checksum >>> 8) & 0xf8)
  );
}

function checksumOf(ip: Address, last: number): number {
  const address = addressBytes(ip);
  const mask = address.length === 4 ? MASK4 : MASK6;
  let crc = -1;
  for (const [i, bits] of mask.entries()) {
    crc ^= ((address[i] as number) & bits) | (i === 0 ? (last & 7) << 5 : 0);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}
