import { mkdir, open as openFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KithError, toHex } from '@kith/core';
import type { CommitResult, Metainfo, PieceBuffer, PieceCheck, PieceStore } from '@kith/torrent';
import type { DiskLane } from './disk-lane.ts';
import type { Plan, Stamps } from './disk-messages.ts';
import type { ReadCache, Run } from './read-cache.ts';
import type { Slab, SlabPool } from './slab-pool.ts';
import { faultOf, storageError } from './storage-error.ts';

export interface DiskStoreOptions {
  /** Where the torrent's files go. Must exist: a folder that is gone may be a disk that is not mounted. */
  readonly folder: string;
  /** By file; all by default. Others are not created; bytes that come with their neighbours go to a hidden part file. */
  readonly wanted?: readonly boolean[];
}

/** One cached line: a piece, or a part of a large one. Also how far reading ahead goes. */
const LINE = 262_144;
/** Places where somebody reads one piece after the other; a few of them, because peers read side by side. */
const HEADS = 16;

class DiskBuffer implements PieceBuffer {
  readonly piece: number;
  readonly bytes: Uint8Array;
  readonly slab: Slab;

  constructor(piece: number, slab: Slab) {
    this.piece = piece;
    this.bytes = slab.bytes;
    this.slab = slab;
  }
}

/** A torrent's pieces in files. Made by `Disk.open`. */
export class DiskStore implements PieceStore {
  onRoom: (() => void) | undefined = undefined;
  readonly #id: number;
  readonly #torrent: Metainfo;
  readonly #plan: Plan;
  readonly #lane: DiskLane;
  readonly #slabs: SlabPool;
  readonly #cache: ReadCache;
  readonly #linesPerPiece: number;
  /** Lines that are being read, with the runs that they come with. */
  readonly #loading: Map<number, Promise<Run>> = new Map();
  /** Line after the last run that was read → lines of that run. */
  readonly #heads: Map<number, number> = new Map();
  readonly #room = (): void => this.onRoom?.();
  #opened = false;
  #closed = false;

  constructor(
    id: number,
    torrent: Metainfo,
    options: DiskStoreOptions,
    lane: DiskLane,
    slabs: SlabPool,
    cache: ReadCache,
  ) {
    this.#id = id;
    this.#torrent = torrent;
    this.#plan = planOf(id, torrent, options);
    this.#lane = lane;
    this.#slabs = slabs;
    this.#cache = cache;
    this.#linesPerPiece = Math.ceil(torrent.pieceLength / LINE);
  }

  acquire(piece: number): PieceBuffer | undefined {
    const slab = this.#slabs.acquire(this.#torrent.pieceSize(piece), this.#room);
    return slab === undefined ? undefined : new DiskBuffer(piece, slab);
  }

  release(buffer: PieceBuffer): void {
    this.#slabs.release(slabOf(buffer));
  }

  commit(buffer: PieceBuffer, check: PieceCheck, wantBlocks: boolean): Promise<CommitResult> {
    const { piece } = buffer;
    const slab = slabOf(buffer);
    this.#slabs.committed(slab);
    this.#open();
    return new Promise((resolve, reject) => {
      const ended = (): void => {
        this.#forget(piece);
        this.#slabs.release(slab, true);
      };
      this.#lane.commit(
        this.#id,
        piece * this.#torrent.pieceLength,
        slab,
        check,
        wantBlocks,
        (result) => {
          ended();
          resolve(result);
        },
        (error) => {
          ended();
          reject(error);
        },
      );
    });
  }

  /** Whether what is stored of a piece is right. For checking again; reads past the cache. */
  check(piece: number, check: PieceCheck): Promise<boolean> {
    this.#open();
    return this.#lane.check(this.#id, piece * this.#torrent.pieceLength, this.#torrent.pieceSize(piece), check);
  }

  read(piece: number, begin: number, length: number): Uint8Array | Promise<Uint8Array> {
    const first = Math.floor(begin / LINE);
    const at = begin - first * LINE;
    if (at + length > LINE) return this.#readAcross(piece, begin, length, LINE - at);
    const line = piece * this.#linesPerPiece + first;
    const cached = this.#cache.get(this.#key(line), at, length);
    if (cached !== undefined) return cached;
    return this.#part(this.#loading.get(line) ?? this.#load(piece, first, line), piece, line, at, length);
  }

  /**
   * Makes the folder ready for downloading: creates wanted files without bytes, and says STORAGE_FULL before the first
   * byte is loaded. `full` writes zeros to what is not on disk yet, so that the disk cannot fill up later; without it
   * files are sparse and take room as pieces come.
   */
  async prepare(allocation: 'sparse' | 'full' = 'sparse'): Promise<void> {
    this.#open();
    const space = await this.#lane.ask({ ask: 'prepare', torrent: this.#id });
    if (space === undefined || !('needs' in space)) return;
    if (space.needs > space.free) {
      const { folder } = this.#plan;
      throw storageError({ code: 'ENOSPC', path: folder, doing: 'prepare', detail: '', ...space });
    }
    if (allocation === 'sparse') return;
    for (const [index, file] of this.#plan.files.entries()) {
      if (!file.padding && this.#plan.wanted[index] === 1) await fillFile(file.path, file.length);
    }
  }

  /**
   * Which files are wanted from now on, by file. `have`: bits of the verified pieces as on the wire; what they left in the
   * part file moves to files that became wanted. Files that are no longer wanted keep what they have.
   */
  async select(wanted: readonly boolean[], have: Uint8Array): Promise<void> {
    this.#open();
    const bits = Uint8Array.from(wanted, Number);
    const { pieceLength } = this.#torrent;
    await this.#lane.ask({ ask: 'select', torrent: this.#id, wanted: bits, have, pieceLength });
    this.#plan.wanted.set(bits.subarray(0, this.#plan.wanted.length));
  }

  /** Size and time of every file, by index; -1 for missing ones and padding. */
  async stamp(): Promise<Stamps> {
    this.#open();
    const stamps = await this.#lane.ask({ ask: 'stamp', torrent: this.#id });
    if (stamps !== undefined && 'sizes' in stamps) return stamps;
    throw new KithError('STORAGE_FAILED', `Cannot look at the files in ${this.#plan.folder}.`);
  }

  /** Makes what was written so far outlive a power failure. Does not keep other work waiting. */
  async sync(): Promise<void> {
    this.#open();
    const paths = await this.#lane.ask({ ask: 'dirty', torrent: this.#id });
    if (!Array.isArray(paths)) return;
    const left: unknown[] = [...paths];
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let path = left.pop(); typeof path === 'string'; path = left.pop()) await syncFile(path);
      }),
    );
  }

  /** Takes the files as they are now for unchanged: after they were checked. */
  async accept(): Promise<void> {
    this.#open();
    this.#cache.drop(this.#id);
    await this.#lane.ask({ ask: 'accept', torrent: this.#id });
  }

  /** Removes the torrent's files, but no folder and nothing that is not the torrent's. */
  async remove(): Promise<void> {
    await this.close();
    for (const { path, padding } of [...this.#plan.files, { path: this.#plan.parts, padding: false }]) {
      if (!padding) await rm(path, { force: true });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cache.drop(this.#id);
    if (this.#opened) await this.#lane.ask({ ask: 'close', torrent: this.#id });
  }

  /** A thousand torrents that nobody asks for cost their worker nothing. */
  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#lane.ask({ ask: 'open', plan: this.#plan }).catch(() => {
      // The job that needed it fails with the same error.
    });
  }

  #key(line: number): number {
    return this.#id * 2 ** 32 + line;
  }

  async #readAcross(piece: number, begin: number, length: number, before: number): Promise<Uint8Array> {
    const whole = new Uint8Array(length);
    const copy = async (from: number, to: number) => {
      whole.set(await this.read(piece, begin + from, to - from), from);
    };
    await Promise.all([copy(0, before), copy(before, length)]);
    return whole;
  }

  async #part(loading: Promise<Run>, piece: number, line: number, at: number, length: number): Promise<Uint8Array> {
    const run = await loading;
    const begin = (this.#key(line) - run.first) * run.line + at;
    if (begin + length <= run.length) return run.slab.bytes.subarray(begin, begin + length);
    // It could not be read ahead with its neighbours.
    const size = this.#torrent.pieceSize(piece);
    const alone = await this.#read(piece * this.#torrent.pieceLength, size, size, piece, 1);
    this.#cache.release(alone);
    return alone.slab.bytes.subarray(at, at + length);
  }

  /** Reads a line, and those after it where somebody reads in order: twice as many each time. */
  #load(piece: number, part: number, line: number): Promise<Run> {
    this.#open();
    const torrent = this.#torrent;
    const offset = piece * torrent.pieceLength + part * LINE;
    const least = Math.min(LINE, torrent.pieceSize(piece) - part * LINE);
    const lines = torrent.pieceLength < LINE ? this.#ahead(line) : 1;
    const length = lines === 1 ? least : Math.min(lines * torrent.pieceLength, torrent.length - offset);
    const loading = this.#read(offset, length, least, line, lines);
    for (let i = 0; i < lines; i++) this.#loading.set(line + i, loading);
    loading.then(
      (run) => this.#loaded(loading, line, run),
      () => this.#loadedNot(loading, line, lines),
    );
    return loading;
  }

  /** Keeps the lines that came, but for those whose pieces were committed meanwhile. */
  #loaded(loading: Promise<Run>, line: number, run: Run): void {
    for (let i = 0; i < run.lines; i++) {
      const begin = i * run.line;
      const size = run.lines === 1 ? run.length : this.#torrent.pieceSize(line + i);
      if (this.#loading.get(line + i) !== loading) continue;
      this.#loading.delete(line + i);
      if (begin + size <= run.length) this.#cache.keep(this.#key(line + i), run);
    }
    this.#cache.release(run);
  }

  #loadedNot(loading: Promise<Run>, line: number, lines: number): void {
    for (let i = 0; i < lines; i++) {
      if (this.#loading.get(line + i) === loading) this.#loading.delete(line + i);
    }
  }

  async #read(offset: number, length: number, least: number, line: number, lines: number): Promise<Run> {
    const run = await this.#cache.acquire(length, this.#key(line), this.#torrent.pieceLength, lines);
    try {
      run.length = await this.#lane.read(this.#id, offset, run.slab, least);
      return run;
    } catch (error) {
      this.#cache.release(run);
      throw error;
    }
  }

  #ahead(line: number): number {
    const before = this.#heads.get(line);
    this.#heads.delete(line);
    const most = Math.min(Math.floor(LINE / this.#torrent.pieceLength), this.#torrent.pieceCount - line);
    // Peers take small pieces in runs that begin at such places.
    const begins = before === undefined && line % Math.floor(LINE / this.#torrent.pieceLength) === 0;
    let lines = Math.max(1, begins ? most : Math.min(most, (before ?? 0.5) * 2));
    for (let i = 1; i < lines; i++) {
      if (this.#loading.has(line + i) || this.#cache.has(this.#key(line + i))) lines = i;
    }
    this.#heads.set(line + lines, lines);
    for (const oldest of this.#heads.keys()) {
      if (this.#heads.size <= HEADS) break;
      this.#heads.delete(oldest);
    }
    return lines;
  }

  #forget(piece: number): void {
    for (let i = 0; i < this.#linesPerPiece; i++) {
      const line = piece * this.#linesPerPiece + i;
      this.#loading.delete(line);
      this.#cache.delete(this.#key(line));
    }
  }
}

function slabOf(buffer: PieceBuffer): Slab {
  if (buffer instanceof DiskBuffer) return buffer.slab;
  throw new TypeError('a buffer of another store');
}

function planOf(id: number, torrent: Metainfo, { folder, wanted }: DiskStoreOptions): Plan {
  return {
    torrent: id,
    folder,
    length: torrent.length,
    files: torrent.files.map(({ path, offset, length, padding, executable, symlink }) => ({
      ...{ path: join(folder, ...path), offset, length, padding, executable },
      ...(symlink === undefined ? {} : { link: symlink.length === 0 ? '' : join(folder, ...symlink) }),
    })),
    parts: join(folder, `.${toHex(torrent.infoHash ?? torrent.infoHashV2 ?? new Uint8Array(0)).slice(0, 40)}.parts`),
    wanted: Uint8Array.from(torrent.files, (_, index) => (wanted?.[index] === false ? 0 : 1)),
  };
}

async function syncFile(path: string): Promise<void> {
  try {
    const file = await openFile(path, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageError(faultOf(error, path, 'write'));
  }
}

/** Writes zeros behind what a file has: Node knows no fallocate. */
async function fillFile(path: string, length: number): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await openFile(path, 'a');
    try {
      const { size } = await file.stat();
      const zeros = new Uint8Array(LINE);
      for (let at = size; at < length; at += LINE) await file.write(zeros, 0, Math.min(LINE, length - at));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageError(faultOf(error, path, 'write'));
  }
}
