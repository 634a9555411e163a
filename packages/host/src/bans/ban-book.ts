/** Bans on disk, so that those who are banned stay it for the rest of their time, through restarts and start-ups. */
import type { DatabaseSync } from 'node:sqlite';
import { parsePrefix, type Prefix } from '@kith/core';
import type { Ban } from '@kith/gateway';
import { openDatabase } from '../database.ts';

/** A ban and what it is for: the name of a service, or what the operator gave. */
export type KeptBan = Ban & { readonly reason: string };

const SCHEMA =
  'CREATE TABLE IF NOT EXISTS bans (target TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, reason TEXT NOT NULL) STRICT';

export class BanBook {
  readonly #database: DatabaseSync;

  /** @param tell told where the file is damaged; it is begun anew then */
  constructor(path: string, tell: (text: string) => void) {
    this.#database = openDatabase(path, SCHEMA, tell);
  }

  /** Those that still last; with a clock that was set back, for no longer than they were meant to. */
  load(now: number): KeptBan[] {
    return this.#database
      .prepare('SELECT target, since, until, reason FROM bans WHERE until > ? ORDER BY since')
      .all(now)
      .flatMap((row) => {
        const target = prefixOrNull(String(row['target']));
        if (target === null) return [];
        const [since, until] = [Number(row['since']), Number(row['until'])];
        const late = Math.max(0, since - now);
        return [{ target, since: since - late, until: until - late, reason: String(row['reason']) }];
      });
  }

  /** All of them or, killed in the middle, none. */
  write(kept: readonly KeptBan[], lifted: readonly Prefix[], now: number): void {
    const put = this.#database.prepare('INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?)');
    const drop = this.#database.prepare('DELETE FROM bans WHERE target = ?');
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#database.prepare('DELETE FROM bans WHERE until <= ?').run(now);
      for (const { target, since, until, reason } of kept)
        put.run(target, Math.round(since), Math.round(until), reason);
      for (const target of lifted) drop.run(target);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

function prefixOrNull(text: string): Prefix | null {
  try {
    return parsePrefix(text);
  } catch {
    return null;
  }
}
