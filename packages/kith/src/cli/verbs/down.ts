/** `kith down`: stops the daemon and waits until its lock is free, so that the next `kith up` finds no trace of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';

/** ms that a daemon gets to say goodbye and to remove its interface. */
const PATIENCE = 10_000;

/** Waits until nothing answers on the socket any more. @throws KithError DAEMON_UNREACHABLE after ten seconds */
export async function waitForEnd(folder: string): Promise<void> {
  const { takeLock } = await import('../../state/lock.ts');
  for (const deadline = performance.now() + PATIENCE; ; await delay(20)) {
    try {
      takeLock(folder, 'down').release();
      return;
    } catch (error) {
      if (!(error instanceof KithError && error.code === 'ALREADY_RUNNING')) throw error;
      if (performance.now() > deadline) {
        throw new KithError('DAEMON_UNREACHABLE', `${error.message}, and does not end`, { cause: error });
      }
    }
  }
}

export async function down(context: Context): Promise<Result> {
  const folder = findFolder(context);
  await new Client(fileIn(folder, 'socket')).stop();
  await waitForEnd(folder);
  return { json: { done: true }, text: 'stopped' };
}
