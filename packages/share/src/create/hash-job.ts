import { BLOCK, powerOfTwo, type TorrentPlan } from '@kith/torrent';

/** Bytes of one file, or zeros where `source` is missing. */
export interface HashSegment {
  readonly source?: string;
  readonly begin: number;
  readonly length: number;
}

export interface HashPiece {
  readonly segments: HashSegment[];
  /** Leaves of the piece's tree, a power of two; 0 in v1, which has none. */
  readonly leaves: number;
}

/** Pieces in a row, hashed by one worker. */
export interface HashJob {
  /** Index of the first piece. */
  readonly first: number;
  readonly sha1: boolean;
  readonly pieces: readonly HashPiece[];
  /** Bytes read from files. */
  readonly bytes: number;
}

/** 20 and 32 bytes for each piece of the job, nothing where the version has no such hash. */
export type HashResult =
  | { readonly sha1: Uint8Array; readonly roots: Uint8Array }
  /** `changed`: the file ended before its length. */
  | { readonly failed: string; readonly changed: boolean; readonly reason: string };

/** Enough for a worker to be busy for some milliseconds. */
const JOB_BYTES = 8 << 20;
const JOB_SEGMENTS = 512;

/** Cuts a plan into jobs. `sources` are the paths on disk of the plan's files; undefined for what has no bytes on disk. */
export function* jobsOf(plan: TorrentPlan, sources: readonly (string | undefined)[]): Generator<HashJob> {
  let pieces: HashPiece[] = [];
  let first = 0;
  let segments = 0;
  let bytes = 0;
  for (const piece of piecesOf(plan, sources)) {
    pieces.push(piece);
    segments += piece.segments.length;
    for (const segment of piece.segments) if (segment.source !== undefined) bytes += segment.length;
    if (bytes < JOB_BYTES && segments < JOB_SEGMENTS) continue;
    yield { first, sha1: plan.version !== 'v2', pieces, bytes };
    first += pieces.length;
    pieces = [];
    segments = 0;
    bytes = 0;
  }
  if (pieces.length > 0) yield { first, sha1: plan.version !== 'v2', pieces, bytes };
}

function* piecesOf(plan: TorrentPlan, sources: readonly (string | undefined)[]): Generator<HashPiece> {
  const { geometry } = plan;
  let index = 0;
  let piece: HashPiece | undefined;
  let left = 0;
  for (const [i, file] of plan.files.entries()) {
    const source = sources[i];
    for (let begin = 0; begin < file.length;) {
      if (piece === undefined) {
        piece = {
          segments: [],
          leaves: plan.version === 'v1' ? 0 : powerOfTwo(leavesOf(file.length, geometry.pieceLength)),
        };
        left = geometry.pieceSize(index++);
      }
      const length = Math.min(file.length - begin, left);
      piece.segments.push({ ...(source === undefined ? {} : { source }), begin, length });
      begin += length;
      left -= length;
      if (left > 0) continue;
      yield piece;
      piece = undefined;
    }
  }
}

function leavesOf(fileLength: number, pieceLength: number): number {
  return Math.ceil(Math.min(fileLength, pieceLength) / BLOCK);
}
