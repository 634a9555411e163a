/** `kith log`: from the daemon if it runs, else what the last run left in the log file. */
import { readFileSync } from 'node:fs';
import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import { formatLine } from '../../daemon/log.ts';
import { fileExists } from '../../state/files.ts';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';
import type { Io } from '../program.ts';

/** Lines shown of a log file. */
const TAIL = 1000;

function lastRun(folder: string, error: KithError): Result {
  const path = fileIn(folder, 'log');
  if (!fileExists(path)) throw error;
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-TAIL);
  return {
    json: { running: false, text: lines },
    text: [...lines, '(not running: this is the log of the last run)'].join('\n'),
  };
}

export async function log(context: Context, follow: boolean, io: Io): Promise<Result> {
  const folder = findFolder(context);
  const client = new Client(fileIn(folder, 'socket'));
  if (follow) {
    for await (const line of client.followLog(0)) io.out(`${context.json ? JSON.stringify(line) : formatLine(line)}\n`);
    return { json: { ended: true }, text: '' };
  }
  try {
    const { lines } = await client.log(0);
    return { json: { running: true, lines }, text: lines.map(formatLine).join('\n') };
  } catch (error) {
    if (error instanceof KithError && error.code === 'NOT_RUNNING') return lastRun(folder, error);
    throw error;
  }
}
