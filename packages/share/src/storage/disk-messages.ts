import type { Fault } from './storage-error.ts';

/** A torrent as a disk worker needs it. */
export interface Plan {
  readonly torrent: number;
  /** Everything lies below; it must exist, because it may be a disk that is not mounted. */
  readonly folder: string;
  readonly length: number;
  readonly files: readonly PlanFile[];
  /** Where bytes of unwanted files go that share a piece with a wanted one. */
  readonly parts: string;
  /** 1 for files that are to be on disk, by index. */
  readonly wanted: Uint8Array;
}

export interface PlanFile {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly padding: boolean;
  readonly executable: boolean;
  /** Path of what a symbolic link points to; empty where nothing is to be made. */
  readonly link?: string;
}

/** Size and time of the last change of files, by index; size -1 where the file is missing. */
export interface Stamps {
  readonly sizes: Float64Array;
  readonly mtimes: BigInt64Array;
}

/** Rare work that comes as a message, in order with the jobs of the ring. */
export type Ask =
  | { readonly ask: 'open'; readonly plan: Plan }
  | { readonly ask: 'close'; readonly torrent: number }
  /** Which files are wanted from now on. What the `have` pieces left in the part file moves to newly wanted ones. */
  | {
      readonly ask: 'select';
      readonly torrent: number;
      readonly wanted: Uint8Array;
      readonly have: Uint8Array;
      readonly pieceLength: number;
    }
  /** Creates wanted files without bytes and links; says what the others still need and what is free. */
  | { readonly ask: 'prepare'; readonly torrent: number }
  /** Paths written to since the last time. */
  | { readonly ask: 'dirty'; readonly torrent: number }
  | { readonly ask: 'stamp'; readonly torrent: number }
  /** Takes the files as they are for unchanged. */
  | { readonly ask: 'accept'; readonly torrent: number }
  /** Memory of a piece too large for the pool, for the job that follows. */
  | { readonly ask: 'slab'; readonly memory: SharedArrayBuffer };

export interface Space {
  readonly needs: number;
  readonly free: number;
}

/** What came of one job: by its kind. */
export type Outcome =
  | { readonly job: number; readonly fault: Fault }
  | { readonly job: number; readonly ok: boolean; readonly blocks: Uint8Array }
  | { readonly job: number; readonly answer: Stamps | Space | readonly string[] | undefined };

/** What a worker sends, at most once per batch. Without content it only wakes. */
export interface Report {
  readonly outcomes?: readonly Outcome[];
}

export interface WorkerSetup {
  readonly ring: SharedArrayBuffer;
  readonly slabs: SharedArrayBuffer;
  /** Where READ puts what it read. */
  readonly reads: SharedArrayBuffer;
  /** How many files stay open. */
  readonly handles: number;
}
