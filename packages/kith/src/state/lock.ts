/**
 * One process per network. The lock is the operating system's (a file lock that SQLite takes): it vanishes with its
 * process however that ends, so there is no stale lock to clean up, and no moment in which two can hold it.
 */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { KithError } from '@kith/core';
import { stateError } from './files.ts';
import { fileIn } from './paths.ts';

/** SQLITE_BUSY: somebody else holds the file's lock. */
const BUSY = 5;

export interface Lock {
  release(): void;
}

export interface LockHolder {
  readonly pid: number;
  /** The verb that holds it: `up`, `invite` … */
  readonly verb: string;
}

function readHolder(folder: string): LockHolder | null {
  try {
    const match = /^(\d{1,10}) ([a-z]{1,20})\n$/.exec(readFileSync(fileIn(folder, 'holder'), 'utf8'));
    return match === null ? null : { pid: Number(match[1]), verb: match[2] as string };
  } catch {
    return null;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === BUSY;
}

/**
 * Takes the lock of a network's folder, without waiting.
 * @param verb what it is taken for; the next one who asks is told
 * @throws KithError ALREADY_RUNNING with the holder's process id
 */
export function takeLock(folder: string, verb: string): Lock {
  const path = fileIn(folder, 'lock');
  let database: DatabaseSync | null = null;
  try {
    closeSync(openSync(path, 'a', 0o600));
    database = new DatabaseSync(path);
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw stateError(error, path, 'lock');
    const holder = readHolder(folder);
    const who = holder === null ? 'another kith' : `kith ${holder.verb} with process id ${holder.pid}`;
    throw new KithError('ALREADY_RUNNING', `the state in ${folder} is in use by ${who}`, { cause: error });
  }
  const held = database;
  try {
    writeFileSync(fileIn(folder, 'holder'), `${process.pid} ${verb}\n`, { mode: 0o600 });
  } catch (error) {
    held.close();
    throw stateError(error, fileIn(folder, 'holder'), 'write');
  }
  return {
    release() {
      rmSync(fileIn(folder, 'holder'), { force: true });
      held.close();
    },
  };
}
