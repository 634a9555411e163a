/**
 * Who has which address of a domain's IPv4 prefix. The first quarter of it, 256 addresses at most, is kept: the router's
 * own (`next_node`) first, then the gateways by their slot. The rest, but for the broadcast address, is cut into one
 * piece for each slot, taken or not, so that a gateway that joins later moves no pool.
 */
import { type Address, addressBytes, addressFrom, type Prefix, prefixParts } from '@kith/core';

export interface Pool {
  readonly first: Address;
  readonly last: Address;
  /** Number of addresses. */
  readonly size: number;
}

/** Less than this is no pool: a handful of telephones take it all. */
export const LEAST_POOL = 8;

/** The address at an offset below 2³² from the first one of the prefix. */
export function addressAt(prefix: Prefix, offset: number): Address {
  const bytes = Uint8Array.from(addressBytes(prefixParts(prefix).address));
  let carry = offset;
  for (let i = bytes.length - 1; i >= 0 && carry > 0; i--) {
    const sum = (bytes[i] as number) + (carry % 256);
    bytes[i] = sum;
    carry = Math.floor(carry / 256) + (sum > 255 ? 1 : 0);
  }
  return addressFrom(bytes);
}

export function sizeOf(prefix4: Prefix): number {
  return 2 ** (32 - prefixParts(prefix4).length);
}

/** Addresses that no pool holds, at the start of the prefix. */
export function reservedOf(prefix4: Prefix): number {
  return Math.min(256, sizeOf(prefix4) / 4);
}

/** Size of each pool when the prefix is cut for so many slots; 0 where the slots' own addresses do not fit. */
export function poolSize(prefix4: Prefix, slots: number): number {
  const reserved = reservedOf(prefix4);
  return slots + 2 > reserved ? 0 : Math.floor((sizeOf(prefix4) - reserved - 1) / slots);
}

/** @param slot 0 up to slots − 1 */
export function poolOf(prefix4: Prefix, slots: number, slot: number): Pool {
  const size = poolSize(prefix4, slots);
  const first = reservedOf(prefix4) + slot * size;
  return { first: addressAt(prefix4, first), last: addressAt(prefix4, first + size - 1), size };
}

/** The gateway's own address in a prefix of either family. */
export function gatewayAddress(prefix: Prefix, slot: number): Address {
  return addressAt(prefix, 2 + slot);
}

/**
 * Addresses for a client that is given none, in the reserved part of the prefix and above all gateways, another one for
 * each slot; null for a family that has no room left.
 */
export function spareAddress(
  { prefix4, prefix6 }: { readonly prefix4: Prefix; readonly prefix6: Prefix },
  slots: number,
  slot: number,
): { readonly spare4: Address | null; readonly spare6: Address } {
  const last = reservedOf(prefix4) - 1 - slot;
  return { spare4: last < 2 + slots ? null : addressAt(prefix4, last), spare6: addressAt(prefix6, 0xffff - slot) };
}
