/** The routes of the face, one name for each: server and page cannot disagree. */
export const FACE_ROUTES: {
  readonly session: '/api/v1/session';
  readonly overview: '/api/v1/overview';
  readonly topology: '/api/v1/networks/:label/topology';
  readonly status: '/api/v1/networks/:label/status';
  readonly invites: '/api/v1/networks/:label/invites';
  readonly revocations: '/api/v1/networks/:label/revocations';
  readonly changes: '/api/v1/networks/:label/changes';
  readonly nodes: '/api/v1/nodes';
  readonly history: '/api/v1/nodes/:id/history';
  readonly gateway: '/api/v1/gateway';
  readonly routers: '/api/v1/gateway/topology';
  readonly examination: '/api/v1/gateway/examination';
  readonly bans: '/api/v1/gateway/bans';
  readonly shelf: '/api/v1/shelf';
  readonly shares: '/api/v1/shares';
  readonly share: '/api/v1/shares/:id';
  readonly streams: '/api/v1/shares/:id/stream';
  readonly events: '/api/v1/events';
  readonly openapi: '/api/v1/openapi.json';
} = {
  session: '/api/v1/session',
  overview: '/api/v1/overview',
  topology: '/api/v1/networks/:label/topology',
  status: '/api/v1/networks/:label/status',
  invites: '/api/v1/networks/:label/invites',
  revocations: '/api/v1/networks/:label/revocations',
  changes: '/api/v1/networks/:label/changes',
  nodes: '/api/v1/nodes',
  history: '/api/v1/nodes/:id/history',
  gateway: '/api/v1/gateway',
  routers: '/api/v1/gateway/topology',
  examination: '/api/v1/gateway/examination',
  bans: '/api/v1/gateway/bans',
  shelf: '/api/v1/shelf',
  shares: '/api/v1/shares',
  share: '/api/v1/shares/:id',
  streams: '/api/v1/shares/:id/stream',
  events: '/api/v1/events',
  openapi: '/api/v1/openapi.json',
};
