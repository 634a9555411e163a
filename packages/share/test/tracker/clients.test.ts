import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { tracker } from '@kith/torrent';
import { WebSocketServer } from 'ws';
import {
  Announcer,
  type AnnouncerOptions,
  HttpTracker,
  type RemoteDescription,
  trackerClient,
  trackerProblem,
  TrackerServer,
  UdpTracker,
  WebSocketTracker,
} from '../../src/tracker/index.ts';
import { until } from '../until.ts';

const open: { close(): unknown }[] = [];
after(async () => {
  for (const thing of open) await thing.close();
});

const HASH = new Uint8Array(20).fill(0xe9);

function requestOf(change: Partial<tracker.AnnounceRequest> = {}): tracker.AnnounceRequest {
  const peerId = Buffer.from('-KI0001-abcdefghijkl');
  return { infoHash: HASH, peerId, port: 6881, uploaded: 0, downloaded: 0, left: 5, key: 1, ...change };
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null && 'port' in address && typeof address.port === 'number');
  return address.port;
}

/** A tracker over HTTP that answers as the test says. */
async function httpTracker(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${portOf(server)}/announce`;
}

async function kithTracker(options = {}): Promise<{ server: TrackerServer; port: number }> {
  const server = new TrackerServer({ host: '127.0.0.1', ...options });
  open.push(server);
  return { server, port: await server.listen() };
}

const GOOD = 'd8:intervali1800e5:peers6:\u007f\u0000\u0000\u0001\u001a\u00e1e';

test('an HTTP tracker may compress, redirect a few times, and give its reason under any status', async () => {
  const zipped = await httpTracker((_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(Buffer.from(GOOD, 'latin1')));
  });
  assert.deepEqual((await new HttpTracker(zipped).announce(requestOf())).peers, [{ ip: '127.0.0.1', port: 6881 }]);
  const moved = await httpTracker((request, response) => {
    const hops = Number(/hops=(\d)/.exec(request.url ?? '')?.[1] ?? 0);
    if (hops === 3) response.end(Buffer.from(GOOD, 'latin1'));
    else response.writeHead(302, { location: `/announce?hops=${hops + 1}` }).end();
  });
  assert.equal((await new HttpTracker(moved).announce(requestOf())).interval, 1800);
  const refusing = await httpTracker((_, response) => response.writeHead(403).end('d14:failure reason7:not youe'));
  await assert.rejects(new HttpTracker(refusing).announce(requestOf()), { failure: 'refused', message: 'not you' });
});

test('an HTTP tracker that answers wrongly, too much, in circles or never is an error with its reason', async () => {
  const cases: readonly (readonly [RequestListener, { failure: string; message: RegExp }])[] = [
    [(_, response) => response.end('<html>'), { failure: 'malformed', message: /expected a value/ }],
    [(_, response) => response.writeHead(502).end('oops'), { failure: 'unreachable', message: /HTTP 502/ }],
    [(_, response) => response.writeHead(404).end('no'), { failure: 'refused', message: /HTTP 404/ }],
    [
      (_, response) => response.writeHead(302, { location: '/announce' }).end(),
      { failure: 'unreachable', message: /redirects more than 4 times/ },
    ],
    [
      (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      { failure: 'malformed', message: /no HTTP URL/ },
    ],
    [
      (_, response) => response.writeHead(302, { location: 'http://0.0.0.0/' }).end(),
      { failure: 'forbidden', message: /0\.0\.0\.0/ },
    ],
    [(_, response) => response.end(Buffer.alloc(3 << 20)), { failure: 'malformed', message: /longer than/ }],
    [
      (_, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(50 << 20)));
      },
      { failure: 'malformed', message: /longer than/ },
    ],
    [
      (_, response) => response.writeHead(200).write('d8:inter'),
      { failure: 'unreachable', message: /no answer within 0.3 s/ },
    ],
    [() => undefined, { failure: 'unreachable', message: /no answer within 0.3 s/ }],
    [(request) => request.socket.destroy(), { failure: 'unreachable', message: /./ }],
  ];
  for (const [answer, error] of cases) {
    const url = await httpTracker(answer);
    const timeout = error.message.source.includes('0.3 s') ? 300 : 20_000;
    await assert.rejects(new HttpTracker(url, { timeout }).announce(requestOf()), error);
  }
});

test('addresses that are not permitted are not talked to, however they come up', async () => {
  const permits = (address: string) => address !== '127.0.0.1';
  const { server, port } = await kithTracker();
  for (const url of [`http://127.0.0.1:${port}/announce`, `udp://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`]) {
    await assert.rejects(trackerClient(url, { permits }).announce(requestOf()), {
      failure: 'forbidden',
      message: '127.0.0.1 is an address that this node does not talk to',
    });
  }
  assert.equal(server.stats().peers.ipv4 + server.stats().peers.websocket, 0);
  for (const url of ['gopher://x/', 'udp://x', 'nonsense'])
    assert.throws(() => trackerClient(url), { code: 'TRACKER_URL_INVALID' });
});

test('what is given up by this side says so, on every kind of tracker', async () => {
  const silentUdp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silentUdp, 'listening');
  open.push({ close: () => silentUdp.close() });
  const silent = await httpTracker(() => undefined);
  for (const url of [silent, `udp://127.0.0.1:${portOf(silentUdp)}`, silent.replace('http', 'ws')]) {
    const aborting = new AbortController();
    const asked = trackerClient(url).announce(requestOf(), aborting.signal);
    setTimeout(() => aborting.abort(), 20);
    await assert.rejects(asked, { failure: 'aborted' }, url);
    const client = trackerClient(url);
    const closed = client.announce(requestOf());
    setTimeout(() => client.close(), 20);
    await assert.rejects(closed, { failure: 'aborted' }, url);
  }
});

test('a UDP client asks again, takes answers to its own question only, and connects anew when its id is worn', async () => {
  const server = createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: () => server.close() });
  const seen: string[] = [];
  server.on('message', (packet, from) => {
    const send = (hex: string, transaction = packet.readUInt32BE(12)) => {
      const answer = Buffer.from(hex, 'hex');
      answer.writeUInt32BE(transaction, 4);
      server.send(answer, from.port, from.address);
    };
    const action = packet.readUInt32BE(8);
    seen.push(['connect', 'announce'][action] ?? '?');
    if (seen.length === 1) return;
    if (action === 0) {
      send(`0000000000000000${'11'.repeat(8)}`, 1);
      send(`0000000000000000${String(seen.length).padStart(16, '0')}`);
    } else if (seen.filter((kind) => kind === 'announce').length === 1) {
      send(`0000000300000000${Buffer.from('Connection ID mismatch.').toString('hex')}`);
    } else send(`0000000100000000000007080000000100000002${'7f0000011ae1'}`);
  });
  const client = new UdpTracker(`udp://127.0.0.1:${portOf(server)}`, { firstWait: 50 });
  const answer = await client.announce(requestOf());
  assert.deepEqual([answer.interval, answer.seeds, answer.leechers], [1800, 2, 1]);
  assert.deepEqual(seen, ['connect', 'connect', 'announce', 'connect', 'announce']);
  await client.announce(requestOf());
  assert.equal(seen.length, 6);
});

function peerOver(port: number, id: string) {
  const offered: RemoteDescription[] = [];
  const answered: RemoteDescription[] = [];
  const peerId = Buffer.from(id.repeat(20));
  const client = new WebSocketTracker(`ws://127.0.0.1:${port}/announce`, {
    signalling: {
      offers: () => Promise.resolve([{ offerId: `${id}-offer`.padEnd(20, '\u00ff'), sdp: `offer of ${id}` }]),
      offered: (offer) => offered.push(offer),
      answered: (answer) => answered.push(answer),
    },
  });
  open.push(client);
  return { client, offered, answered, peerId, announce: () => client.announce(requestOf({ peerId })) };
}

test('two peers behind a WebSocket tracker exchange offer and answer, and are counted', async () => {
  const { port } = await kithTracker();
  const [a, b] = [peerOver(port, 'a'), peerOver(port, 'b')];
  assert.equal((await a.announce()).leechers, 1);
  assert.equal((await b.announce()).leechers, 2);
  await until(() => a.offered.length === 1, 'the offer');
  const [offer] = a.offered;
  assert.ok(offer !== undefined);
  assert.deepEqual([offer.sdp, offer.peerId], ['offer of b', 'b'.repeat(20)]);
  await a.client.answer(offer, a.peerId, 'answer of a');
  await until(() => b.answered.length === 1, 'the answer');
  assert.deepEqual([b.answered[0]?.sdp, b.answered[0]?.offerId], ['answer of a', 'b-offer'.padEnd(20, '\u00ff')]);
  const [counts] = await b.client.scrape([HASH]);
  assert.deepEqual([counts?.leechers, counts?.seeds], [2, 0]);
});

test('a WebSocket tracker that says rubbish, too much, or goes away does no harm', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  open.push(server);
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.once('message', () => {
      for (const text of ['', '{', '{"action":"announce","info_hash":5}', '[1]']) socket.send(text);
      socket.send('x'.repeat(300_000));
    });
  });
  let lost = '';
  const client = new WebSocketTracker(`ws://127.0.0.1:${portOf(server)}`, { lost: (reason) => (lost = reason) });
  open.push(client);
  await assert.rejects(client.announce(requestOf()), { failure: 'unreachable', message: /Max payload/ });
  await until(() => lost !== '', 'the loss is told');
});

function announcerOf(tiers: readonly (readonly string[])[], change: Partial<AnnouncerOptions> = {}) {
  const found: string[] = [];
  const announcer = new Announcer({
    tiers,
    infoHash: HASH,
    peerId: Buffer.from('-KI0001-abcdefghijkl'),
    port: 6999,
    state: () => ({ uploaded: 0, downloaded: 0, left: 5 }),
    found: (peers) => found.push(...peers.map((peer) => `${peer.ip} ${peer.port}`)),
    ...change,
  });
  open.push({ close: () => announcer.stop(0) });
  return { announcer, found };
}

test('an announcer passes over the dead, finds peers, says completed and stopped, and tells people what is wrong', async () => {
  const { server, port } = await kithTracker();
  await new HttpTracker(`http://127.0.0.1:${port}/announce`).announce(requestOf({ port: 7001 }));
  const dead = await httpTracker(() => undefined);
  const refused = dead.replace(/:\d+/, ':1');
  const tiers = [[refused, 'nonsense'], [`udp://127.0.0.1:${port}`]];
  const { announcer, found } = announcerOf(tiers);
  announcer.start();
  await until(() => found.length > 0, 'peers');
  assert.deepEqual(found, ['127.0.0.1 7001']);
  const [failing, working, malformed] = announcer.status();
  assert.deepEqual([failing?.state, working?.state, malformed?.state], ['failing', 'working', 'given-up']);
  assert.ok(failing !== undefined && working !== undefined);
  const problem = trackerProblem(failing, performance.now());
  assert.equal(problem?.code, 'TRACKER_UNREACHABLE');
  assert.match(
    problem?.message ?? '',
    /127\.0\.0\.1:1\/announce: connection refused: nobody listens there; next try in [3-6] s$/,
  );
  assert.equal(trackerProblem(working, performance.now()), undefined);
  announcer.complete();
  await until(() => server.stats().completed === 1, 'completed');
  await announcer.stop();
  assert.equal(server.stats().peers.ipv4, 1);
});

test('an announcer comes back soon after its WebSocket tracker does', async () => {
  const first = new TrackerServer({ host: '127.0.0.1' });
  const port = await first.listen();
  const { announcer } = announcerOf([[`ws://127.0.0.1:${port}`]]);
  announcer.start();
  await until(() => first.stats().peers.websocket === 1, 'announced');
  await first.close();
  await until(() => announcer.status()[0]?.state === 'failing', 'the loss is seen');
  const second = new TrackerServer({ host: '127.0.0.1', port });
  open.push(second);
  await second.listen();
  announcer.hurry();
  await until(() => second.stats().peers.websocket === 1, 'announced again');
});

test('an announcer that is stopped waits for no tracker longer than it is told', async () => {
  const { announcer } = announcerOf([[await httpTracker(() => undefined)]]);
  announcer.start();
  const begun = performance.now();
  await announcer.stop(50);
  assert.ok(performance.now() - begun < 5_000);
});
