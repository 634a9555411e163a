import type { PeerAddress } from './duplex.ts';

/** A peer that PEX tells of (BEP 11). */
export interface PexPeer extends PeerAddress {
  readonly prefersEncryption: boolean;
  readonly seed: boolean;
  readonly reachable: boolean;
}

/** Messages of the extension protocol (BEP 10), both ways; unknown ones do not get here. */
export type ExtensionMessage =
  | {
      readonly kind: 'handshake';
      /** Bytes of the info dictionary (BEP 9), checked against the limit. */
      readonly metadataSize?: number;
      readonly client?: string;
      /** Port on which the peer listens. */
      readonly port?: number;
      /** Requests the peer lets wait (reqq). */
      readonly requestQueue?: number;
      /** BEP 21. */
      readonly uploadOnly: boolean;
      /** How the peer sees this node: 4 or 16 bytes. */
      readonly yourIp?: Uint8Array;
      /** The peer's other addresses: 4 and 16 bytes. */
      readonly ipv4?: Uint8Array;
      readonly ipv6?: Uint8Array;
      /** What the peer speaks. */
      readonly speaks: { readonly metadata: boolean; readonly pex: boolean; readonly dontHave: boolean };
    }
  | { readonly kind: 'metadata-request'; readonly piece: number }
  /** `size` is that of the whole info dictionary; `bytes` are valid during the call only. */
  | { readonly kind: 'metadata-data'; readonly piece: number; readonly size: number; readonly bytes: Uint8Array }
  | { readonly kind: 'metadata-reject'; readonly piece: number }
  | { readonly kind: 'pex'; readonly added: readonly PexPeer[]; readonly dropped: readonly PeerAddress[] }
  /** BEP 54. */
  | { readonly kind: 'dont-have'; readonly piece: number };
