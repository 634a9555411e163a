/** A torrent's metainfo after parsing: every length checked, every path safe to create below a folder. */
export interface TorrentFile {
  /** Safe components, the torrent's name not among them for a torrent of one file's own name. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Where the file begins in the stream of pieces. For v2 always at the start of a piece. */
  readonly offset: number;
  /** Padding (BEP 47): zeros that are part of v1 pieces and of no file on disk. */
  readonly padding: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
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
  pieceSize(piece: number): number;
}

export interface Metainfo extends Geometry {
  readonly version: 'v1' | 'v2' | 'hybrid';
  /** SHA-1 of the raw info dictionary (v1, hybrid). */
  readonly infoHash?: Uint8Array;
  /** SHA-256 of the raw info dictionary (v2, hybrid). */
  readonly infoHashV2?: Uint8Array;
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
