/** Files that are there after the power failed: replaced as a whole, synced before anybody is told. */
import { closeSync, fchmodSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '@kith/core';

/** Where it was being written when a crash came: overwritten by the next attempt. */
const UNFINISHED = '.kith-new';

/** Puts `text` in place of the file: a reader, or a crash at any moment, sees the old one or the new one. */
export function replaceFile(path: string, text: string, mode: number): void {
  staged(path, text, mode, (temporary) => renameSync(temporary, path));
}

/** Makes a file that is whole from its first moment, unless there is one: then that one stays. */
export function createFile(path: string, text: string, mode: number): void {
  staged(path, text, mode, (temporary) => {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    rmSync(temporary);
  });
}

export function removeFile(path: string): void {
  rmSync(`${path}${UNFINISHED}`, { force: true });
  rmSync(path, { force: true });
}

/** @param place puts the synced file where it belongs */
function staged(path: string, text: string, mode: number, place: (temporary: string) => void): void {
  const temporary = `${path}${UNFINISHED}`;
  try {
    const fd = openSync(temporary, 'w', mode);
    try {
      // The umask took rights away.
      fchmodSync(fd, mode);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    place(temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Makes the names in a folder durable. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
