import {
  fstatSync,
  lstatSync,
  mkdirSync,
  readSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, relative } from 'node:path';
import { codeOf } from '@kith/core';
import { Layout, type Segment } from '@kith/torrent';
import type { Plan, PlanFile, Space, Stamps } from './disk-messages.ts';
import type { FileHandles, Handle } from './file-handles.ts';
import { type Fault, faultOf } from './storage-error.ts';

/** How often a file that is in use is looked at, in ms. */
const LOOK_EVERY = 1000;
const COPY = 1_048_576;

/** Carries a {@link Fault} from where it happened to the end of the job. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.detail);
    this.fault = fault;
  }
}

/**
 * The files of one torrent, inside a disk worker. A file that is wanted, or is there already, is on disk; what comes for
 * any other goes to the part file, a sparse one in which every byte stands where it stands in the stream.
 */
export class TorrentFiles {
  readonly plan: Plan;
  readonly layout: Layout;
  readonly #handles: FileHandles;
  readonly #wanted: Uint8Array;
  /** Unwanted files that were found on disk. */
  readonly #present: Map<number, boolean> = new Map();
  /** Time of last change by file, as long as nothing was written here since; ns. */
  readonly #mtimes: Map<string, bigint> = new Map();
  /** Written to before: one of them that is missing was deleted by somebody, with all that was in it. */
  readonly #seen: Set<string> = new Set();
  #dirty: Set<string> = new Set();

  constructor(plan: Plan, handles: FileHandles) {
    this.plan = plan;
    this.layout = new Layout({ files: plan.files.map(asTorrentFile), length: plan.length });
    this.#handles = handles;
    this.#wanted = plan.wanted.slice();
  }

  /** Where a segment is stored: path and position. */
  place(segment: Segment, offset: number): { readonly path: string; readonly position: number; readonly file: number } {
    const file = this.plan.files[segment.file];
    if (file !== undefined && this.#onDisk(segment.file, file)) {
      return { path: file.path, position: segment.begin, file: segment.file };
    }
    return { path: this.plan.parts, position: offset + segment.at, file: -1 };
  }

  /** A descriptor to write `length` bytes to at `position`. Throws {@link FaultError}. */
  writable(path: string, file: number, position: number, length: number): number {
    try {
      const known = this.plan.files[file];
      const target = known === undefined ? { path } : { path, length: known.length, executable: known.executable };
      const whole = position === 0 && length === known?.length;
      const handle = this.#handles.forWriting(this.plan.folder, target, !this.#seen.delete(path), whole);
      const now = performance.now();
      if (now - handle.lookedAt > LOOK_EVERY) {
        handle.lookedAt = now;
        // Bytes for a file without a name would be lost when it is closed.
        if (fstatSync(handle.fd).nlink === 0) {
          this.#handles.drop(path);
          this.#seen.delete(path);
          throw new FaultError({ code: 'ENOENT', path, doing: 'write', detail: 'it was deleted' });
        }
      }
      this.#seen.add(path);
      this.#mtimes.delete(path);
      this.#dirty.add(path);
      return handle.fd;
    } catch (error) {
      throw this.fault(error, path, 'write');
    }
  }

  /**
   * Fills `into` from the stream; returns how many bytes it got, at least `least`. A file that is not what it was when it
   * was last looked at is a fault, unless `asItIs`.
   */
  read(offset: number, into: Uint8Array, least: number, asItIs: boolean): number {
    for (const segment of this.layout.segments(offset, into.length)) {
      const { at, length } = segment;
      if (segment.file < 0) {
        into.fill(0, at, at + length);
        continue;
      }
      const { path, position, file } = this.place(segment, offset);
      try {
        const handle = this.#handles.forReading(path);
        if (!asItIs && file >= 0) this.#look(handle, path, file);
        let done = 0;
        while (done < length) {
          const n = readSync(handle.fd, into, at + done, length - done, position + done);
          if (n === 0) {
            throw new FaultError({ code: 'CHANGED', path, doing: 'read', detail: 'is shorter than it must be' });
          }
          done += n;
        }
      } catch (error) {
        if (at >= least) return at;
        throw this.fault(error, path, 'read');
      }
    }
    return into.length;
  }

  select(wanted: Uint8Array, have: Uint8Array, pieceLength: number): void {
    for (const [index, file] of this.plan.files.entries()) {
      if (wanted[index] === 1 && this.#wanted[index] === 0 && !file.padding && !this.#onDisk(index, file)) {
        this.#takeFromParts(file, index, have, pieceLength);
      }
      this.#wanted[index] = wanted[index] ?? 0;
    }
    if (this.plan.files.some((file, index) => !file.padding && !this.#onDisk(index, file))) return;
    this.#handles.drop(this.plan.parts);
    this.#dirty.delete(this.plan.parts);
    try {
      unlinkSync(this.plan.parts);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw this.fault(error, this.plan.parts, 'remove');
    }
  }

  prepare(): Space {
    let needs = 0;
    let path = this.plan.folder;
    try {
      for (const [index, file] of this.plan.files.entries()) {
        if (file.padding || this.#wanted[index] === 0) continue;
        path = file.path;
        if (file.link !== undefined) makeLink(file.link, file.path);
        else if (file.length === 0) this.#handles.forWriting(this.plan.folder, file, true);
        else needs += Math.max(0, file.length - allocated(file.path));
      }
      path = this.plan.folder;
      const { bavail, bsize } = statfsSync(path);
      return { needs, free: bavail * bsize };
    } catch (error) {
      throw this.fault(error, path, 'create');
    }
  }

  /** Paths written to since the last call. */
  takeDirty(): string[] {
    const dirty = [...this.#dirty];
    this.#dirty = new Set();
    return dirty;
  }

  stamp(): Stamps {
    const { files } = this.plan;
    const sizes = new Float64Array(files.length).fill(-1);
    const mtimes = new BigInt64Array(files.length);
    for (const [index, file] of files.entries()) {
      if (file.padding) continue;
      const stat = statSync(file.path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || !stat.isFile()) continue;
      sizes[index] = Number(stat.size);
      mtimes[index] = stat.mtimeNs;
    }
    return { sizes, mtimes };
  }

  accept(): void {
    // What is open may be a file that was deleted or replaced since.
    this.close();
    this.#mtimes.clear();
  }

  close(): void {
    for (const file of this.plan.files) this.#handles.drop(file.path);
    this.#handles.drop(this.plan.parts);
  }

  /** What to say of `error`, with the numbers of a full disk. */
  fault(error: unknown, path: string, doing: string): FaultError {
    if (error instanceof FaultError) return error;
    const fault = faultOf(error, path, doing);
    if (fault.code === 'ENOENT') {
      // The folder is the cause where it is missing too.
      const there = statSync(this.plan.folder, { throwIfNoEntry: false }) !== undefined;
      return new FaultError(there ? fault : { ...fault, path: this.plan.folder });
    }
    if (fault.code !== 'ENOSPC') return new FaultError(fault);
    const length = this.plan.files.find((file) => file.path === path)?.length ?? 0;
    const { bavail, bsize } = statfsSync(this.plan.folder);
    return new FaultError({ ...fault, needs: Math.max(0, length - allocated(path)), free: bavail * bsize });
  }

  #onDisk(index: number, file: PlanFile): boolean {
    if (this.#wanted[index] === 1) return true;
    let present = this.#present.get(index);
    if (present === undefined) {
      present = statSync(file.path, { throwIfNoEntry: false })?.isFile() ?? false;
      this.#present.set(index, present);
    }
    return present;
  }

  #look(handle: Handle, path: string, index: number): void {
    const now = performance.now();
    const known = this.#mtimes.get(path);
    if (known !== undefined && now - handle.lookedAt <= LOOK_EVERY) return;
    const stat = fstatSync(handle.fd, { bigint: true });
    const length = this.plan.files[index]?.length ?? 0;
    if (Number(stat.size) !== length) {
      const detail = `has ${stat.size} bytes instead of ${length}: somebody changed it`;
      throw new FaultError({ code: 'CHANGED', path, doing: 'read', detail });
    }
    if (known !== undefined && known !== stat.mtimeNs) {
      const when = new Date(Number(stat.mtimeNs / 1_000_000n)).toISOString();
      throw new FaultError({ code: 'CHANGED', path, doing: 'read', detail: `was changed by somebody at ${when}` });
    }
    this.#mtimes.set(path, stat.mtimeNs);
    handle.lookedAt = now;
  }

  #takeFromParts(file: PlanFile, index: number, have: Uint8Array, pieceLength: number): void {
    let parts: Handle;
    try {
      parts = this.#handles.forReading(this.plan.parts);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw this.fault(error, this.plan.parts, 'read');
    }
    const end = file.offset + file.length;
    const buffer = new Uint8Array(Math.min(COPY, file.length));
    for (let piece = Math.floor(file.offset / pieceLength); piece * pieceLength < end; piece++) {
      if (((have[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) === 0) continue;
      const until = Math.min(end, (piece + 1) * pieceLength);
      for (let at = Math.max(file.offset, piece * pieceLength); at < until;) {
        const n = readSync(parts.fd, buffer, 0, Math.min(buffer.length, until - at), at);
        if (n === 0) break;
        const fd = this.writable(file.path, index, at - file.offset, n);
        try {
          for (let done = 0; done < n;) done += writeSync(fd, buffer, done, n - done, at - file.offset + done);
        } catch (error) {
          throw this.fault(error, file.path, 'write');
        }
        at += n;
      }
    }
  }
}

function makeLink(to: string, path: string): void {
  if (to === '' || lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(relative(dirname(path), to), path);
}

/** Bytes that the file has on disk, holes not counted. */
function allocated(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : stat.blocks * 512;
}

function asTorrentFile(file: PlanFile): {
  path: string[];
  offset: number;
  length: number;
  padding: boolean;
  executable: boolean;
  hidden: boolean;
} {
  const { offset, length, padding, executable } = file;
  return { path: [file.path], offset, length, padding, executable, hidden: false };
}
