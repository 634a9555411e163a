/**
 * Peer exchange (BEP 11): a dictionary of byte strings.
 *
 *   added, dropped      6 bytes for each peer: IPv4 address(4) port(2)
 *   added6, dropped6   18 bytes for each peer: IPv6 address(16) port(2)
 *   added.f, added6.f   1 byte for each peer: 1 prefers encryption, 2 seed, 16 reachable
 */
import { addressBytes, addressFrom, concat, parseAddress, readUint16BE, writeUint16BE } from '@kith/core';
import { encode, type BencodedDict } from '../bencode.ts';
import type { PeerAddress } from './duplex.ts';
import type { PexPeer } from './extension.ts';

/** Added, and dropped, peers of one message at most (BEP 11). */
export const PEX_MOST = 50;

const PREFERS_ENCRYPTION = 0x01;
const SEED = 0x02;
const REACHABLE = 0x10;

/** @throws RangeError for more than {@link PEX_MOST} added or dropped peers, KithError for what is no address */
export function encodePex(added: readonly PexPeer[], dropped: readonly PeerAddress[]): Uint8Array {
  if (added.length > PEX_MOST || dropped.length > PEX_MOST) {
    throw new RangeError(`${added.length} added and ${dropped.length} dropped peers: at most ${PEX_MOST} each`);
  }
  const [added4, added6] = byFamily(added);
  const [dropped4, dropped6] = byFamily(dropped);
  return encode({
    added: concat(...added4.map(compact)),
    'added.f': Uint8Array.from(added4, flagsOf),
    added6: concat(...added6.map(compact)),
    'added6.f': Uint8Array.from(added6, flagsOf),
    dropped: concat(...dropped4.map(compact)),
    dropped6: concat(...dropped6.map(compact)),
  });
}

/** Lenient: a list that is missing or cut is read as far as it goes. At most `most` peers from each list. */
export function decodePex(message: BencodedDict, most: number): { added: PexPeer[]; dropped: PeerAddress[] } {
  const added: PexPeer[] = [];
  const dropped: PeerAddress[] = [];
  for (const [list, size] of [
    ['added', 6],
    ['added6', 18],
  ] as const) {
    const flags = message.get(`${list}.f`);
    for (const [index, address] of addressesIn(message.get(list), size, most)) {
      const bits = flags instanceof Uint8Array ? (flags[index] ?? 0) : 0;
      added.push({
        ...address,
        prefersEncryption: (bits & PREFERS_ENCRYPTION) !== 0,
        seed: (bits & SEED) !== 0,
        reachable: (bits & REACHABLE) !== 0,
      });
    }
  }
  for (const [, address] of addressesIn(message.get('dropped'), 6, most)) dropped.push(address);
  for (const [, address] of addressesIn(message.get('dropped6'), 18, most)) dropped.push(address);
  return { added, dropped };
}

function* addressesIn(list: unknown, size: number, most: number): Generator<[number, PeerAddress]> {
  if (!(list instanceof Uint8Array)) return;
  const count = Math.min(most, Math.floor(list.length / size));
  for (let i = 0; i < count; i++) {
    const end = (i + 1) * size;
    const port = readUint16BE(list, end - 2);
    if (port !== 0) yield [i, { ip: addressFrom(list.subarray(end - size, end - 2)), port }];
  }
}

function byFamily<P extends PeerAddress>(peers: readonly P[]): [v4: P[], v6: P[]] {
  return [peers.filter((peer) => !peer.ip.includes(':')), peers.filter((peer) => peer.ip.includes(':'))];
}

function compact(peer: PeerAddress): Uint8Array {
  const port = new Uint8Array(2);
  writeUint16BE(port, 0, peer.port);
  return concat(addressBytes(parseAddress(peer.ip)), port);
}

function flagsOf(peer: PexPeer): number {
  return (peer.prefersEncryption ? PREFERS_ENCRYPTION : 0) | (peer.seed ? SEED : 0) | (peer.reachable ? REACHABLE : 0);
}
