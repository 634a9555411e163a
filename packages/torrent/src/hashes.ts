/** The hashes of BitTorrent. A shell passes the platform's in: OpenSSL inside Node, WebAssembly in a browser. */
export interface Hashes {
  /** 20 bytes (BEP 3). */
  sha1(data: Uint8Array): Uint8Array;
  /** 32 bytes (BEP 52). */
  sha256(data: Uint8Array): Uint8Array;
}

/** Bytes per block: what one request asks for, and what one leaf of a v2 tree covers (BEP 3, BEP 52). */
export const BLOCK: number = 16_384;
