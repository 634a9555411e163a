/** Small databases of a gateway: what they hold is good to have, and no reason to refuse service when it is spoiled. */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const SPOILED = [11, 26];

/**
 * Opens a database that survives a kill at any moment. A spoiled one is kept as `….broken`, and a new one is begun.
 *
 * @param schema statements that may be run again and again
 * @param tell told about a spoiled one
 */
export function openDatabase(path: string, schema: string, tell: (text: string) => void): DatabaseSync {
  try {
    return opened(path, schema);
  } catch (error) {
    if (!isSpoiled(error)) throw error;
    tell(`${path} is damaged; it is kept as ${path}.broken, and a new one is begun`);
    renameSync(path, `${path}.broken`);
    // They belong to what was moved away.
    for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
    return opened(path, schema);
  }
}

function opened(path: string, schema: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // A kill loses nothing in this mode; a power cut the last seconds at most.
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000; ${schema}`);
    database.prepare('PRAGMA quick_check(1)').get();
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function isSpoiled(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && SPOILED.includes(Number(error.errcode));
}
