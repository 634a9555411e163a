/** `kith up`: the daemon in the foreground, or detached, with its first words brought back to the person who started it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode, KithError } from '@kith/core';
import { stateError } from '../../state/files.ts';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import { type BackgroundMessage, BACKGROUND_ENV } from '../../daemon/background.ts';
import type { Context } from '../context.ts';
import { plain, type Result } from '../output.ts';
import { summary } from './status.ts';

export interface UpOptions {
  readonly foreground: boolean;
  readonly tun: boolean;
}

/** ms until a daemon that says nothing counts as failed. */
const PATIENCE = 30_000;

function isMessage(value: unknown): value is BackgroundMessage {
  return typeof value === 'object' && value !== null && ('report' in value || 'error' in value);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** What the process wrote before it ended: the last lines of its standard error. */
function lastWords(path: string): string {
  const words = readFileSync(path, 'utf8').trim().split('\n').slice(-5).join('\n');
  return words === '' ? '' : `: ${words}`;
}

function openErrors(path: string): number {
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    throw stateError(error, path, 'write');
  }
}

async function background(folder: string, tun: boolean): Promise<Result> {
  const program = fileURLToPath(new URL('../../../bin/kith.mjs', import.meta.url));
  const words = ['--state', folder, 'up', '--foreground', ...(tun ? [] : ['--no-tun'])];
  const errors = fileIn(folder, 'stderr');
  const stderr = openErrors(errors);
  const child = spawn(process.execPath, [program, ...words], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    env: { ...process.env, [BACKGROUND_ENV]: '1' },
  });
  closeSync(stderr);
  const message = await new Promise<BackgroundMessage>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new KithError('DAEMON_FAILED', `the daemon was not ready within ${PATIENCE / 1000} s`));
    }, PATIENCE);
    child.on('message', (value) => {
      clearTimeout(timer);
      if (isMessage(value)) resolve(value);
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new KithError('DAEMON_FAILED', `cannot start ${process.execPath}: ${cause.message}`, { cause }));
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const how = signal === null ? `with exit code ${code}` : `by signal ${signal}`;
      reject(new KithError('DAEMON_FAILED', `the daemon ended ${how}${lastWords(errors)}`));
    });
  });
  if (child.connected) child.disconnect();
  child.unref();
  if ('error' in message) {
    const { code, message: text } = message.error;
    throw new KithError(isCode(code) ? code : 'INTERNAL', text);
  }
  return { json: message.report, text: `up: ${plain(summary(message.report))}` };
}

export async function up(context: Context, options: UpOptions): Promise<Result> {
  const folder = findFolder(context);
  if (!options.foreground) return background(folder, options.tun);
  const { runHere } = await import('../../daemon/background.ts');
  await runHere(folder, options.tun, context);
  return { json: { done: true }, text: '' };
}
