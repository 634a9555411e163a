/**
 * One process at a time changes a host. The lock is the operating system's (a file lock that SQLite takes): it vanishes
 * with its process however that ends, so that a transaction found while holding it has nobody at work on it.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLITE_BUSY: somebody else holds the file's lock. */
const BUSY = 5;

export interface Lock {
  release(): void;
}

/** Null where somebody else has it. @param path its folder is made where it is missing */
export function takeLock(path: string): Lock | null {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return null;
    throw error;
  }
  return { release: () => database.close() };
}
