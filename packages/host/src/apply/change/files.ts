/** Files and folders of the gateway. */
import { chmod, chown, mkdir, rmdir } from 'node:fs/promises';
import { codeOf, KithError } from '@kith/core';
import type { DirectoryValue, FileValue } from '@kith/gateway';
import { userNames } from '../../observe/files.ts';
import { removeFile, replaceFile } from '../durable.ts';

/** The group stays. */
const KEEP = -1;

export function changeFile(path: string, after: FileValue | null): void {
  if (after === null) removeFile(path);
  else replaceFile(path, after.content, after.mode);
}

export async function changeDirectory(path: string, after: DirectoryValue | null): Promise<void> {
  if (after === null) {
    try {
      await rmdir(path);
    } catch (error) {
      // What daemons and people put there is not kith's to throw away.
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
    }
    return;
  }
  await mkdir(path, { recursive: true, mode: after.mode });
  await chown(path, await idOf(after.owner), KEEP);
  await chmod(path, after.mode);
}

async function idOf(owner: string): Promise<number> {
  for (const [id, name] of await userNames()) if (name === owner) return id;
  if (/^\d+$/.test(owner)) return Number(owner);
  throw new KithError('HOST_COMMAND_FAILED', `there is no user "${owner}" on this machine: install its program first`);
}
