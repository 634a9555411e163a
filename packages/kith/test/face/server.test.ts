/** The face as a browser and those who misuse one meet it: over HTTP. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { FACE_ROUTES, type SessionReport } from '@kith/api';
import { DESCRIPTIONS, openApi } from '../../src/web/api-routes.ts';
import { faceApp } from '../../src/web/app.ts';
import { Events } from '../../src/web/events.ts';
import { History } from '../../src/web/history.ts';
import { FaceServer } from '../../src/web/server.ts';
import { Shelf } from '../../src/web/shelf.ts';
import { type GatewaySource, Sources } from '../../src/web/sources.ts';

const TOKEN = 'T'.repeat(22);
const GATEWAY: GatewaySource = {
  report: () => Promise.resolve(null),
  routers: () => Promise.resolve(null),
  examine: () => Promise.resolve([]),
  ban: (address) => {
    banned.push(address);
    return Promise.resolve();
  },
  unban: () => Promise.resolve(),
};
const banned: string[] = [];
const html = {
  body: Uint8Array.from(Buffer.from('<!doctype html>')),
  type: 'text/html; charset=utf-8',
  lasting: false,
};
const before_ = process.env['KITH_STATE'];
let server: FaceServer;
const history = new History(':memory:');

before(async () => {
  process.env['KITH_STATE'] = '/nonexistent/kith';
  const sources = new Sources(GATEWAY);
  server = new FaceServer(
    faceApp({
      ...{
        sources,
        history,
        events: new Events(() => sources.look()),
        shelf: new Shelf(),
        version: '0.1.0',
        downloads: '/nonexistent',
        tiles: null,
      },
      pages: new Map([
        ['index.html', html],
        ['share.html', html],
      ]),
      house: {
        get names() {
          return server.names;
        },
        token: TOKEN,
        memberAt: () => null,
      },
    }),
  );
  await server.open(0);
});
after(async () => {
  if (before_ === undefined) delete process.env['KITH_STATE'];
  else process.env['KITH_STATE'] = before_;
  history.close();
  await server.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.port, method, path, headers, agent: false };
    request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    })
      .on('error', reject)
      .end(body);
  });
}

const AUTH = { authorization: `Bearer ${TOKEN}` };
const code = ({ body }: Answer): unknown => (JSON.parse(body) as { error: { code: unknown } }).error.code;

test('the page comes without a token, with a policy that allows nothing from elsewhere', async () => {
  const { status, headers } = await ask('GET', '/');
  assert.equal(status, 200);
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /script-src[^;]*unsafe|https?:/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
});

test('no data without the token, and none to a name that is not this machine', async () => {
  for (const path of Object.values(FACE_ROUTES)) {
    const answer = await ask('GET', path);
    assert.equal(answer.status, 401, path);
    assert.equal(code(answer), 'FACE_TOKEN');
  }
  const rebound = await ask('GET', FACE_ROUTES.session, { ...AUTH, host: `evil.example:${server.port}` });
  assert.equal(rebound.status, 403);
  assert.equal(code(rebound), 'FACE_ORIGIN');
  assert.equal((await ask('GET', '/', { host: 'evil.example' })).status, 403);
});

test('a page of another site can neither read nor act', async () => {
  const foreign = { ...AUTH, origin: 'https://evil.example' };
  assert.equal((await ask('GET', FACE_ROUTES.session, foreign)).status, 403);
  const wish = JSON.stringify({ address: '192.0.2.1', seconds: null });
  const json = { 'content-type': 'application/json' };
  assert.equal((await ask('POST', FACE_ROUTES.bans, { ...foreign, ...json }, wish)).status, 403);
  const form = { ...AUTH, 'content-type': 'text/plain' };
  assert.equal((await ask('POST', FACE_ROUTES.bans, form, wish)).status, 403);
  // What a browser asks before it sends JSON across origins: no answer that would let it.
  const preflight = await ask('OPTIONS', FACE_ROUTES.bans, { origin: 'https://evil.example' });
  assert.equal(preflight.headers['access-control-allow-origin'], undefined);
  assert.deepEqual(banned, []);
  const own = { ...AUTH, ...json, origin: `http://127.0.0.1:${server.port}` };
  assert.equal((await ask('POST', FACE_ROUTES.bans, own, wish)).status, 200);
  assert.deepEqual(banned, ['192.0.2.1'], 'the same wish of its own page is heard');
});

test('the owner is told who they are, and what is no JSON or no wish is named', async () => {
  const answer = await ask('GET', FACE_ROUTES.session, AUTH);
  const session = JSON.parse(answer.body) as SessionReport;
  assert.deepEqual([session.who, session.mayAct, session.networks], ['owner', true, []]);
  assert.equal(answer.headers['cache-control'], 'no-store');
  const json = { ...AUTH, 'content-type': 'application/json' };
  for (const body of ['{', '{"address":"x"}extra', '{"address":1,"seconds":null}', '{"address":"x","more":1}']) {
    const wrong = await ask('POST', FACE_ROUTES.bans, json, body);
    assert.equal(wrong.status, 400, body);
    assert.equal(code(wrong), 'API_REQUEST_INVALID');
  }
});

test('what is not there is not served: no other file, no page of a share', async () => {
  for (const path of ['/share.html', '/../package.json', '/%2e%2e/package.json', '/assets/none.js', '/index.html/']) {
    assert.equal((await ask('GET', path)).status, 404, path);
  }
});

test('figures come for Prometheus, with the token alone', async () => {
  assert.equal((await ask('GET', '/metrics')).status, 401);
  const { status, headers, body } = await ask('GET', '/metrics', AUTH);
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.match(body, /^# TYPE kith_info gauge\nkith_info\{version="0\.1\.0"\} 1$/m);
});

test('who watches hears what changed', async () => {
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${server.port}${FACE_ROUTES.events}`, {
    headers: AUTH,
    signal: controller.signal,
  });
  assert.equal(response.headers.get('content-type')?.split(';')[0], 'text/event-stream');
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (text.includes('\n\n')) break;
  }
  assert.match(text, /^event: changed\ndata: \{"topics":\["overview"/);
  controller.abort();
});

test('every route is described, and every description is a route', async () => {
  assert.deepEqual(
    Object.keys(FACE_ROUTES).toSorted(),
    [...new Set(DESCRIPTIONS.map(({ route }) => route))].toSorted(),
  );
  const { body } = await ask('GET', FACE_ROUTES.openapi, AUTH);
  assert.deepEqual(JSON.parse(body), JSON.parse(JSON.stringify(openApi('0.1.0'))));
  for (const { method, route } of DESCRIPTIONS.filter(({ method: how }) => how === 'post')) {
    const answer = await ask(
      method.toUpperCase(),
      FACE_ROUTES[route],
      { ...AUTH, 'content-type': 'application/json' },
      '[]',
    );
    assert.equal(code(answer), 'API_REQUEST_INVALID', `${route} reads its body`);
    assert.doesNotMatch(answer.body, /there is no POST/, `${route} is there`);
  }
});
