/**
 * A log file as it grows. Its writer may move it away and begin another one, cut it, or copy it and cut it; it may be
 * gone for a while. What is read is known by the file itself, which stays open, and by the bytes that were read last.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { LineSplitter } from './line-splitter.ts';

const LONGEST_LINE = 8 << 10;
const CHUNK = 64 << 10;
/** Bytes that are read in one go; the rest comes with the next one. */
const MOST = 4 << 20;
/** So many of the last bytes are looked at again: other ones mean another content. */
const REMEMBERED = 64;

interface OpenFile {
  readonly descriptor: number;
  readonly device: number;
  readonly inode: number;
  offset: number;
  last: Buffer;
}

export class FileTail {
  readonly #path: string;
  readonly #splitter = new LineSplitter(LONGEST_LINE);
  #file: OpenFile | null;

  /** What is in the file already is not news. A file that comes later is read from its beginning. */
  constructor(path: string) {
    this.#path = path;
    this.#file = opened(path);
    if (this.#file !== null) skipToEnd(this.#file);
  }

  /** The lines that came since it was called last. Never throws: a file that cannot be read has none. */
  read(): string[] {
    const lines = this.#file === null ? [] : this.#readOn(this.#file);
    if (this.#isCurrent()) return lines;
    // Moved away: what was written into it until then has been read just now.
    this.close();
    this.#file = opened(this.#path);
    return this.#file === null ? lines : [...lines, ...this.#readOn(this.#file)];
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file.descriptor);
    this.#file = null;
    this.#splitter.clear();
  }

  #isCurrent(): boolean {
    if (this.#file === null) return false;
    const { device, inode } = this.#file;
    try {
      const now = statSync(this.#path);
      return now.dev === device && now.ino === inode;
    } catch {
      // Moved away and no other one there yet: whoever has it open may still write into it.
      return true;
    }
  }

  #readOn(file: OpenFile): string[] {
    try {
      if (isCut(file)) {
        this.#splitter.clear();
        file.offset = 0;
        file.last = Buffer.alloc(0);
      }
      const lines: string[] = [];
      const chunk = Buffer.alloc(CHUNK);
      for (let total = 0; total < MOST;) {
        const length = readSync(file.descriptor, chunk, 0, CHUNK, file.offset);
        if (length === 0) break;
        const bytes = chunk.subarray(0, length);
        lines.push(...this.#splitter.push(bytes));
        file.last = Buffer.from(Buffer.concat([file.last, bytes]).subarray(-REMEMBERED));
        file.offset += length;
        total += length;
      }
      return lines;
    } catch {
      return [];
    }
  }
}

function opened(path: string): OpenFile | null {
  try {
    const descriptor = openSync(path, 'r');
    const { dev: device, ino: inode } = fstatSync(descriptor);
    return { descriptor, device, inode, offset: 0, last: Buffer.alloc(0) };
  } catch {
    return null;
  }
}

function skipToEnd(file: OpenFile): void {
  const { size } = fstatSync(file.descriptor);
  file.offset = size;
  file.last = bytesBefore(file, Math.min(size, REMEMBERED));
}

function isCut(file: OpenFile): boolean {
  const { size } = fstatSync(file.descriptor);
  return size < file.offset || !bytesBefore(file, file.last.length).equals(file.last);
}

function bytesBefore({ descriptor, offset }: OpenFile, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  const length = readSync(descriptor, bytes, 0, count, offset - count);
  return bytes.subarray(0, length);
}
