/** The routes of the share process. */
export const SHARE_ROUTES: {
  readonly shares: '/v1/shares';
  readonly share: '/v1/shares/:id';
  readonly made: '/v1/made';
  readonly rates: '/v1/rates';
  readonly streams: '/v1/streams';
  readonly tv: '/v1/tv';
  readonly log: '/v1/log';
  readonly stop: '/v1/stop';
} = {
  shares: '/v1/shares',
  share: '/v1/shares/:id',
  made: '/v1/made',
  rates: '/v1/rates',
  streams: '/v1/streams',
  tv: '/v1/tv',
  log: '/v1/log',
  stop: '/v1/stop',
};

/** Largest body of a request in bytes: a magnet link has up to 65,536 characters, lists come on top. */
export const SHARE_BODY_LIMIT = 1_048_576;
