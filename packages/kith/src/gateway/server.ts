/** The API of the keeper, without a socket. */
import { KithError } from '@kith/core';
import type { Supervisor } from '@kith/host';
import type { Hono } from 'hono';
import { jsonApp, jsonBody, wholeIn } from '../api/socket.ts';
import type { DoneReport, LogReport } from '@kith/api';
import type { LogBook } from '../daemon/log.ts';
import type {
  BanReport,
  BansReport,
  DaemonsReport,
  ExaminationReport,
  KeeperStatus,
  LiftReport,
  RouterReport,
  RoutersReport,
  TrafficReport,
} from './reports.ts';
import {
  grainIn,
  readBan,
  readExamination,
  readLift,
  readRouterChange,
  readStartDaemon,
  readStopDaemon,
} from './requests.ts';
import { KEEPER_BODY_LIMIT, KEEPER_ROUTES } from './routes.ts';
import type { Works } from './works.ts';

export interface KeeperParts {
  readonly supervisor: Supervisor;
  readonly works: Works;
  readonly log: LogBook;
  readonly stop: () => void;
}

export function keeperApp({ supervisor, works, log, stop }: KeeperParts): Hono {
  const app = jsonApp(KEEPER_BODY_LIMIT);
  const done: DoneReport = { done: true };
  app.get(KEEPER_ROUTES.status, async (c) => c.json<KeeperStatus>(await works.status(await supervisor.list())));
  app.get(KEEPER_ROUTES.daemons, async (c) => c.json<DaemonsReport>({ daemons: await supervisor.list() }));
  app.post(KEEPER_ROUTES.startDaemon, async (c) => {
    const { name, value, again } = readStartDaemon(await jsonBody(c));
    await supervisor.start(name, value, again);
    return c.json(done);
  });
  app.post(KEEPER_ROUTES.stopDaemon, async (c) => {
    await supervisor.stop(readStopDaemon(await jsonBody(c)).name);
    return c.json(done);
  });
  app.post(KEEPER_ROUTES.applied, async (c) => {
    await works.follow();
    return c.json(done);
  });
  app.post(KEEPER_ROUTES.examination, async (c) =>
    c.json<ExaminationReport>(await works.examine(readExamination(await jsonBody(c)).mend)),
  );
  app.get(KEEPER_ROUTES.metrics, async (c) => c.text(await works.metrics()));
  app.get(KEEPER_ROUTES.bans, (c) => c.json<BansReport>(works.bans()));
  app.post(KEEPER_ROUTES.bans, async (c) => {
    const { address, seconds } = readBan(await jsonBody(c));
    return c.json<BanReport>(await works.ban(address, seconds));
  });
  app.post(KEEPER_ROUTES.lift, async (c) => {
    return c.json<LiftReport>({ was: await works.lift(readLift(await jsonBody(c)).address) });
  });
  app.get(KEEPER_ROUTES.traffic, async (c) =>
    c.json<TrafficReport>(await works.traffic(c.req.query('interface'), grainIn(c.req.query('grain')))),
  );
  app.get(KEEPER_ROUTES.routers, (c) => c.json<RoutersReport>(works.routers()));
  app.post(KEEPER_ROUTES.routers, async (c) =>
    c.json<RouterReport>(await works.changeRouter(readRouterChange(await jsonBody(c)))),
  );
  app.get(KEEPER_ROUTES.map, (c) => {
    const file = c.req.param('file') ?? '';
    const found = works.mapFile(file);
    if (found === null) throw new KithError('API_REQUEST_INVALID', `there is no "${file.slice(0, 64)}" of the map`);
    return c.body(found.body, 200, { 'content-type': found.type });
  });
  app.get(KEEPER_ROUTES.log, (c) => c.json<LogReport>({ lines: log.lines(wholeIn(c.req.query('since'), 'since')) }));
  app.post(KEEPER_ROUTES.stop, (c) => {
    stop();
    return c.json(done);
  });
  return app;
}
