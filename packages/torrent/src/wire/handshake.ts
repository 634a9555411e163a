/**
 * The handshake (BEP 3): 19 | "BitTorrent protocol" | reserved(8) | info-hash(20) | peer id(20) = 68 bytes.
 *
 * Reserved bits, counted from the left: 43 extensions (BEP 10), 59 the v2 hash is known (BEP 52), 61 fast (BEP 6),
 * 63 DHT (BEP 5).
 */
import { utf8 } from '@kith/core';
import { WireError } from './error.ts';

export interface Handshake {
  /** v1's hash, or v2's cut to 20 bytes (BEP 52). */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  /** BEP 10. */
  readonly extensions: boolean;
  /** BEP 6. */
  readonly fast: boolean;
  /** BEP 5. */
  readonly dht: boolean;
  /** BEP 52: the peer knows a hybrid torrent's v2 hash as well. */
  readonly v2: boolean;
}

export const HANDSHAKE_LENGTH = 68;

/** What every handshake begins with; an encrypted one begins with something else. */
export const PROTOCOL: Uint8Array = Uint8Array.from([19, ...utf8('BitTorrent protocol')]);

const RESERVED = PROTOCOL.length;
const INFO_HASH = RESERVED + 8;
const PEER_ID = INFO_HASH + 20;

const EXTENSIONS = { byte: RESERVED + 5, bit: 0x10 };
const V2 = { byte: RESERVED + 7, bit: 0x10 };
const FAST = { byte: RESERVED + 7, bit: 0x04 };
const DHT = { byte: RESERVED + 7, bit: 0x01 };

/** @throws RangeError where the hash or the peer id has not 20 bytes */
export function encodeHandshake(handshake: Handshake): Uint8Array {
  const { infoHash, peerId } = handshake;
  if (infoHash.length !== 20 || peerId.length !== 20) {
    throw new RangeError(`info-hash and peer id have 20 bytes each, not ${infoHash.length} and ${peerId.length}`);
  }
  const out = new Uint8Array(HANDSHAKE_LENGTH);
  out.set(PROTOCOL);
  out.set(infoHash, INFO_HASH);
  out.set(peerId, PEER_ID);
  const set = (flag: boolean, { byte, bit }: { byte: number; bit: number }): void => {
    if (flag) out[byte] = (out[byte] as number) | bit;
  };
  set(handshake.extensions, EXTENSIONS);
  set(handshake.v2, V2);
  set(handshake.fast, FAST);
  set(handshake.dht, DHT);
  return out;
}

/**
 * Copies what it keeps.
 * @throws WireError
 */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  if (bytes.length !== HANDSHAKE_LENGTH) throw new WireError(`a handshake of ${bytes.length} bytes`);
  for (let i = 0; i < PROTOCOL.length; i++) if (bytes[i] !== PROTOCOL[i]) throw new WireError('another protocol');
  const has = ({ byte, bit }: { byte: number; bit: number }): boolean => ((bytes[byte] as number) & bit) !== 0;
  return {
    infoHash: bytes.slice(INFO_HASH, PEER_ID),
    peerId: bytes.slice(PEER_ID),
    extensions: has(EXTENSIONS),
    fast: has(FAST),
    dht: has(DHT),
    v2: has(V2),
  };
}
