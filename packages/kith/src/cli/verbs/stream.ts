/** `kith stream`: a link for a player to what is still being loaded. */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { KithError } from '@kith/core';
import type { ShareClient } from '../../share/client.ts';
import { connect, isCode } from '../../share/connect.ts';
import type { ShareReport } from '@kith/api';
import { Bar } from '../bar.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';
import { requestOf, type SourceOptions } from './get.ts';

export interface StreamOptions extends SourceOptions {
  readonly file: string | undefined;
  readonly player: string | undefined;
}

const LOOK_EVERY = 100;

export async function stream(context: Context, source: string, options: StreamOptions): Promise<Result> {
  const client = await connect();
  const { share, known } = await shareFor(client, source, options);
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await untilKnown(client, share.id, context.json, interrupt.signal);
    if (interrupt.signal.aborted) return { json: { ended: true }, text: '' };
    const report = await client.stream({ id: share.id, file: options.file ?? null });
    if (context.json) process.stdout.write(`${JSON.stringify({ ...report, known })}\n`);
    else for (const link of [report.url, report.playlist]) if (link !== undefined) context.progress(link);
    await (options.player === undefined
      ? forEver(interrupt.signal)
      : play(options.player, report.url, interrupt.signal));
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    // What it began it ends; the files stay, and are found again the next time.
    if (!known) await client.change(share.id, { action: 'remove' }).catch(() => undefined);
  }
  return { json: { ended: true }, text: '' };
}

/** A share that is there already, by its id or its link, or a new one. */
async function shareFor(
  client: ShareClient,
  source: string,
  options: StreamOptions,
): Promise<{ readonly share: ShareReport; readonly known: boolean }> {
  try {
    return { share: await client.details(source), known: true };
  } catch (error) {
    if (!isCode(error, 'SHARE_UNKNOWN', 'API_REQUEST_INVALID')) throw error;
  }
  try {
    return { share: await client.get(requestOf(source, { ...options, sequential: true }, false)), known: false };
  } catch (error) {
    const id =
      error instanceof KithError && error.code === 'TORRENT_DUPLICATE'
        ? /: ([0-9a-f]{8}) in /.exec(error.message)?.[1]
        : undefined;
    if (id === undefined) throw error;
    return { share: await client.details(id), known: true };
  }
}

async function untilKnown(client: ShareClient, id: string, silent: boolean, signal: AbortSignal): Promise<void> {
  const bar = new Bar(silent);
  try {
    while (!signal.aborted) {
      const { error, path, peers, name, state } = await client.details(id);
      if (error !== undefined) throw new KithError(error.code, error.message);
      // Who looks at what is there may still find that nothing can be loaded.
      if (path !== undefined && state !== 'checking') return;
      bar.show(plain(name), undefined, `asking what is in it, ${peers} ${peers === 1 ? 'peer' : 'peers'}`);
      await delay(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    bar.end();
  }
}

function forEver(signal: AbortSignal): Promise<void> {
  // A timer keeps the process: a listener alone does not.
  const timer = setInterval(() => undefined, 2 ** 31 - 1);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      resolve();
    });
  });
}

/** Until the player ends. The command is the user's own: a shell takes it apart, the link comes as its last word. */
async function play(command: string, url: string, signal: AbortSignal): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `exec ${command} "$1"`, 'sh', url], { stdio: 'inherit' });
  const kill = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', kill);
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status) => resolve(status ?? 0));
  });
  if (code === 127) throw new KithError('USAGE', `--player ${JSON.stringify(command)}: there is no such program`);
}
