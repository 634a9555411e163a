/** The face's HTTP: pages to anybody on this machine and in its networks, data to those that the guard lets in. */
import type { HttpBindings } from '@hono/node-server';
import {
  type ChangeEvent,
  type DoneReport,
  FACE_ROUTES,
  type GatewayReport,
  type SessionReport,
  type Topic,
} from '@kith/api';
import { KithError } from '@kith/core';
import { METRICS_TYPE, metricsText } from '@kith/host';
import type { Context, MiddlewareHandler } from 'hono';
import { streamSSE } from 'hono/streaming';
import { readChangeRequest, readInviteRequest, readRevokeRequest } from '../api/requests.ts';
import { flag, nullable, oneOf, read, text, whole } from '../api/rules.ts';
import { jsonApp, jsonBody } from '../api/socket.ts';
import { connect, everShared, running } from '../share/connect.ts';
import type { ShareClient } from '../share/client.ts';
import { readChangeShareRequest, readGetRequest } from '../share/requests.ts';
import { openApi } from './api-routes.ts';
import { type Asset, GUARDS, pagePolicy } from './assets.ts';
import type { Events } from './events.ts';
import { admit, admitPage, type Caller, type House, type Knock, Pace, plainAddress } from './guard.ts';
import type { History } from './history.ts';
import type { Shelf } from './shelf.ts';
import { clientFor, type Looking } from './sources.ts';
import { nodesOf, overviewOf, routerTopology, topologyOf } from './views.ts';

export interface FaceInit {
  readonly sources: Looking;
  readonly house: House;
  readonly pages: ReadonlyMap<string, Asset>;
  readonly history: History;
  readonly events: Events;
  readonly shelf: Shelf;
  readonly version: string;
  /** Folder that what is fetched comes into. */
  readonly downloads: string;
  /** Address pattern of map tiles; null for none. */
  readonly tiles: string | null;
}

type Face = ReturnType<typeof jsonApp>;

/** Pages that watch at once; one beyond is told to come back. */
const MOST_WATCHERS = 64;
/** ms between two lines that only keep a watcher's connection. */
const HEARTBEAT = 15_000;
const EMPTY = { pid: null, port: null, shares: [], problems: [] } as const;

export function faceApp(init: FaceInit): Face {
  const app = jsonApp();
  const pace = new Pace();
  const callers = new WeakMap<Request, Caller>();
  const guard: MiddlewareHandler = async (c, next) => {
    const knock = knockOf(c);
    pace.ask(knock.remote, performance.now());
    for (const [name, value] of Object.entries(GUARDS)) c.header(name, value);
    c.header('Cache-Control', 'no-store');
    callers.set(c.req.raw, admit(knock, init.house));
    await next();
  };
  app.use('/api/*', guard);
  app.use('/metrics', guard);
  addReading(app, init, (c) => callers.get(c.req.raw) ?? { who: 'member', member: null, mayAct: false });
  addShares(app, init);
  addActing(app, init);
  addPages(app, init);
  return app;
}

/** What a request says of itself, and what its connection proves. */
function knockOf(c: Context): Knock {
  // What the server was made with puts the request of Node there; in a test there is none.
  const bindings = c.env as Partial<HttpBindings>;
  return {
    method: c.req.method,
    remote: plainAddress(bindings.incoming?.socket.remoteAddress ?? ''),
    host: c.req.header('host'),
    origin: c.req.header('origin'),
    site: c.req.header('sec-fetch-site'),
    authorization: c.req.header('authorization'),
    contentType: c.req.header('content-type'),
  };
}

function addReading(app: Face, init: FaceInit, callerOf: (c: Context) => Caller): void {
  const { sources, history, events, shelf, version, tiles } = init;
  app.get(FACE_ROUTES.session, async (c) => {
    const networks = (await sources.look()).networks.map(({ label }) => label);
    return c.json<SessionReport>({ ...callerOf(c), version, networks, tiles });
  });
  app.get(FACE_ROUTES.overview, async (c) => c.json(overviewOf(await sources.look())));
  app.get(FACE_ROUTES.nodes, async (c) => c.json(nodesOf(await sources.look())));
  app.get(FACE_ROUTES.status, async (c) => c.json(await clientFor(c.req.param('label')).status()));
  app.get(FACE_ROUTES.topology, async (c) => {
    const label = c.req.param('label');
    const network = (await sources.look()).networks.find((each) => each.label === label);
    return c.json(topologyOf(network?.status ?? (await clientFor(label).status())));
  });
  app.get(FACE_ROUTES.history, (c) => {
    const span = oneOf('hour', 'day', 'month')(c.req.query('span') ?? 'hour', 'span');
    return c.json(history.report(c.req.param('id'), span, Date.now()));
  });
  app.get(FACE_ROUTES.gateway, async (c) => c.json<GatewayReport | null>((await sources.look()).gateway));
  app.get(FACE_ROUTES.routers, async (c) =>
    c.json(routerTopology((await sources.look()).routers ?? { routers: [], links: [] })),
  );
  app.get(FACE_ROUTES.shelf, async (c) => c.json(await shelf.report(await sources.look())));
  app.get(FACE_ROUTES.openapi, (c) => c.json(openApi(version)));
  app.get('/metrics', async (c) => {
    const { networks, shares } = await sources.look();
    const mesh = networks.flatMap(({ status }) => (status === null ? [] : [status]));
    const figures = { version, mesh, share: shares?.shares ?? null, gateway: null, map: null, responder: null };
    return c.body(metricsText(figures), 200, { 'Content-Type': METRICS_TYPE });
  });
  app.get(FACE_ROUTES.events, (c) => {
    if (events.watched >= MOST_WATCHERS) throw new KithError('FACE_BUSY', `${MOST_WATCHERS} pages watch already`);
    return follow(c, events);
  });
}

function follow(c: Context, events: Events): Response {
  return streamSSE(c, async (stream) => {
    const changed = new Set<Topic>();
    let wake: () => void = () => undefined;
    let open = true;
    const stop = events.follow((topics) => {
      for (const topic of topics) changed.add(topic);
      wake();
    });
    stream.onAbort(() => {
      open = false;
      wake();
    });
    try {
      while (open) {
        if (changed.size > 0) {
          const event: ChangeEvent = { topics: [...changed] };
          changed.clear();
          await stream.writeSSE({ event: 'changed', data: JSON.stringify(event) });
          continue;
        }
        let timer: NodeJS.Timeout | undefined;
        const early = await new Promise<boolean>((resolve) => {
          wake = () => resolve(true);
          timer = setTimeout(() => resolve(false), HEARTBEAT);
        });
        clearTimeout(timer);
        if (!early && open) await stream.write(': still here\n\n');
      }
    } finally {
      stop();
    }
  });
}

function addShares(app: Face, { downloads }: FaceInit): void {
  const here = async (): Promise<ShareClient | null> => (everShared() ? running().catch(() => null) : null);
  app.get(FACE_ROUTES.shares, async (c) => c.json((await (await here())?.shares()) ?? EMPTY));
  app.get(FACE_ROUTES.share, async (c) => {
    const client = await here();
    const id = c.req.param('id');
    if (client === null) throw new KithError('SHARE_UNKNOWN', `no share ${JSON.stringify(id)}`);
    return c.json(await client.details(id));
  });
  app.post(FACE_ROUTES.shares, async (c) => {
    const { magnet } = read<{ magnet: string }>(await jsonBody(c), { magnet: (value, key) => text(value, key) });
    const request = readGetRequest({
      ...{ source: magnet, kind: 'magnet', folder: downloads },
      ...{ select: [], peers: [], trackers: [], public: false, sequential: false, noSeed: false },
    });
    return c.json(await (await connect()).get(request));
  });
  app.post(FACE_ROUTES.share, async (c) => {
    const request = readChangeShareRequest(await jsonBody(c));
    return c.json(await (await connect()).change(c.req.param('id'), request));
  });
  app.post(FACE_ROUTES.streams, async (c) => {
    const { file } = read<{ file: string | null }>(await jsonBody(c), { file: nullable(text) });
    return c.json(await (await connect()).stream({ id: c.req.param('id'), file }));
  });
}

function addActing(app: Face, { sources }: FaceInit): void {
  app.post(FACE_ROUTES.invites, async (c) => {
    const request = readInviteRequest(await jsonBody(c));
    return c.json(await clientFor(c.req.param('label')).invite(request));
  });
  app.post(FACE_ROUTES.revocations, async (c) => {
    const request = readRevokeRequest(await jsonBody(c));
    return c.json(await clientFor(c.req.param('label')).revoke(request));
  });
  app.post(FACE_ROUTES.changes, async (c) => {
    const request = readChangeRequest(await jsonBody(c));
    return c.json(await clientFor(c.req.param('label')).change(request));
  });
  app.post(FACE_ROUTES.examination, async (c) => {
    const { mend } = read<{ mend: boolean }>(await jsonBody(c), { mend: flag });
    return c.json(await sources.gateway.examine(mend));
  });
  app.post(FACE_ROUTES.bans, async (c) => {
    const { address, seconds } = read<{ address: string; seconds: number | null }>(await jsonBody(c), {
      address: text,
      seconds: nullable(whole(0, 31_536_000)),
    });
    await (seconds === 0 ? sources.gateway.unban(address) : sources.gateway.ban(address, seconds));
    return c.json<DoneReport>({ done: true });
  });
}

function addPages(app: Face, { pages, house, tiles }: FaceInit): void {
  const images = tiles === null ? null : originOf(tiles);
  app.get('/*', (c) => {
    const knock = knockOf(c);
    admitPage(knock, house);
    const path = c.req.path.slice(1);
    const page = path === '' ? 'index.html' : path;
    // What a share link opens is served where that share is.
    const asset = page === 'share.html' ? undefined : pages.get(page);
    if (asset === undefined) return c.notFound();
    return c.body(asset.body, 200, {
      ...GUARDS,
      'Content-Type': asset.type,
      'Content-Security-Policy': pagePolicy(images),
      'Cache-Control': asset.lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
  });
}

function originOf(pattern: string): string | null {
  return /^(https?:\/\/[^/{}]+)\//.exec(pattern)?.[1] ?? null;
}
