import { readFileSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { KithError } from '@kith/core';
import type { Stamps } from './disk-messages.ts';

/** What a person decided about a torrent. */
export interface TorrentSettings {
  readonly folder: string;
  readonly paused: boolean;
  /** One byte per file, 0 for unwanted; empty where the files are not known yet. */
  readonly priorities: Uint8Array;
  /** What the engine keeps besides, as JSON. */
  readonly options?: string;
}

/** How far a torrent is. */
export interface TorrentProgress {
  /** Verified pieces, the first in the highest bit. */
  readonly have: Uint8Array;
  /**
   * Sizes and times of the files when their pieces were known to be right; time 0 for files that were being written, then
   * time tells nothing.
   */
  readonly stamps: Stamps | undefined;
  /** Something was written that a power failure may take back. */
  readonly unsynced: boolean;
  /** Bytes of payload ever. */
  readonly uploaded: number;
  readonly downloaded: number;
}

export interface TorrentRecord extends TorrentSettings, TorrentProgress {
  /** Info-hash: 20 bytes, or 32 for v2 only. */
  readonly id: Uint8Array;
  /** The .torrent file or the bare info dictionary, as whoever added it gave it. */
  readonly metainfo: Uint8Array;
  /** Milliseconds since 1970. */
  readonly added: number;
  /** The machine was started anew since `have` was written. */
  readonly rebooted: boolean;
}

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE torrent (
    id BLOB PRIMARY KEY, metainfo BLOB NOT NULL, added INTEGER NOT NULL,
    folder TEXT NOT NULL, paused INTEGER NOT NULL, priorities BLOB NOT NULL, options TEXT NOT NULL
  ) WITHOUT ROWID;
  -- Apart, because it is written all the time and metainfo is large.
  CREATE TABLE progress (
    id BLOB PRIMARY KEY REFERENCES torrent ON DELETE CASCADE, have BLOB NOT NULL, sizes BLOB, mtimes BLOB,
    unsynced INTEGER NOT NULL, uploaded INTEGER NOT NULL, downloaded INTEGER NOT NULL, boot TEXT NOT NULL
  ) WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};`;

/**
 * What is known of all torrents, in one SQLite file. A bit of `have` must be put here only after its piece was written
 * (`commit` resolved): then `kill -9` never leaves a bit without its piece, because the system keeps what was written. A
 * power failure may take written bytes back, which is what `unsynced` and `rebooted` are for.
 */
export class ResumeFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #boot: string;
  readonly #putProgress: StatementSync;
  readonly #pending: Map<string, { readonly id: Uint8Array; readonly progress: TorrentProgress }> = new Map();

  /** Opens or makes the file. Throws STORAGE_RESUME where it is no such file, damaged, or another process has it. */
  constructor(path: string) {
    this.#path = path;
    this.#boot = bootId();
    this.#database = this.#try(() => open(path));
    this.#putProgress = this.#try(() =>
      this.#database.prepare('INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    );
  }

  /** Every torrent, in the order in which they were added. */
  all(): TorrentRecord[] {
    return this.#try(() => {
      this.flush();
      const rows = this.#database.prepare('SELECT * FROM torrent JOIN progress USING (id) ORDER BY added, id').all();
      return rows.map((row) => this.#record(row));
    });
  }

  add(record: Omit<TorrentRecord, 'rebooted'>): void {
    this.#try(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO torrent VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(
          ...[record.id, record.metainfo, record.added, record.folder],
          ...[Number(record.paused), record.priorities, record.options ?? ''],
        );
      this.#write(record.id, record);
    });
  }

  /** The metainfo of a magnet link came. */
  setMetainfo(id: Uint8Array, metainfo: Uint8Array): void {
    this.#try(() => this.#database.prepare('UPDATE torrent SET metainfo = ? WHERE id = ?').run(metainfo, id));
  }

  setSettings(id: Uint8Array, { folder, paused, priorities, options }: TorrentSettings): void {
    this.#try(() =>
      this.#database
        .prepare('UPDATE torrent SET folder = ?, paused = ?, priorities = ?, options = ? WHERE id = ?')
        .run(folder, Number(paused), priorities, options ?? '', id),
    );
  }

  /** Remembered at the next `flush`. `progress` must not change until then. */
  put(id: Uint8Array, progress: TorrentProgress): void {
    this.#pending.set(Buffer.from(id).toString('latin1'), { id, progress });
  }

  /** Writes what was put since the last time, all or nothing. */
  flush(): void {
    if (this.#pending.size === 0) return;
    this.#try(() => {
      this.#database.exec('BEGIN');
      try {
        for (const { id, progress } of this.#pending.values()) this.#write(id, progress);
        this.#database.exec('COMMIT');
      } catch (error) {
        this.#database.exec('ROLLBACK');
        throw error;
      }
      this.#pending.clear();
    });
  }

  remove(id: Uint8Array): void {
    this.#pending.delete(Buffer.from(id).toString('latin1'));
    this.#try(() => this.#database.prepare('DELETE FROM torrent WHERE id = ?').run(id));
  }

  close(): void {
    this.flush();
    this.#database.close();
  }

  #write(id: Uint8Array, { have, stamps, unsynced, uploaded, downloaded }: TorrentProgress): void {
    const sizes = stamps === undefined ? null : bytesOf(stamps.sizes);
    const mtimes = stamps === undefined ? null : bytesOf(stamps.mtimes);
    this.#putProgress.run(id, have, sizes, mtimes, Number(unsynced), uploaded, downloaded, this.#boot);
  }

  #record(row: Record<string, unknown>): TorrentRecord {
    const { sizes, mtimes } = row;
    const stamps =
      sizes instanceof Uint8Array && mtimes instanceof Uint8Array
        ? { sizes: new Float64Array(copyOf(sizes)), mtimes: new BigInt64Array(copyOf(mtimes)) }
        : undefined;
    return {
      ...{ id: blob(row['id']), metainfo: blob(row['metainfo']), have: blob(row['have']), stamps },
      ...{ folder: String(row['folder']), paused: row['paused'] === 1, priorities: blob(row['priorities']) },
      ...(row['options'] === '' ? {} : { options: String(row['options']) }),
      ...{ added: Number(row['added']), uploaded: Number(row['uploaded']), downloaded: Number(row['downloaded']) },
      ...{ unsynced: row['unsynced'] === 1, rebooted: row['boot'] !== this.#boot },
    };
  }

  #try<T>(run: () => T): T {
    try {
      return run();
    } catch (cause) {
      if (cause instanceof KithError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KithError('STORAGE_RESUME', `Cannot use ${this.#path}, which remembers the torrents: ${why}.`, {
        cause,
      });
    }
  }
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // One process at a time; no shared memory file is needed then.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec('PRAGMA foreign_keys = ON; BEGIN IMMEDIATE');
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version === 0) database.exec(SCHEMA);
    else if (version !== VERSION) throw new Error(`it has version ${String(version)}, this program knows ${VERSION}`);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Differs after every start of the machine. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function blob(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

function bytesOf(array: Float64Array | BigInt64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
