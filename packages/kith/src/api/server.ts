/** The local API: HTTP over the Unix socket of a network's folder. Who may open the socket may do everything. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { ERRORS, type ErrorCode, KithError } from '@kith/core';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { shortPath } from '../state/short-path.ts';
import { readChangeRequest, readInviteRequest, readPingRequest, readRevokeRequest } from './requests.ts';
import { BODY_LIMIT, ROUTES } from './routes.ts';
import type { Service } from './service.ts';
import type { DoneReport, ErrorBody, InviteReport, InvitesReport, LogReport, MembersReport } from './types.ts';
import type { ChangeReport, PingReport, RevokeReport, StatusReport, TraceReport } from './types.ts';

/** Lines that wait for one slow reader of the log; what comes on top of them is lost to that reader. */
const FOLLOW_QUEUE = 1000;

export function errorBody(error: unknown): ErrorBody {
  const known = error instanceof KithError ? error : null;
  const code: ErrorCode = known?.code ?? 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  return { error: { code, message, advice: ERRORS[code].advice } };
}

function httpStatus(code: ErrorCode): 400 | 403 | 404 | 409 | 500 | 504 {
  if (code === 'MEMBER_UNKNOWN' || code === 'INVITE_UNKNOWN') return 404;
  switch (ERRORS[code].exit) {
    case 2:
      return 400;
    case 4:
      return 403;
    case 5:
      return 504;
    case 6:
      return 409;
    default:
      return 500;
  }
}

async function jsonBody(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch (cause) {
    throw new KithError('API_REQUEST_INVALID', 'the body is no JSON', { cause });
  }
}

function whole(text: string | undefined, name: string): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw new KithError('API_REQUEST_INVALID', `"${name}" must be a whole number`);
  return Number(text);
}

function followLog(c: Context, service: Service, since: number): Response {
  return streamSSE(c, async (stream) => {
    const queue = [...service.log(since)];
    let wake: () => void = () => undefined;
    let open = true;
    const stop = service.followLog((line) => {
      if (queue.length < FOLLOW_QUEUE) queue.push(line);
      wake();
    });
    stream.onAbort(() => {
      open = false;
      wake();
    });
    try {
      while (open) {
        const line = queue.shift();
        if (line !== undefined) await stream.writeSSE({ id: String(line.seq), data: JSON.stringify(line) });
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
    }
  });
}

/** The routes, without a socket. */
function apiApp(service: Service): Hono {
  const app = new Hono();
  const done: DoneReport = { done: true };
  app.use(
    bodyLimit({
      maxSize: BODY_LIMIT,
      onError: () => {
        throw new KithError('API_REQUEST_INVALID', `the body has more than ${BODY_LIMIT} bytes`);
      },
    }),
  );
  app.onError((error, c) => {
    const body = errorBody(error);
    return c.json(body, httpStatus(body.error.code));
  });
  app.notFound((c) => {
    const error = new KithError('API_REQUEST_INVALID', `there is no ${c.req.method} ${c.req.path}`);
    return c.json(errorBody(error), 404);
  });
  app.get(ROUTES.status, (c) => c.json<StatusReport>(service.status()));
  app.get(ROUTES.members, (c) => c.json<MembersReport>({ members: service.status().members }));
  app.get(ROUTES.invites, (c) => c.json<InvitesReport>(service.invites()));
  app.post(ROUTES.invites, async (c) => c.json<InviteReport>(service.invite(readInviteRequest(await jsonBody(c)))));
  app.post(ROUTES.revocations, async (c) => c.json<RevokeReport>(service.revoke(readRevokeRequest(await jsonBody(c)))));
  app.post(ROUTES.changes, async (c) => c.json<ChangeReport>(service.change(readChangeRequest(await jsonBody(c)))));
  app.post(ROUTES.ping, async (c) => c.json<PingReport>(await service.ping(readPingRequest(await jsonBody(c)))));
  app.get(ROUTES.trace, (c) => c.json<TraceReport>(service.trace(c.req.param('member'))));
  app.get(ROUTES.log, (c) => {
    const since = whole(c.req.query('since'), 'since');
    if (c.req.query('follow') !== undefined) return followLog(c, service, since);
    return c.json<LogReport>({ lines: service.log(since) });
  });
  app.post(ROUTES.stop, (c) => {
    service.stop();
    return c.json(done);
  });
  app.post(ROUTES.leave, (c) => {
    service.leave();
    return c.json(done);
  });
  return app;
}

export interface ApiServer {
  /** Ends it; open streams are cut off after a moment. */
  close(): Promise<void>;
}

/** ms that calls in progress get to end. */
const GRACE = 200;

/**
 * Listens on the socket at `path`, which only its owner can open. The caller holds the network's lock, so that a socket
 * found there is a dead daemon's.
 */
export async function serveApi(service: Service, path: string): Promise<ApiServer> {
  const listener = getRequestListener(apiApp(service).fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.headersTimeout = 5_000;
  rmSync(path, { force: true });
  const short = shortPath(path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(short.path, resolve);
    });
  } finally {
    short.close();
  }
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), GRACE);
        server.close(() => {
          clearTimeout(timer);
          rmSync(path, { force: true });
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
