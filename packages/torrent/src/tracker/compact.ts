/**
 * Compact peers (BEP 23, BEP 7): address of 4 or 16 bytes and port of 2 in network order, one after the other. What cannot be
 * a peer is passed over: port 0, and addresses that nobody can have.
 */
import { type Address, addressFrom, readUint16BE, scopeOf } from '@kith/core';
import type { PeerAddress } from '../wire/duplex.ts';
import { TrackerError } from './announce.ts';

/** @throws TrackerError `malformed` unless there are whole entries */
export function readPeers(bytes: Uint8Array, family: 4 | 6, most: number): PeerAddress[] {
  const width = (family === 4 ? 4 : 16) + 2;
  if (bytes.length % width !== 0) {
    throw new TrackerError('malformed', `${bytes.length} bytes of peers are not a multiple of ${width}`);
  }
  const peers: PeerAddress[] = [];
  for (let at = 0; at < bytes.length && peers.length < most; at += width) {
    const peer = peerFrom(bytes.subarray(at, at + width - 2), readUint16BE(bytes, at + width - 2));
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/** `ip` has 4 or 16 bytes. */
function peerFrom(ip: Uint8Array, port: number): PeerAddress | undefined {
  if (port === 0) return undefined;
  const address: Address = addressFrom(mapped(ip) ? ip.subarray(12) : ip);
  return scopeOf(address) === 'unusable' ? undefined : { ip: address, port };
}

/** IPv4 inside IPv6 (RFC 4291 section 2.5.5.2). */
export function mapped(ip: Uint8Array): boolean {
  if (ip.length !== 16 || ip[10] !== 0xff || ip[11] !== 0xff) return false;
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return true;
}
