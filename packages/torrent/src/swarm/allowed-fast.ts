import { addressBytes, concat, isIPv4, parseAddress, readUint32BE } from '@kith/core';
import type { Hashes } from '../hashes.ts';

/** Pieces that a choked peer may ask for. */
const COUNT = 10;

/**
 * The allowed fast set of a peer (BEP 6): pieces that follow from its /24 and the torrent, so that reconnecting does not
 * bring others. Empty for IPv6, for which none is defined.
 * @param infoHash 20 bytes
 */
export function allowedFast(ip: string, infoHash: Uint8Array, pieceCount: number, hashes: Hashes): number[] {
  let address;
  try {
    address = parseAddress(ip);
  } catch {
    return [];
  }
  if (!isIPv4(address)) return [];
  const pieces = new Set<number>();
  let x = concat(
    addressBytes(address).map((byte, i) => (i < 3 ? byte : 0)),
    infoHash,
  );
  const most = Math.min(COUNT, pieceCount);
  while (pieces.size < most) {
    x = hashes.sha1(x);
    for (let i = 0; i < 5 && pieces.size < most; i++) pieces.add(readUint32BE(x, 4 * i) % pieceCount);
  }
  return [...pieces];
}
