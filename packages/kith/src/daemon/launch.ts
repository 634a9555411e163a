/** Starts a process of kith in the background, and waits for its first words. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode, KithError } from '@kith/core';
import { stateError } from '../state/files.ts';
import { type BackgroundMessage, BACKGROUND_ENV } from './background.ts';

export interface Launch {
  /** Of kith's own command line. */
  readonly words: readonly string[];
  /** A command that starts it with fewer rights. */
  readonly through?: readonly string[];
  /** File for what it says before it can log. */
  readonly errors: string;
  /** What messages call it, for example `the daemon`. */
  readonly what: string;
}

/** ms until a process that says nothing counts as failed. */
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

/**
 * @returns its report, which is not checked again: it is the same program
 * @throws KithError DAEMON_FAILED, or what kept it from starting
 */
export async function launch<Report>({ words, through = [], errors, what }: Launch): Promise<Report> {
  const program = fileURLToPath(new URL('../../bin/kith.mjs', import.meta.url));
  const stderr = openErrors(errors);
  const [command = process.execPath, ...args] = [...through, process.execPath, program, ...words];
  const child = spawn(command, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    env: { ...process.env, [BACKGROUND_ENV]: '1' },
  });
  closeSync(stderr);
  const message = await new Promise<BackgroundMessage>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new KithError('DAEMON_FAILED', `${what} was not ready within ${PATIENCE / 1000} s`));
    }, PATIENCE);
    child.on('message', (value) => {
      clearTimeout(timer);
      if (isMessage(value)) resolve(value);
    });
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new KithError('DAEMON_FAILED', `cannot start ${command}: ${cause.message}`, { cause }));
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const how = signal === null ? `with exit code ${code}` : `by signal ${signal}`;
      reject(new KithError('DAEMON_FAILED', `${what} ended ${how}${lastWords(errors)}`));
    });
  });
  if (child.connected) child.disconnect();
  child.unref();
  if ('error' in message) {
    const { code, message: text } = message.error;
    throw new KithError(isCode(code) ? code : 'INTERNAL', text);
  }
  return message.report as Report;
}
