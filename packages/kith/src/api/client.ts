/** The typed client of the local API, for the command line. */
import { request, type IncomingMessage } from 'node:http';
import { type ErrorCode, ERRORS, KithError } from '@kith/core';
import { shortPath } from '../state/short-path.ts';
import { ROUTES } from './routes.ts';
import type { DoneReport, ErrorBody, InviteReport, InviteRequest, InvitesReport, LogLine, LogReport } from './types.ts';
import type { MembersReport, PingReport, PingRequest, RevokeReport, RevokeRequest, StatusReport } from './types.ts';
import type { ChangeReport, ChangeRequest, TraceReport } from './types.ts';

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

/** Calls of a daemon on its Unix socket. Each throws KithError: the daemon's own, or NOT_RUNNING, DAEMON_UNREACHABLE. */
export class Client {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  status(): Promise<StatusReport> {
    return this.#json('GET', ROUTES.status);
  }

  members(): Promise<MembersReport> {
    return this.#json('GET', ROUTES.members);
  }

  invites(): Promise<InvitesReport> {
    return this.#json('GET', ROUTES.invites);
  }

  invite(body: InviteRequest): Promise<InviteReport> {
    return this.#json('POST', ROUTES.invites, body);
  }

  revoke(body: RevokeRequest): Promise<RevokeReport> {
    return this.#json('POST', ROUTES.revocations, body);
  }

  change(body: ChangeRequest): Promise<ChangeReport> {
    return this.#json('POST', ROUTES.changes, body);
  }

  ping(body: PingRequest): Promise<PingReport> {
    return this.#json('POST', ROUTES.ping, body);
  }

  trace(member: string): Promise<TraceReport> {
    return this.#json('GET', ROUTES.trace.replace(':member', encodeURIComponent(member)));
  }

  log(since: number): Promise<LogReport> {
    return this.#json('GET', `${ROUTES.log}?since=${since}`);
  }

  stop(): Promise<DoneReport> {
    return this.#json('POST', ROUTES.stop);
  }

  leave(): Promise<DoneReport> {
    return this.#json('POST', ROUTES.leave);
  }

  /** Yields the lines of the log after `since` as they come, until the daemon ends. */
  async *followLog(since: number): AsyncGenerator<LogLine> {
    const response = await this.#send('GET', `${ROUTES.log}?since=${since}&follow=1`, undefined, 0);
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as LogLine;
      }
    } catch (error) {
      // A daemon that ends cuts the stream off; that is the stream's regular end.
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
    }
  }

  async #json<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await this.#send(
      method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
      ANSWER_TIMEOUT,
    );
    let value: unknown;
    try {
      value = JSON.parse(await text(response));
    } catch (cause) {
      throw new KithError('DAEMON_UNREACHABLE', `${this.#socket}: the answer to ${method} ${path} is cut off`, {
        cause,
      });
    }
    if (isErrorBody(value)) {
      const code = knownCode(value.error.code) ? value.error.code : 'INTERNAL';
      throw new KithError(code, value.error.message);
    }
    return value as T;
  }

  #send(method: string, path: string, body: string | undefined, timeout: number): Promise<IncomingMessage> {
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
