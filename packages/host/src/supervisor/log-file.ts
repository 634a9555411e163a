/**
 * What a daemon prints. It writes into the file itself, so that nothing breaks when the supervisor dies; the file is
 * opened for appending, so that it can be cut under the daemon's hands: what it held is kept as `….1`, once.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';

/** Bytes after which the file is cut. */
const MOST = 1 << 20;
/** Bytes from the end in which last words are looked for. */
const TAIL = 16 << 10;
const LAST_WORDS = 20;
const LONGEST_LINE = 500;
/** Begins what the supervisor notes between the daemon's own lines. */
const OWN = 'kith: ';

export class LogFile {
  readonly path: string;
  readonly #most: number;

  constructor(path: string, most: number = MOST) {
    this.path = path;
    this.#most = most;
  }

  /** A descriptor to hand to the daemon; the caller closes its own. */
  open(): number {
    return openSync(this.path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o640);
  }

  /** Notes what happened to the daemon. A full disk must not stop it. */
  note(text: string, now: number): void {
    try {
      const file = this.open();
      writeSync(file, `${OWN}${new Date(now).toISOString()} ${text}\n`);
      closeSync(file);
    } catch {
      // It is told to the keeper's log too.
    }
  }

  /** Cuts the file where it is too long. Lines that come in this very moment may be lost. */
  trim(): void {
    try {
      if (statSync(this.path).size <= this.#most) return;
      copyFileSync(this.path, `${this.path}.1`);
      truncateSync(this.path);
    } catch {
      // Gone, or no room for a copy: the next time.
    }
  }

  /** Bytes that are in it. */
  get size(): number {
    try {
      return statSync(this.path).size;
    } catch {
      return 0;
    }
  }

  /** The daemon's last lines, without control characters. @param from where to begin, as {@link size} told earlier */
  lastWords(from: number = 0): string[] {
    let text: string;
    try {
      const file = openSync(this.path, 'r');
      const size = fstatSync(file).size;
      // Shorter than it was: it has been cut since.
      const start = Math.max(from <= size ? from : 0, size - TAIL);
      const bytes = Buffer.alloc(size - start);
      const length = readSync(file, bytes, 0, bytes.length, start);
      closeSync(file);
      text = bytes.toString('utf8', 0, length);
    } catch {
      return [];
    }
    return text
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith(OWN))
      .slice(-LAST_WORDS)
      .map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, LONGEST_LINE));
  }
}
