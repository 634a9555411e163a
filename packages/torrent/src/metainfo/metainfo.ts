/** A torrent's metainfo after parsing: every length checked, every path safe to create below a folder. */
export interface TorrentFile {
  /**
   * Where it goes below the folder for downloads, every component safe to create: `[name]` for a torrent of one file,
   * `[torrent's name, …]` otherwise. No two files have the same, nor is one a folder of another.
   */
  readonly path: readonly string[];
  /** The components that the torrent names, where `path` had to differ: web seeds know the file by these. */
  readonly original?: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Where the file begins in the stream of pieces; in v2, if it is not empty, at the start of a piece. Never falls. */
  readonly offset: number;
  /** Padding (BEP 47): zeros that are part of v1 pieces and of no file on disk. */
  readonly padding: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  /**
   * Only for symbolic links (BEP 47), which have no bytes: the `path` of the file or folder of this torrent that the link
   * points to. Empty where it would point to anything else: then nothing is to be made.
   */
  readonly symlink?: readonly string[];
  /** Root of the file's tree (v2 and hybrid), absent for empty files and padding. */
  readonly piecesRoot?: Uint8Array;
}

/** How the stream of pieces is cut. Offsets and lengths in bytes. */
export interface Geometry {
  /** Power of two for v2; any multiple of 1 for v1. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Length of the stream: the sum of all files, padding and (v2) alignment included. */
  readonly length: number;
  /** Bytes of a piece on the wire. Last of all, and for v2-only the last of each file, may be short. */
  readonly pieceSize: (piece: number) => number;
}

export interface Metainfo extends Geometry {
  readonly version: 'v1' | 'v2' | 'hybrid';
  /** SHA-1 of the raw info dictionary (v1, hybrid). */
  readonly infoHash?: Uint8Array;
  /** SHA-256 of the raw info dictionary (v2, hybrid). */
  readonly infoHashV2?: Uint8Array;
  /** Safe as a file's name. */
  readonly name: string;
  readonly private: boolean;
  /** In order of the stream. Padding included. */
  readonly files: readonly TorrentFile[];
  /** v1: 20 bytes per piece. Empty for v2 only. */
  readonly pieces: Uint8Array;
  /** v2: hex of pieces root → hashes of the piece layer, 32 bytes each; only files longer than a piece have one. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
  /** Tiers (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  /** BEP 19. */
  readonly webSeeds: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  /** The info dictionary's bytes as they came: what the hashes are of and what peers get (BEP 9). */
  readonly info: Uint8Array;
}

/** What trackers, the DHT and handshakes know a torrent by: 20 bytes, of v2 alone the first of 32 (BEP 52). */
export function infoHash20(metainfo: Pick<Metainfo, 'infoHash' | 'infoHashV2'>): Uint8Array {
  const hash = metainfo.infoHash ?? metainfo.infoHashV2?.subarray(0, 20);
  if (hash === undefined) throw new TypeError('metainfo without an info-hash');
  return hash;
}
