/** HTTP on a Unix socket with JSON both ways: what the APIs of kith's processes have in common. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { ERRORS, type ErrorCode, KithError } from '@kith/core';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { shortPath } from '../state/short-path.ts';
import { BODY_LIMIT } from './routes.ts';
import type { ErrorBody } from '@kith/api';

export function errorBody(error: unknown): ErrorBody {
  const known = error instanceof KithError ? error : null;
  const code: ErrorCode = known?.code ?? 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  return { error: { code, message, advice: ERRORS[code].advice } };
}

function httpStatus(code: ErrorCode): 400 | 401 | 403 | 404 | 409 | 429 | 500 | 504 {
  if (code === 'FACE_TOKEN') return 401;
  if (code === 'FACE_BUSY') return 429;
  if (code === 'MEMBER_UNKNOWN' || code === 'INVITE_UNKNOWN' || code === 'SHARE_UNKNOWN') return 404;
  if (code === 'NETWORK_UNKNOWN' || code === 'FACE_NO_GATEWAY') return 404;
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

export async function jsonBody(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch (cause) {
    throw new KithError('API_REQUEST_INVALID', 'the body is no JSON', { cause });
  }
}

export function wholeIn(text: string | undefined, name: string): number {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw new KithError('API_REQUEST_INVALID', `"${name}" must be a whole number`);
  return Number(text);
}

/** An app without routes that answers errors as JSON. @param limit bytes of a request's body */
export function jsonApp(limit: number = BODY_LIMIT): Hono {
  const app = new Hono();
  app.use(
    bodyLimit({
      maxSize: limit,
      onError: () => {
        throw new KithError('API_REQUEST_INVALID', `the body has more than ${limit} bytes`);
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
  return app;
}

export interface ApiServer {
  /** Ends it; open streams are cut off after a moment. */
  close(): Promise<void>;
}

/** ms that calls in progress get to end. */
const GRACE = 200;

/**
 * Listens on the socket at `path`, which only its owner can open. The caller holds the folder's lock, so that a socket
 * found there is a dead daemon's.
 */
export async function serveSocket(app: Hono, path: string): Promise<ApiServer> {
  const listener = getRequestListener(app.fetch);
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
