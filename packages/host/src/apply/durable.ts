/** Files that are there after the power failed: replaced as a whole, synced before anybody is told. */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where it was being written when a crash came: overwritten by the next attempt. */
const UNFINISHED = '.kith-new';

/** Puts `text` in place of the file: a reader, or a crash at any moment, sees the old one or the new one. */
export function replaceFile(path: string, text: string, mode: number): void {
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
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

export function removeFile(path: string): void {
  rmSync(`${path}${UNFINISHED}`, { force: true });
  rmSync(path, { force: true });
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
