/** Memory of one piece while its blocks arrive. `bytes` has the size of the piece. */
export interface PieceBuffer {
  readonly piece: number;
  readonly bytes: Uint8Array;
}

/**
 * What a piece must hash to. A hybrid torrent has both. `leaves` is the number of leaves of the (sub)tree whose root is
 * meant, a power of two: blocks that the piece lacks count as leaves of zeros (BEP 52).
 */
export interface PieceCheck {
  /** SHA-1 over the piece as v1 sees it, padding included (BEP 3, BEP 47). */
  readonly sha1?: Uint8Array;
  readonly merkle?: { readonly root: Uint8Array; readonly leaves: number; readonly bytes: number };
}

export type CommitResult =
  | { readonly ok: true; readonly blocks?: Uint8Array }
  /** SHA-256 of each block, 32 bytes each: whoever sent a block that differs from the right one lied. */
  | { readonly ok: false; readonly blocks: Uint8Array };

/**
 * Where the pieces of one torrent lie. Errors are `KithError` with a code of STORAGE_*; nothing verified is lost by them,
 * and the same call may succeed once the cause is gone. Bytes that are in no file (padding, BEP 47) are the store's: it
 * makes them zero before it hashes, so nobody needs to ask peers for blocks of padding.
 */
export interface PieceStore {
  /** Undefined when the memory for pieces in flight is spent; `onRoom` says when to ask again. */
  acquire(piece: number): PieceBuffer | undefined;
  onRoom: (() => void) | undefined;
  /** Takes the buffer back without writing. */
  release(buffer: PieceBuffer): void;
  /**
   * Hashes the buffer and, if it is right, writes it. The buffer is the store's from here on. `wantBlocks` asks for the
   * hashes of the blocks of a right piece too, to convict those who sent wrong ones before.
   */
  commit(buffer: PieceBuffer, check: PieceCheck, wantBlocks: boolean): Promise<CommitResult>;
  /**
   * Bytes of a verified piece. They are the store's, and valid until the turn of the event loop ends in which they come: who
   * keeps them copies them. Synchronous where they are cached, so that a burst of requests is answered with one write.
   */
  read(piece: number, begin: number, length: number): Uint8Array | Promise<Uint8Array>;
  /** Ends after what was committed is written. */
  close(): Promise<void>;
}
