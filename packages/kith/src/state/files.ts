/** Files of a state folder: created for their owner alone, replaced as a whole or not at all, checked before use. */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf, KithError } from '@kith/core';

/** Largest file that is read into memory, in bytes; the ledger has its own reader. */
const FILE_LIMIT = 1 << 20;

/** An error of the file system in the words of the registry. */
export function stateError(error: unknown, path: string, doing: string): Error {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new KithError(
      'STATE_DENIED',
      `cannot ${doing} ${path}: ${code === 'EROFS' ? 'read-only file system' : 'permission denied'}`,
      { cause: error },
    );
  }
  if (code === 'ENOENT') return new KithError('STATE_INCOMPLETE', `${path} is missing`, { cause: error });
  if (code === 'ENOSPC')
    return new KithError('STATE_DENIED', `cannot ${doing} ${path}: no space left`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

function statOrNull(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw stateError(error, path, 'read');
  }
}

function checkOwner(path: string, stats: Stats): void {
  const uid = process.geteuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    throw new KithError('STATE_OWNER', `${path} belongs to user id ${stats.uid}, kith runs as user id ${uid}`);
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

/** True if `path` is a folder that only its owner, who must be us, can enter. False if there is nothing. @throws KithError */
export function checkFolder(path: string): boolean {
  const stats = statOrNull(path);
  if (stats === null) return false;
  if (!stats.isDirectory()) throw new KithError('STATE_CORRUPT', `${path} is no folder`);
  checkOwner(path, stats);
  if ((stats.mode & 0o077) !== 0) {
    throw new KithError(
      'STATE_PERMISSIONS',
      `the state folder ${path} has mode ${octal(stats.mode)}, other users can look into it: chmod 0700 ${path}`,
    );
  }
  return true;
}

/** Makes a folder for us alone; parents are made as the system likes them. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true });
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw stateError(error, path, 'create');
    checkFolder(path);
  }
}

export function fileExists(path: string): boolean {
  return statOrNull(path) !== null;
}

/**
 * Reads a file that must be ours and regular. @param secret refuses a file that others can read or write
 * @throws KithError STATE_INCOMPLETE, STATE_OWNER, STATE_PERMISSIONS, STATE_CORRUPT, STATE_DENIED
 */
export function readStateFile(path: string, secret: boolean): string {
  const stats = statOrNull(path);
  if (stats === null) throw new KithError('STATE_INCOMPLETE', `${path} is missing`);
  if (!stats.isFile()) throw new KithError('STATE_CORRUPT', `${path} is no regular file`);
  checkOwner(path, stats);
  const forbidden = secret ? 0o077 : 0o022;
  if ((stats.mode & forbidden) !== 0) {
    const what = secret ? 'other users can reach a private key' : 'other users can write it';
    throw new KithError('STATE_PERMISSIONS', `${path} has mode ${octal(stats.mode)}, ${what}: chmod 0600 ${path}`);
  }
  if (stats.size > FILE_LIMIT) {
    throw new KithError(
      'STATE_CORRUPT',
      `${path} has ${stats.size} bytes, more than the ${FILE_LIMIT} that make sense`,
    );
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw stateError(error, path, 'read');
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Puts `text` in place of the file at `path`, durably: a reader, or a crash at any moment, sees the old or the new one. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const fd = openSync(temporary, 'w', 0o600);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw stateError(error, path, 'write');
  }
}
