/** `kith leave`: tells the network, ends the daemon, deletes this machine's state of it. */
import { rmdirSync, rmSync } from 'node:fs';
import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import { takeLock } from '../../state/lock.ts';
import { findFolder } from '../../state/networks.ts';
import { fileIn, stateFiles } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';
import { waitForEnd } from './down.ts';

async function tell(folder: string): Promise<boolean> {
  try {
    await new Client(fileIn(folder, 'socket')).leave();
  } catch (error) {
    if (error instanceof KithError && error.code === 'NOT_RUNNING') return false;
    throw error;
  }
  await waitForEnd(folder);
  return true;
}

/** Deletes kith's own files, and the folder if nothing else is in it. */
function remove(folder: string): void {
  const lock = takeLock(folder, 'leave');
  for (const path of stateFiles(folder)) rmSync(path, { force: true });
  lock.release();
  rmSync(fileIn(folder, 'lock'), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // Something of the owner is in there, or it was never ours to delete.
  }
}

export async function leave(context: Context, force: boolean): Promise<Result> {
  const folder = findFolder(context);
  const told = await tell(folder);
  if (!told && !force) {
    throw new KithError(
      'NOT_RUNNING',
      'the others cannot be told while the network is down: kith up first, or leave silently with --force',
    );
  }
  remove(folder);
  const rest = told ? '' : '; the others keep it as a member until an admin revokes it';
  return { json: { done: true, told }, text: `left: the keys and the ledger in ${folder} are deleted${rest}` };
}
