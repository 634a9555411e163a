/** Calls over the Unix socket of a process of kith. */
import { request, type IncomingMessage } from 'node:http';
import { codeOf, type ErrorCode, ERRORS, KithError } from '@kith/core';
import { shortPath } from '../state/short-path.ts';
import type { ErrorBody } from '@kith/api';

/** ms until a daemon that accepted a call but does not answer is given up; a ping may take a minute by itself. */
const ANSWER_TIMEOUT = 65_000;

function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== 'object' || value === null || !('error' in value)) return false;
  const { error } = value;
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
}

function knownCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function refusal(error: NodeJS.ErrnoException, socket: string): KithError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new KithError('NOT_RUNNING', `no daemon answers on ${socket}`, { cause: error });
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new KithError('STATE_DENIED', `cannot open ${socket}: permission denied`, { cause: error });
  }
  return new KithError('DAEMON_UNREACHABLE', `${socket}: ${error.message}`, { cause: error });
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws KithError what the process says went wrong */
export function throwIfError(value: unknown): void {
  if (!isErrorBody(value)) return;
  throw new KithError(knownCode(value.error.code) ? value.error.code : 'INTERNAL', value.error.message);
}

/** Each call throws KithError: that of the process, or NOT_RUNNING, DAEMON_UNREACHABLE. */
export class Caller {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** @returns what the process answers, which is the same program: its shape is not checked again */
  async json<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body, ANSWER_TIMEOUT);
    let value: unknown;
    try {
      value = JSON.parse(await text(response));
    } catch (cause) {
      throw new KithError('DAEMON_UNREACHABLE', `${this.#socket}: the answer to ${method} ${path} is cut off`, {
        cause,
      });
    }
    throwIfError(value);
    return value as T;
  }

  /** Lines of an answer as they come, until it ends or the process does. */
  async *lines(method: 'GET' | 'POST', path: string, body?: unknown): AsyncGenerator<string> {
    const response = await this.#send(method, path, body, 0);
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
      if (rest !== '') yield rest;
    } catch (error) {
      // A process that ends cuts the answer off; that is its regular end.
      if (codeOf(error) !== 'ECONNRESET') throw error;
    }
  }

  #send(method: string, path: string, value: unknown, timeout: number): Promise<IncomingMessage> {
    const body = value === undefined ? undefined : JSON.stringify(value);
    return new Promise((resolve, reject) => {
      const short = shortPath(this.#socket);
      const headers =
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const call = request({ socketPath: short.path, method, path, headers, timeout, agent: false }, resolve);
      call.on('close', () => short.close());
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.on('error', (error) => reject(refusal(error, this.#socket)));
      call.end(body);
    });
  }
}
