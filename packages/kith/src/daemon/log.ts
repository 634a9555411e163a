/** The daemon's log: a ring that `kith log` reads, its followers, and one place where lines are kept or shown. */
import { appendFileSync, renameSync, statSync, writeSync } from 'node:fs';
import type { LogLine } from '@kith/api';
import type { LogLevel } from '../config/schema.ts';

const RING = 1000;
/** Bytes after which the log file is moved to `…1`, in place of the one before. */
const FILE_LIMIT = 1 << 20;

export interface LogEntry {
  readonly level: LogLine['level'];
  readonly kind: string;
  readonly member: LogLine['member'];
  readonly text: string;
}

export type LogSink = (line: LogLine) => void;

const RANK: Readonly<Record<LogLine['level'], number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One line for a person: time, level unless info, kind, text. */
export function formatLine(line: LogLine): string {
  const level = line.level === 'info' ? '' : `${line.level} `;
  // A member's words may be in the text: control characters must not reach a terminal.
  const text = line.text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
  return `${line.time} ${level}${line.kind}: ${text}`;
}

export class LogBook {
  readonly #least: number;
  readonly #sink: LogSink;
  readonly #ring: LogLine[] = [];
  readonly #followers = new Set<LogSink>();
  #seq = 0;

  constructor(least: LogLevel, sink: LogSink) {
    this.#least = RANK[least];
    this.#sink = sink;
  }

  write(entry: LogEntry): void {
    if (RANK[entry.level] < this.#least) return;
    const line: LogLine = { seq: ++this.#seq, time: new Date().toISOString(), ...entry };
    this.#ring.push(line);
    if (this.#ring.length > RING) this.#ring.shift();
    this.#sink(line);
    for (const follower of this.#followers) follower(line);
  }

  /** The remembered lines with a number over `since`, oldest first. */
  lines(since: number): readonly LogLine[] {
    return this.#ring.filter((line) => line.seq > since);
  }

  follow(listener: LogSink): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }
}

/** For a daemon in the foreground: standard error, which a service manager keeps. */
export function stderrSink(): LogSink {
  return (line) => {
    try {
      writeSync(2, `${formatLine(line)}\n`);
    } catch {
      // A closed terminal or a full pipe must not stop the network.
    }
  };
}

/** For a daemon in the background: a file that is moved away at 1 MiB, one predecessor is kept. */
export function fileSink(path: string): LogSink {
  return (line) => {
    try {
      appendFileSync(path, `${formatLine(line)}\n`, { mode: 0o600 });
      if (statSync(path).size > FILE_LIMIT) renameSync(path, `${path}.1`);
    } catch {
      // A full disk must not stop the network.
    }
  };
}
