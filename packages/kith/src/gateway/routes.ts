/** The routes of the keeper. */
export const KEEPER_ROUTES: {
  readonly status: '/v1/status';
  readonly daemons: '/v1/daemons';
  readonly startDaemon: '/v1/daemons/start';
  readonly stopDaemon: '/v1/daemons/stop';
  readonly applied: '/v1/applied';
  readonly examination: '/v1/examination';
  readonly bans: '/v1/bans';
  readonly lift: '/v1/bans/lift';
  readonly traffic: '/v1/traffic';
  readonly map: '/v1/map/:file';
  readonly metrics: '/v1/metrics';
  readonly routers: '/v1/routers';
  readonly log: '/v1/log';
  readonly stop: '/v1/stop';
} = {
  status: '/v1/status',
  daemons: '/v1/daemons',
  startDaemon: '/v1/daemons/start',
  stopDaemon: '/v1/daemons/stop',
  applied: '/v1/applied',
  examination: '/v1/examination',
  bans: '/v1/bans',
  lift: '/v1/bans/lift',
  traffic: '/v1/traffic',
  map: '/v1/map/:file',
  metrics: '/v1/metrics',
  routers: '/v1/routers',
  log: '/v1/log',
  stop: '/v1/stop',
};

/** Bytes: a daemon's value names its files with their digests. */
export const KEEPER_BODY_LIMIT = 65_536;
