/** The routes of the local API, one name for each: server and client cannot disagree. */
export const ROUTES: {
  readonly status: '/v1/status';
  readonly members: '/v1/members';
  readonly invites: '/v1/invites';
  readonly revocations: '/v1/revocations';
  readonly changes: '/v1/changes';
  readonly exit: '/v1/exit';
  readonly ping: '/v1/ping';
  readonly trace: '/v1/trace/:member';
  readonly log: '/v1/log';
  readonly stop: '/v1/stop';
  readonly leave: '/v1/leave';
} = {
  status: '/v1/status',
  members: '/v1/members',
  invites: '/v1/invites',
  revocations: '/v1/revocations',
  changes: '/v1/changes',
  exit: '/v1/exit',
  ping: '/v1/ping',
  trace: '/v1/trace/:member',
  log: '/v1/log',
  stop: '/v1/stop',
  leave: '/v1/leave',
};

/** Largest body of a request in bytes. */
export const BODY_LIMIT = 16_384;
