/** The local API: HTTP over the Unix socket of a network's folder. Who may open the socket may do everything. */
import type { Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import {
  readChangeRequest,
  readExitRequest,
  readInviteRequest,
  readPingRequest,
  readRevokeRequest,
} from './requests.ts';
import { ROUTES } from './routes.ts';
import type { Service } from './service.ts';
import { type ApiServer, jsonApp, jsonBody, serveSocket, wholeIn } from './socket.ts';
import type {
  DoneReport,
  InviteReport,
  InvitesReport,
  LogReport,
  MembersReport,
  ChangeReport,
  PingReport,
  RevokeReport,
  StatusReport,
  TraceReport,
} from '@kith/api';

/** Lines that wait for one slow reader of the log; what comes on top of them is lost to that reader. */
const FOLLOW_QUEUE = 1000;

/** @see serveSocket */
export function serveApi(service: Service, path: string): Promise<ApiServer> {
  return serveSocket(apiApp(service), path);
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
  const app = jsonApp();
  const done: DoneReport = { done: true };
  app.get(ROUTES.status, (c) => {
    if (c.req.query('attend') !== undefined) service.attend();
    return c.json<StatusReport>(service.status());
  });
  app.get(ROUTES.members, (c) => c.json<MembersReport>({ members: service.status().members }));
  app.get(ROUTES.invites, (c) => c.json<InvitesReport>(service.invites()));
  app.post(ROUTES.invites, async (c) => c.json<InviteReport>(service.invite(readInviteRequest(await jsonBody(c)))));
  app.post(ROUTES.revocations, async (c) => c.json<RevokeReport>(service.revoke(readRevokeRequest(await jsonBody(c)))));
  app.post(ROUTES.changes, async (c) => c.json<ChangeReport>(service.change(readChangeRequest(await jsonBody(c)))));
  app.post(ROUTES.exit, async (c) => {
    service.exit(readExitRequest(await jsonBody(c)));
    return c.json(done);
  });
  app.post(ROUTES.ping, async (c) => c.json<PingReport>(await service.ping(readPingRequest(await jsonBody(c)))));
  app.get(ROUTES.trace, (c) => c.json<TraceReport>(service.trace(c.req.param('member'))));
  app.get(ROUTES.log, (c) => {
    const since = wholeIn(c.req.query('since'), 'since');
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
