/**
 * What has to be known of a daemon when the supervisor was killed: the value it runs with and which process it is. One
 * JSON file each, in the run folder, which a start of the machine empties.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonValue, Probe } from '@kith/gateway';

export interface DaemonRecord {
  readonly name: string;
  readonly value: DaemonValue;
  readonly restarts: number;
  /** Null: was about to be started. */
  readonly process: { readonly boot: string; readonly pid: number; readonly started: number } | null;
  /** It was being ended: whoever finds this finishes it. */
  readonly stopping: boolean;
}

const VERSION = 1;
const LARGEST = 1 << 20;

export class Records {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  write(record: DaemonRecord): void {
    const path = this.#pathOf(record.name);
    // Somebody who clears the run folder away takes nothing that cannot be written again.
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, JSON.stringify({ version: VERSION, ...record }), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  /** By name; null stands for a record that cannot be read. */
  all(): Map<string, DaemonRecord | null> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const named = readdirSync(this.#folder).flatMap((file): [string, DaemonRecord | null][] => {
      const name = nameIn(file);
      return name === null ? [] : [[name, this.#read(file)]];
    });
    return new Map(named);
  }

  #read(file: string): DaemonRecord | null {
    try {
      const text = readFileSync(join(this.#folder, file), 'utf8');
      return text.length > LARGEST ? null : recordOf(JSON.parse(text));
    } catch {
      return null;
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${encodeURIComponent(name)}.json`);
  }
}

/** Null for a file that is no record. */
function nameIn(file: string): string | null {
  try {
    return file.endsWith('.json') ? decodeURIComponent(file.slice(0, -'.json'.length)) : null;
  } catch {
    return null;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function recordOf(written: unknown): DaemonRecord | null {
  if (!isFields(written) || written['version'] !== VERSION) return null;
  const { name, value, restarts, process, stopping } = written;
  if (typeof name !== 'string' || !isDaemonValue(value) || !isNumber(restarts) || typeof stopping !== 'boolean')
    return null;
  if (process === null) return { name, value, restarts, process, stopping };
  if (!isFields(process)) return null;
  const { boot, pid, started } = process;
  if (typeof boot !== 'string' || !isNumber(pid) || pid < 2 || !isNumber(started)) return null;
  return { name, value, restarts, process: { boot, pid, started }, stopping };
}

/** Whether plain data is a daemon's value: for records, and for requests over a socket. */
export function isDaemonValue(value: unknown): value is DaemonValue {
  if (!isFields(value)) return false;
  const { argv, ready, reads } = value;
  return isTexts(argv) && argv.length > 0 && isProbe(ready) && isFields(reads) && isTexts(Object.values(reads));
}

function isProbe(value: unknown): value is Probe {
  if (!isFields(value)) return false;
  const { type, address, port, name, path } = value;
  const reached = typeof address === 'string' && isNumber(port);
  switch (type) {
    case 'dns':
      return reached && typeof name === 'string';
    case 'ntp':
      return reached;
    case 'socket':
      return typeof path === 'string';
    default:
      return type === 'running';
  }
}
