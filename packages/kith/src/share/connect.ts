/** The share process of this user, started where it does not run. */
import { setTimeout as delay } from 'node:timers/promises';
import { KithError } from '@kith/core';
import { launch } from '../daemon/launch.ts';
import { fileExists, makeFolder } from '../state/files.ts';
import { fileIn, shareFolder } from '../state/paths.ts';
import { ShareClient } from './client.ts';
import type { ProcessReport } from '@kith/api';
import { withoutRights } from './rights.ts';

/** ms that another command's start of it may take. */
const PATIENCE = 10_000;

export function ownShareFolder(): string {
  return shareFolder(process.env, process.geteuid?.() ?? 0);
}

/** Something was shared here before. */
export function everShared(): boolean {
  const folder = ownShareFolder();
  return fileExists(folder) && fileExists(fileIn(folder, 'share'));
}

/** A client of the process that runs. @throws KithError NOT_RUNNING */
export async function running(): Promise<ShareClient> {
  const client = new ShareClient(fileIn(ownShareFolder(), 'socket'));
  await client.log(Number.MAX_SAFE_INTEGER % 1e15);
  return client;
}

/** A client of the process, which is started first where none runs: after a crash too. @throws KithError DAEMON_FAILED … */
export async function connect(): Promise<ShareClient> {
  for (const deadline = performance.now() + PATIENCE; ; await delay(50)) {
    try {
      return await running();
    } catch (error) {
      if (!isCode(error, 'NOT_RUNNING')) throw error;
    }
    const folder = ownShareFolder();
    makeFolder(folder);
    try {
      await launch<ProcessReport>({
        ...{ words: ['share', 'start', '--foreground'], through: withoutRights() },
        ...{ errors: fileIn(folder, 'stderr'), what: 'the share process' },
      });
    } catch (error) {
      // Another command was faster, or the one before is not quite gone.
      if (!isCode(error, 'ALREADY_RUNNING') || performance.now() > deadline) throw error;
    }
  }
}

export function isCode(error: unknown, ...codes: readonly KithError['code'][]): boolean {
  return error instanceof KithError && codes.includes(error.code);
}
