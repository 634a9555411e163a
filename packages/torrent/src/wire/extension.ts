import type { PeerAddress } from './duplex.ts';

/** A peer that PEX tells of (BEP 11). */
export interface PexPeer extends PeerAddress {
  readonly prefersEncryption: boolean;
  readonly seed: boolean;
  readonly reachable: boolean;
}

/** Messages of the extension protocol (BEP 10) after parsing; unknown ones do not get here. */
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
      /** What the peer speaks. */
      readonly speaks: { readonly metadata: boolean; readonly pex: boolean; readonly dontHave: boolean };
    }
  | { readonly kind: 'metadata-request'; readonly piece: number }
  | { readonly kind: 'metadata-data'; readonly piece: number; readonly size: number; readonly bytes: Uint8Array }
  | { readonly kind: 'metadata-reject'; readonly piece: number }
  | { readonly kind: 'pex'; readonly added: readonly PexPeer[]; readonly dropped: readonly PeerAddress[] }
  /** BEP 54. */
  | { readonly kind: 'dont-have'; readonly piece: number };
