/** What a share lets in by its link, besides reading its files. */
import type { Duplex, StreamFolder } from '@kith/torrent';

export interface Door {
  readonly folder: StreamFolder;
  /** Hex of the info-hash that the share goes by. */
  readonly id: string;
  /** 20 bytes each: of v1, the first of v2. */
  readonly infoHashes: readonly Uint8Array[];
  /** Bytes of the torrent file. */
  readonly torrent: Uint8Array;
  /** A browser comes as a peer of this share. */
  accept(duplex: Duplex): void;
}
