/** The keeper of this machine, started where none runs. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { KithError } from '@kith/core';
import type { Daemons } from '@kith/host';
import { launch } from '../daemon/launch.ts';
import { stateError } from '../state/files.ts';
import { KeeperClient } from './client.ts';
import { type GatewayFolders, keeperFiles } from './folders.ts';
import type { KeeperReport } from './reports.ts';

/** ms that another command's start of it may take. */
const PATIENCE = 10_000;

/** Stands for the keeper where none runs: there are no daemons then, and whoever wants some has to start it first. */
export const NO_KEEPER: Daemons = {
  list: () => Promise.resolve([]),
  start: (name) => Promise.reject(new KithError('NOT_RUNNING', `no keeper runs that could start "${name}"`)),
  stop: () => Promise.resolve(),
};

/** A client of the keeper that runs; null without one. @throws KithError GATEWAY_RIGHTS */
export async function runningKeeper(folders: GatewayFolders): Promise<KeeperClient | null> {
  const client = new KeeperClient(keeperFiles(folders).socket);
  try {
    await client.list();
    return client;
  } catch (error) {
    if (!(error instanceof KithError)) throw error;
    if (error.code === 'NOT_RUNNING') return null;
    if (error.code !== 'STATE_DENIED' || process.geteuid?.() === 0) throw error;
    throw new KithError('GATEWAY_RIGHTS', error.message, { cause: error });
  }
}

/** A client of the keeper. @throws KithError NOT_RUNNING */
export async function neededKeeper(folders: GatewayFolders): Promise<KeeperClient> {
  const found = await runningKeeper(folders);
  if (found === null) throw new KithError('NOT_RUNNING', 'no keeper of a gateway runs on this machine');
  return found;
}

/** A client of the keeper, which is started first where none runs. @throws KithError DAEMON_FAILED … */
export async function connectKeeper(folders: GatewayFolders): Promise<KeeperClient> {
  for (const deadline = performance.now() + PATIENCE; ; await delay(50)) {
    const client = await runningKeeper(folders);
    if (client !== null) return client;
    makeRunFolder(folders);
    try {
      // What called for it is about to change the host: it must not bring back by itself what was in force before.
      const words = ['gateway', 'run', '--idle'];
      await launch<KeeperReport>({ words, errors: keeperFiles(folders).errors, what: 'the keeper of the gateway' });
    } catch (error) {
      const other = error instanceof KithError && error.code === 'ALREADY_RUNNING';
      if (!other || performance.now() > deadline) throw error;
    }
  }
}

/** It can be entered by all, as daemons give up their rights. The other folder is made with the first change. */
export function makeRunFolder({ run }: GatewayFolders): void {
  try {
    mkdirSync(run, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw stateError(error, run, 'create');
  }
}
