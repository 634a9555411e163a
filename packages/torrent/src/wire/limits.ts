/**
 * What one connection takes from a stranger. All are checked on what a message says of itself, before anything of it is
 * stored; what is stored grows with the bytes that come and not with those that were announced.
 */
export interface WireLimits {
  /** Bytes of a block that comes (message 7). */
  readonly block: number;
  /**
   * Bytes that a peer may ask for at once. BEP 3 names 16 KiB, and everybody asks for that; more than 128 KiB would let
   * a request of 17 bytes hold too much memory.
   */
  readonly request: number;
  /** Bytes of a bitfield: 256 KiB are two million pieces. */
  readonly bitfield: number;
  /** Bytes of a message of the extension protocol (BEP 10). Metadata comes in 16 KiB, PEX in less. */
  readonly extension: number;
  /** Hashes of a tree in one message (BEP 52), proof included. */
  readonly hashes: number;
  /** Bytes of an info dictionary that a peer may offer (BEP 9). */
  readonly metadata: number;
  /** Peers taken from each list of a PEX message (BEP 11); the rest is passed over. */
  readonly pexPeers: number;
}

export const WIRE_LIMITS: WireLimits = {
  block: 16_384,
  request: 16_384,
  bitfield: 256 * 1024,
  extension: 64 * 1024,
  hashes: 8192 + 64,
  metadata: 32 * 1024 * 1024,
  pexPeers: 100,
};
