/** Runs in a worker thread: reads the pieces of a job and hashes them, SHA-1 and SHA-256 over the same read. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { BLOCK, merkleRoot } from '@kith/torrent';
import { nodeHashes } from '../node-hashes.ts';
import type { HashJob, HashPiece, HashResult, HashSegment } from './hash-job.ts';
import { reasonOf } from './walk.ts';

/** Bytes of one read, a multiple of a block. */
const WINDOW = 1 << 20;

class Changed extends Error {}

/** Reads files in windows: pieces are often smaller than what is good to read at once. */
class WindowReader {
  readonly #window = new Uint8Array(WINDOW);
  #source: string | undefined;
  #file = -1;
  #from = 0;
  #until = 0;

  /** A view on at least 1 and at most `most` bytes from `position` on, valid until the next call. */
  read(source: string, position: number, most: number): Uint8Array {
    if (source !== this.#source) this.#open(source);
    if (position < this.#from || position >= this.#until) {
      this.#from = position;
      this.#until = position + this.#fill(position);
    }
    if (position >= this.#until) throw new Changed('it became shorter while it was read');
    const at = position - this.#from;
    return this.#window.subarray(at, Math.min(this.#until - this.#from, at + most));
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#source = undefined;
    this.#from = 0;
    this.#until = 0;
  }

  #open(source: string): void {
    this.close();
    this.#file = openSync(source, 'r');
    this.#source = source;
  }

  /** A read may be cut short; then the next call reads on. */
  #fill(position: number): number {
    let filled = 0;
    while (filled < WINDOW) {
      const count = readSync(this.#file, this.#window, filled, WINDOW - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }
}

const reader = new WindowReader();
const zeros = new Uint8Array(BLOCK);

function run(job: HashJob): HashResult {
  const sha1 = new Uint8Array(job.sha1 ? job.pieces.length * 20 : 0);
  const trees = job.pieces.some((piece) => piece.leaves > 0);
  const roots = new Uint8Array(trees ? job.pieces.length * 32 : 0);
  let source = '';
  try {
    for (const [i, piece] of job.pieces.entries()) {
      const whole = job.sha1 ? createHash('sha1') : undefined;
      const leaves: Uint8Array[] = [];
      for (const segment of piece.segments) {
        source = segment.source ?? source;
        hashSegment(segment, piece, whole, leaves);
      }
      if (whole !== undefined) sha1.set(whole.digest(), i * 20);
      if (piece.leaves > 0) roots.set(merkleRoot(Buffer.concat(leaves), 0, piece.leaves, nodeHashes), i * 32);
    }
  } catch (error) {
    return { failed: source, changed: error instanceof Changed, reason: reasonOf(error) };
  } finally {
    // A file must not stay open between jobs: whoever deletes it wants its space back.
    reader.close();
  }
  return { sha1, roots };
}

function hashSegment(segment: HashSegment, piece: HashPiece, whole: Hash | undefined, leaves: Uint8Array[]): void {
  const { source } = segment;
  if (source === undefined) {
    for (let left = segment.length; left > 0; left -= BLOCK) whole?.update(zeros.subarray(0, Math.min(left, BLOCK)));
    return;
  }
  for (let at = 0; at < segment.length;) {
    const bytes = reader.read(source, segment.begin + at, segment.length - at);
    whole?.update(bytes);
    // Windows and pieces begin at blocks, so a view ends inside of one only where the file does.
    for (let i = 0; piece.leaves > 0 && i < bytes.length; i += BLOCK) {
      leaves.push(nodeHashes.sha256(bytes.subarray(i, i + BLOCK)));
    }
    at += bytes.length;
  }
}

parentPort?.on('message', (job: HashJob) => {
  parentPort?.postMessage(run(job));
});
