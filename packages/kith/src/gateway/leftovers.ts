/** What the keeper leaves when no gateway is in force any more. Keys stay, and what people put there. */
import { rmdirSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, KithError } from '@kith/core';
import { takeLock } from '../state/lock.ts';
import type { KeeperClient } from './client.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';

/** ms that the keeper may take to end. */
const PATIENCE = 10_000;

/** Ends the keeper and removes its files, once nothing is left for it to keep. */
export async function clearAway(folders: GatewayFolders, keeper: KeeperClient): Promise<void> {
  await keeper.quit();
  const lock = await lockOf(folders);
  const { bans, traffic, map } = keeperFiles(folders);
  for (const database of [bans, traffic])
    for (const file of [database, `${database}-wal`, `${database}-shm`]) rmSync(file, { force: true });
  rmSync(map, { recursive: true, force: true });
  removeEmpty(folders.state);
  rmSync(folders.run, { recursive: true, force: true });
  lock.release();
}

/** The keeper's own lock: who has it knows that the keeper is gone. */
async function lockOf(folders: GatewayFolders): Promise<ReturnType<typeof takeLock>> {
  for (const deadline = performance.now() + PATIENCE; ; await delay(50)) {
    try {
      return takeLock(folders.run, 'remove');
    } catch (error) {
      const held = error instanceof KithError && error.code === 'ALREADY_RUNNING';
      if (!held || performance.now() > deadline) throw error;
    }
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY'].includes(codeOf(error))) throw error;
  }
}
