/** Values that must come out the same on every gateway and after every start: drawn from names, not at random. */
import {
  type Address,
  addressBytes,
  addressFrom,
  fromHex,
  type Prefix,
  prefixesOverlap,
  prefixOf,
  toHex,
  utf8,
} from '@kith/core';
import { md5 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** First 16 hexadecimal digits of SHA-256: enough to tell one version of a text from another. */
export function digestOf(text: string): string {
  return toHex(sha256(utf8(text))).slice(0, 16);
}

function drawn(...parts: readonly string[]): Uint8Array {
  return sha256(utf8(['kith gateway', ...parts].join('\0')));
}

/** Locally administered, unicast, the same for the same words. */
export function macFor(community: string, domain: string, gateway: string, role: string): string {
  const bytes = drawn('mac', community, domain, gateway, role).slice(0, 6);
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  return Array.from(bytes, (byte) => toHex(Uint8Array.of(byte))).join(':');
}

/** A /16 of 10.0.0.0/8 from 10.16 to 10.239, which neither routers at home nor containers are fond of. */
export function prefix4For(community: string, domain: string, taken: readonly Prefix[]): Prefix | null {
  const start = (drawn('prefix4', community, domain)[0] as number) % 224;
  for (let i = 0; i < 224; i++) {
    const prefix = prefixOf(addressFrom(Uint8Array.of(10, 16 + ((start + i) % 224), 0, 0)), 16);
    if (!taken.some((other) => prefixesOverlap(prefix, other))) return prefix;
  }
  return null;
}

/** A unique local /64 (RFC 4193): 40 bits of the community, 16 of the domain. */
export function prefix6For(community: string, domain: string): Prefix {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(drawn('prefix6', community).subarray(0, 5), 1);
  bytes.set(drawn('subnet', community, domain).subarray(0, 2), 6);
  return prefixOf(addressFrom(bytes), 64);
}

/**
 * VXLAN network id as Gluon's routers compute it: the first three bytes of MD5 over the label, the domain's seed in
 * lower case and the number of the round.
 */
export function vniOf(seed: string): number {
  return firstThree(md5(utf8(`gluon-mesh-vxlan${seed.toLowerCase()}1`)));
}

/** Network id of the VXLAN between gateways: another one, as two of the same id cannot stand on one link. */
export function interlinkVniOf(seed: string): number {
  const drawnOne = firstThree(drawn('interlink', seed.toLowerCase()));
  return drawnOne === vniOf(seed) ? drawnOne ^ 1 : drawnOne;
}

function firstThree([a, b, c]: Uint8Array): number {
  return ((a as number) << 16) | ((b as number) << 8) | (c as number);
}

/** Link-local address that Gluon gives a router for its WireGuard key: EUI-64 of `02` and five bytes of MD5. */
export function wireguardLinkLocal(publicKey: string): Address {
  return linkLocalOf(Uint8Array.of(2, ...md5(utf8(publicKey)).subarray(0, 5)), false);
}

/** The address that a link has by its hardware address (RFC 4291, appendix A). */
export function linkLocalOfMac(mac: string): Address {
  return linkLocalOf(fromHex(mac.replaceAll(':', '')), true);
}

/** @param flip Gluon sets the bytes as they are, RFC 4291 inverts the universal bit. */
function linkLocalOf(mac: Uint8Array, flip: boolean): Address {
  const bytes = new Uint8Array(16);
  bytes.set(addressBytes('fe80::' as Address));
  bytes.set(mac.subarray(0, 3), 8);
  bytes.set([0xff, 0xfe], 11);
  bytes.set(mac.subarray(3, 6), 13);
  if (flip) bytes[8] = (bytes[8] as number) ^ 2;
  return addressFrom(bytes);
}
