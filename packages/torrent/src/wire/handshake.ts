/**
 * The handshake (BEP 3): 19 | "BitTorrent protocol" | reserved(8) | info-hash(20) | peer id(20) = 68 bytes.
 */
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
