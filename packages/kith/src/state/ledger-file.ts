/**
 * The ledger on disk: append-only, durable when `append` returns, opened again after a crash at any moment. Layout:
 *   magic(16) "kith ledger v1\0\n", then frames, one per append:
 *   length(4, big endian, of the payload) guard(4) payload checksum(8)
 * guard: CRC-32 over the frame's offset in the file (8, big endian) and its length: a length is believed only with it.
 * payload: records of length(2, big endian) and a statement. checksum: first 8 bytes of SHA-256 over all before it.
 *
 * The next frame is written only after the one before it is durable. So a crash can leave nothing but one unfinished
 * frame at the end, which was never acknowledged: it is cut off at the next opening. Damage anywhere else is not ours,
 * is named and left as it is.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf, KithError } from '@kith/core';
import { stateError, syncFolder } from './files.ts';

const MAGIC = Buffer.from('kith ledger v1\0\n', 'latin1');
const HEADER = 8;
const CHECKSUM = 8;
const RECORD_LIMIT = 0xffff;

export const LEDGER_FILE_LIMITS: { readonly file: number; readonly payload: number } = {
  /** Bytes of a file that are read into memory. */
  file: 256 * 1024 * 1024,
  /** Bytes of payload in one frame; a larger batch becomes several. */
  payload: 1024 * 1024,
};

/** What opening cut off: an append that a crash interrupted. Nothing in it had been acknowledged. */
export interface Repair {
  readonly offset: number;
  readonly bytes: number;
}

export interface LedgerFileOptions {
  /** User id that must own the file; this process's own by default. */
  readonly uid?: number;
}

/** One writer at a time: the lock of the state folder sees to that. All calls block until the disk has answered. */
export class LedgerFile {
  readonly path: string;
  /** The statements that were in the file when it was opened, in the order of their appends. */
  readonly statements: readonly Uint8Array[];
  readonly repair: Repair | null;
  #fd: number | null;
  #end: number;

  private constructor(path: string, fd: number, end: number, statements: readonly Uint8Array[], repair: Repair | null) {
    this.path = path;
    this.statements = statements;
    this.repair = repair;
    this.#fd = fd;
    this.#end = end;
  }

  /** Makes an empty file, mode 0600; the name is durable too. @throws KithError STATE_CORRUPT if there is a file */
  static create(path: string): LedgerFile {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
    const fd = attempt(path, 'create', () => openSync(path, flags, 0o600));
    return guarded(fd, () => {
      attempt(path, 'write', () => {
        writeAll(fd, MAGIC, 0);
        fsyncSync(fd);
        syncFolder(dirname(path));
      });
      return new LedgerFile(path, fd, MAGIC.length, [], null);
    });
  }

  /**
   * Reads all of a file and mends its end, see {@link Repair}.
   * @throws KithError STATE_INCOMPLETE if there is none, STATE_OWNER, STATE_PERMISSIONS, STATE_DENIED, and
   * LEDGER_CORRUPT for damage before the end
   */
  static open(path: string, options: LedgerFileOptions = {}): LedgerFile {
    const fd = attempt(path, 'open', () => openSync(path, constants.O_RDWR | constants.O_NOFOLLOW));
    return guarded(fd, () => {
      const size = checkFile(path, fd, options.uid ?? process.geteuid?.());
      const bytes = attempt(path, 'read', () => readAll(fd, size));
      const { statements, end } = parse(path, bytes);
      if (end === size && end > 0) return new LedgerFile(path, fd, end, statements, null);
      attempt(path, 'repair', () => {
        ftruncateSync(fd, end);
        if (end < MAGIC.length) writeAll(fd, MAGIC, 0);
        fsyncSync(fd);
        syncFolder(dirname(path));
      });
      const repair = { offset: end, bytes: size - end };
      return new LedgerFile(path, fd, Math.max(end, MAGIC.length), statements, repair);
    });
  }

  /** Durable when it returns. @throws KithError LEDGER_WRITE_FAILED; the file then holds what it held before */
  append(statement: Uint8Array): void {
    this.appendAll([statement]);
  }

  /** As {@link append}, with one wait for the disk per MiB. After an error a part of a batch may be in the file. */
  appendAll(statements: readonly Uint8Array[]): void {
    for (const statement of statements) {
      if (statement.length > 0 && statement.length <= RECORD_LIMIT) continue;
      throw new RangeError(`a record has 1 to ${RECORD_LIMIT} bytes, not ${statement.length}`);
    }
    for (const payload of payloadsOf(statements)) this.#write(payload);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #write(payload: Buffer): void {
    const fd = this.#fd;
    if (fd === null) throw new KithError('LEDGER_WRITE_FAILED', `${this.path} is closed`);
    const frame = frameOf(payload, this.#end);
    try {
      writeAll(fd, frame, this.#end);
      fdatasyncSync(fd);
    } catch (cause) {
      // What the disk holds now is unknown: only a fresh opening may trust the file again.
      this.#undo(fd);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KithError('LEDGER_WRITE_FAILED', `cannot write ${this.path}: ${why}`, { cause });
    }
    this.#end += frame.length;
  }

  #undo(fd: number): void {
    try {
      ftruncateSync(fd, this.#end);
      fsyncSync(fd);
    } catch {
      // The next opening cuts the unfinished frame off.
    }
    this.close();
  }
}

function checkFile(path: string, fd: number, uid: number | undefined): number {
  const stats = fstatSync(fd);
  if (!stats.isFile()) throw new KithError('STATE_CORRUPT', `${path} is no regular file`);
  if (uid !== undefined && stats.uid !== uid) {
    throw new KithError('STATE_OWNER', `${path} belongs to user id ${stats.uid}, kith runs as user id ${uid}`);
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    throw new KithError('STATE_PERMISSIONS', `${path} has mode ${mode}, other users can reach it: chmod 0600 ${path}`);
  }
  if (stats.size > LEDGER_FILE_LIMITS.file) {
    throw new KithError(
      'LEDGER_CORRUPT',
      `${path} has ${stats.size} bytes, more than the ${LEDGER_FILE_LIMITS.file} a ledger can have`,
    );
  }
  return stats.size;
}

function parse(path: string, bytes: Buffer): { readonly statements: Uint8Array[]; readonly end: number } {
  const statements: Uint8Array[] = [];
  const magic = bytes.subarray(0, MAGIC.length);
  if (!magic.equals(MAGIC.subarray(0, magic.length))) throw corrupt(path, 0, 'it does not start like a ledger');
  if (magic.length < MAGIC.length) return { statements, end: 0 };
  let at = MAGIC.length;
  while (at < bytes.length) {
    const size = frameSize(bytes, at);
    if (size === null) {
      if (isUnfinished(bytes, at)) break;
      throw corrupt(path, at, 'the head of a record is damaged');
    }
    const end = at + size;
    if (end > bytes.length) break;
    if (!isWhole(bytes, at, end)) {
      if (end === bytes.length) break;
      throw corrupt(path, at, 'the checksum of a record does not fit');
    }
    statements.push(...recordsOf(path, bytes.subarray(at + HEADER, end - CHECKSUM), at));
    at = end;
  }
  return { statements, end: at };
}

/** Size of the frame at an offset, or null if its head is cut or its guard does not fit. */
function frameSize(bytes: Buffer, at: number): number | null {
  if (bytes.length - at < HEADER) return null;
  const length = bytes.readUInt32BE(at);
  if (length === 0 || length > LEDGER_FILE_LIMITS.payload) return null;
  return bytes.readUInt32BE(at + 4) === guardOf(at, length) ? HEADER + length + CHECKSUM : null;
}

/** A broken head is that of the last frame if no whole frame follows and no more bytes follow than a frame has. */
function isUnfinished(bytes: Buffer, at: number): boolean {
  if (bytes.length - at > HEADER + LEDGER_FILE_LIMITS.payload + CHECKSUM) return false;
  for (let next = at + 1; next + HEADER < bytes.length; next++) {
    const size = frameSize(bytes, next);
    if (size !== null && next + size <= bytes.length && isWhole(bytes, next, next + size)) return false;
  }
  return true;
}

function isWhole(bytes: Buffer, at: number, end: number): boolean {
  return checksumOf(bytes.subarray(at, end - CHECKSUM)).equals(bytes.subarray(end - CHECKSUM, end));
}

function recordsOf(path: string, payload: Buffer, offset: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  let at = 0;
  while (at < payload.length) {
    const end = payload.length - at < 2 ? Infinity : at + 2 + payload.readUInt16BE(at);
    if (end > payload.length) throw corrupt(path, offset, 'a record is longer than its frame');
    records.push(Uint8Array.from(payload.subarray(at + 2, end)));
    at = end;
  }
  return records;
}

function payloadsOf(statements: readonly Uint8Array[]): readonly Buffer[] {
  const payloads: Buffer[][] = [];
  let room = 0;
  for (const statement of statements) {
    const record = Buffer.alloc(2 + statement.length);
    record.writeUInt16BE(statement.length);
    record.set(statement, 2);
    if (record.length > room) {
      payloads.push([]);
      room = LEDGER_FILE_LIMITS.payload;
    }
    payloads.at(-1)?.push(record);
    room -= record.length;
  }
  return payloads.map((records) => Buffer.concat(records));
}

function frameOf(payload: Buffer, offset: number): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(payload.length, 0);
  head.writeUInt32BE(guardOf(offset, payload.length), 4);
  const body = Buffer.concat([head, payload]);
  return Buffer.concat([body, checksumOf(body)]);
}

function guardOf(offset: number, length: number): number {
  const place = Buffer.alloc(12);
  place.writeBigUInt64BE(BigInt(offset), 0);
  place.writeUInt32BE(length, 8);
  return crc32(place);
}

function checksumOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM);
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const n = readSync(fd, bytes, at, size - at, at);
    if (n === 0) break;
    at += n;
  }
  return bytes.subarray(0, at);
}

function attempt<T>(path: string, doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP') throw new KithError('STATE_CORRUPT', `${path} is a symbolic link`, { cause: error });
    if (code === 'EEXIST') throw new KithError('STATE_CORRUPT', `${path} is there already`, { cause: error });
    throw stateError(error, path, doing);
  }
}

/** Closes the file if the rest of an opening fails. */
function guarded<T>(fd: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function corrupt(path: string, offset: number, why: string): KithError {
  return new KithError(
    'LEDGER_CORRUPT',
    `${path} is damaged at byte ${offset}: ${why}. Nothing was deleted; move the file aside to fetch the ledger from other members again`,
  );
}
