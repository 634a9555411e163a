/**
 * Nodes and peers in compact form (BEP 5; BEP 32 for IPv6):
 *
 *     peer   4 or 16 bytes of address, 2 bytes of port
 *     node   20 bytes of id, then as a peer
 */
import {
  type Address,
  addressBytes,
  addressFrom,
  isIPv4,
  prefixOf,
  readUint16BE,
  scopeOf,
  writeUint16BE,
} from '@kith/core';
import { mapped } from '../tracker/compact.ts';
import type { PeerAddress } from '../wire/duplex.ts';

/** Bytes of a node's id, of an info-hash and of every other place in the key space. */
export const ID_LENGTH = 20;

export type Family = 4 | 6;

/** Where a node is reached; its id may still be unknown. */
export interface NodeAddress extends PeerAddress {
  readonly ip: Address;
}

export interface Contact extends NodeAddress {
  /** 20 bytes. */
  readonly id: Uint8Array;
}

export function familyOf(ip: Address): Family {
  return isIPv4(ip) ? 4 : 6;
}

/** Bytes of a compact peer. */
export function peerLength(family: Family): number {
  return family === 4 ? 6 : 18;
}

export function endpointKey({ ip, port }: NodeAddress): string {
  return `${ip} ${port}`;
}

export function packPeer({ ip, port }: NodeAddress): Uint8Array {
  const address = addressBytes(ip);
  const out = new Uint8Array(address.length + 2);
  out.set(address);
  writeUint16BE(out, address.length, port);
  return out;
}

/** Undefined where nobody can be there: port 0, addresses that are none, or one of IPv4 dressed up as IPv6. */
export function unpackPeer(bytes: Uint8Array, family: Family): NodeAddress | undefined {
  if (bytes.length !== peerLength(family)) return undefined;
  const address = bytes.subarray(0, bytes.length - 2);
  const port = readUint16BE(bytes, bytes.length - 2);
  if (port === 0 || mapped(address)) return undefined;
  const ip = addressFrom(address);
  return scopeOf(ip) === 'unusable' ? undefined : { ip, port };
}

export function packNodes(contacts: readonly Contact[], family: Family): Uint8Array {
  const width = ID_LENGTH + peerLength(family);
  const out = new Uint8Array(contacts.length * width);
  for (const [i, contact] of contacts.entries()) {
    out.set(contact.id, i * width);
    out.set(packPeer(contact), i * width + ID_LENGTH);
  }
  return out;
}

/** At most `most` of the nodes; what follows the last whole one is passed over, as programs send such lists. */
export function unpackNodes(bytes: Uint8Array, family: Family, most: number): Contact[] {
  const width = ID_LENGTH + peerLength(family);
  const contacts: Contact[] = [];
  for (let at = 0; at + width <= bytes.length && contacts.length < most; at += width) {
    const peer = unpackPeer(bytes.subarray(at + ID_LENGTH, at + width), family);
    // Copied: a node may be remembered for hours, the datagram must not.
    if (peer !== undefined) contacts.push({ id: bytes.slice(at, at + ID_LENGTH), ...peer });
  }
  return contacts;
}

/** What one party is supposed to have many addresses of: a /24, or a /64 of IPv6. */
export function netOf(ip: Address): string {
  return isIPv4(ip) ? ip.slice(0, ip.lastIndexOf('.')) : prefixOf(ip, 64);
}

/** Whether `ip` belongs to this machine or to networks around it, whose addresses prove nothing (BEP 42). */
export function isLocal(ip: Address): boolean {
  return scopeOf(ip) !== 'global';
}
