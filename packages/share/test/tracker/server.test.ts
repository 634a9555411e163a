import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tracker } from '@kith/torrent';
import { WebSocket } from 'ws';
import { HttpTracker, TrackerServer, type TrackerServerOptions, UdpTracker } from '../../src/tracker/index.ts';
import { until } from '../until.ts';

const open: { close(): unknown }[] = [];
after(async () => {
  for (const thing of open) await thing.close();
});

async function serve(
  options: TrackerServerOptions = {},
): Promise<{ server: TrackerServer; port: number; url: string }> {
  const server = new TrackerServer({ host: '127.0.0.1', ...options });
  open.push(server);
  const port = await server.listen();
  return { server, port, url: `127.0.0.1:${port}` };
}

const HASH = new Uint8Array(20).fill(7);

function requestOf(change: Partial<tracker.AnnounceRequest> = {}): tracker.AnnounceRequest {
  const peerId = Buffer.from('-KI0001-abcdefghijkl');
  return { infoHash: HASH, peerId, port: 6881, uploaded: 0, downloaded: 0, left: 5, key: 1, ...change };
}

/** Sends text over TCP and gives what comes until the other side closes, or until `enough` is there. */
async function talk(port: number, text: string, enough?: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text, 'latin1');
  let closed = false;
  socket.on('close', () => (closed = true));
  await until(
    () => closed || enough?.test(heard) === true,
    `an answer to ${text.slice(0, 60)}, got ${heard.slice(0, 200)}`,
  );
  socket.destroy();
  return heard;
}

async function relayPeer(
  port: number,
): Promise<{ socket: WebSocket; next: () => Promise<Record<string, unknown>>; count: () => number }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  open.push({ close: () => socket.terminate() });
  const inbox: Record<string, unknown>[] = [];
  let all = 0;
  socket.on('message', (data: Buffer) => {
    all++;
    inbox.push(JSON.parse(data.toString()));
  });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return {
    socket,
    count: () => all,
    next: async () => {
      await until(() => inbox.length > 0, 'a message');
      return inbox.shift() ?? {};
    },
  };
}

const latin = (char: string) => char.repeat(20);

function announceOf(id: string, change: Record<string, unknown> = {}): string {
  const offers = [{ offer: { type: 'offer', sdp: `from ${id}` }, offer_id: latin('o') }];
  return JSON.stringify({
    action: 'announce',
    info_hash: latin('\u00e9'),
    peer_id: latin(id),
    left: 5,
    numwant: 1,
    offers,
    ...change,
  });
}

test('a UDP, an HTTP and a second HTTP peer are in one swarm on one port', async () => {
  const { url, server } = await serve();
  const overUdp = new UdpTracker(`udp://${url}`);
  const overHttp = new HttpTracker(`http://${url}/announce`);
  assert.deepEqual((await overUdp.announce(requestOf({ port: 1001, event: 'started' }))).peers, []);
  const second = await overHttp.announce(requestOf({ port: 1002, left: 0, event: 'started' }));
  assert.deepEqual(second.peers, [{ ip: '127.0.0.1', port: 1001 }]);
  assert.deepEqual([second.seeds, second.leechers], [1, 1]);
  assert.deepEqual(second.externalIp, new Uint8Array([127, 0, 0, 1]));
  for (const client of [overUdp, overHttp]) {
    assert.deepEqual(
      (await client.scrape([HASH])).map((entry) => [entry.seeds, entry.leechers, entry.downloaded]),
      [[1, 1, 0]],
    );
  }
  await overHttp.announce(requestOf({ port: 1002, event: 'stopped' }));
  await overUdp.announce(requestOf({ port: 1001, event: 'stopped' }));
  assert.deepEqual([server.stats().swarms, server.stats().peers.ipv4], [0, 0]);
});

test('peers over IPv6 get peers of 18 bytes', async (t) => {
  const server = new TrackerServer({ host: '::1' });
  const port = await server.listen().catch(() => 0);
  if (port === 0) {
    t.diagnostic('this machine has no IPv6');
    return;
  }
  open.push(server);
  const first = new UdpTracker(`udp://[::1]:${port}`);
  const second = new HttpTracker(`http://[::1]:${port}/announce`);
  await first.announce(requestOf({ port: 1001 }));
  assert.deepEqual((await second.announce(requestOf({ port: 1002 }))).peers, [{ ip: '::1', port: 1001 }]);
  assert.deepEqual((await first.announce(requestOf({ port: 1001 }))).peers, [{ ip: '::1', port: 1002 }]);
});

test('requests on one connection are answered in order, also when they come in pieces or at once', async () => {
  const { port } = await serve();
  const get = 'GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: x\r\n\r\n';
  const heard = await talk(port, `${get}${get}${get.replace('/scrape', '/nothing')}GET / HTTP/1.0\r\n\r\n`);
  assert.deepEqual(
    Array.from(heard.matchAll(/HTTP\/1\.1 (\d+)/g), (match) => match[1]),
    ['200', '200', '404', '404'],
  );
  const socket = connect(port, '127.0.0.1');
  let drip = '';
  socket.on('data', (bytes: Buffer) => (drip += bytes.toString()));
  for (const char of get) {
    socket.write(char);
    await sleep(0);
  }
  await until(() => drip.includes('d5:files'), 'an answer to a request that dripped in');
  socket.destroy();
});

test('requests that are none are answered with what is wrong and the end of the connection', async () => {
  const { port } = await serve();
  const cases = [
    ['\u0016\u0003\u0001\r\n\r\n', 400],
    ['POST /announce HTTP/1.1\r\n\r\n', 405],
    ['GET / HTTP/2.0\r\n\r\n', 505],
    ['GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello', 413],
    ['GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 413],
    [`GET /${'a'.repeat(9_000)}`, 431],
    ['GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n', 400],
  ] as const;
  for (const [text, status] of cases)
    assert.match(await talk(port, text), new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 40));
});

test('a full scrape is refused unless it was allowed; then it comes in chunks', async () => {
  const closed = await serve();
  await assert.rejects(new HttpTracker(`http://${closed.url}/announce`).scrape([]), { failure: 'refused' });
  const { url } = await serve({ fullScrape: true, peersPerAddress: 0 });
  const client = new HttpTracker(`http://${url}/announce`);
  for (const byte of [1, 2, 3]) await client.announce(requestOf({ infoHash: new Uint8Array(20).fill(byte) }));
  assert.equal((await client.scrape([])).length, 3);
});

test('statistics are for loopback; a proxy that is trusted shows who is behind it, any other does not', async () => {
  const { port, url } = await serve({ trustedProxies: ['127.0.0.0/8'] });
  const page = await (await fetch(`http://${url}/stats`)).text();
  assert.match(page, /<td>0<\/td>/);
  const metrics = await (await fetch(`http://${url}/metrics`)).text();
  assert.match(metrics, /^kith_tracker_announces_total\{face="http"\} 0$/m);
  assert.match(await (await fetch(`http://${url}/stats.json`)).text(), /"swarms": 0/);
  const forwarded = (to: string) => talk(port, `GET /stats HTTP/1.0\r\nX-Forwarded-For: 127.0.0.9, ${to}\r\n\r\n`);
  assert.match(await forwarded('203.0.113.7'), / 404 /);
  assert.match(await forwarded('127.0.0.1'), / 200 /);

  const announce =
    'GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=1 HTTP/1.0\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n';
  assert.match(await talk(port, announce), /external ip4:\u00cb\u0000q\u0007/);
  const plain = await serve();
  assert.match(await talk(plain.port, announce), /external ip4:\u007f\u0000\u0000\u0001/);
});

test('torrents that the lists do not permit are refused, and end when the lists change', async () => {
  const { url, server } = await serve({ deny: [new Uint8Array(20).fill(9)] });
  const client = new HttpTracker(`http://${url}/announce`);
  await assert.rejects(client.announce(requestOf({ infoHash: new Uint8Array(20).fill(9) })), {
    failure: 'refused',
    message: 'this tracker does not track this torrent',
  });
  await client.announce(requestOf());
  server.setLists({ allow: [new Uint8Array(20).fill(9)] });
  assert.equal(server.stats().swarms, 0);
  await assert.rejects(new UdpTracker(`udp://${url}`).announce(requestOf()), { failure: 'refused' });
});

test('who is not admitted gets no word, on any face', async () => {
  const { port, server } = await serve({ admits: () => false });
  assert.equal(await talk(port, 'GET /stats HTTP/1.0\r\n\r\n'), '');
  const udp = new UdpTracker(`udp://127.0.0.1:${port}`, { firstWait: 30, tries: 2 });
  await assert.rejects(udp.announce(requestOf()), { failure: 'unreachable', message: 'no answer within 0.09 s' });
  assert.equal(server.stats().peers.ipv4, 0);
});

test('offers and answers reach the right socket and no other', async () => {
  const { port, server } = await serve();
  const [a, b, c] = [await relayPeer(port), await relayPeer(port), await relayPeer(port)];
  b.socket.send(announceOf('b', { offers: [] }));
  assert.deepEqual(await b.next(), {
    action: 'announce',
    info_hash: latin('\u00e9'),
    interval: 120,
    complete: 0,
    incomplete: 1,
  });
  a.socket.send(announceOf('a'));
  assert.equal((await a.next()).incomplete, 2);
  const offer = await b.next();
  assert.deepEqual(offer, {
    action: 'announce',
    info_hash: latin('\u00e9'),
    peer_id: latin('a'),
    offer_id: latin('o'),
    offer: { type: 'offer', sdp: 'from a' },
  });

  c.socket.send(announceOf('c', { offers: [] }));
  await c.next();
  const answer = (from: string) =>
    JSON.stringify({
      action: 'announce',
      info_hash: latin('\u00e9'),
      peer_id: latin(from),
      to_peer_id: latin('a'),
      offer_id: latin('o'),
      answer: { type: 'answer', sdp: `by ${from}` },
    });
  // Not offered to c, and b is not called c.
  c.socket.send(answer('c'));
  c.socket.send(answer('b'));
  b.socket.send(answer('c'));
  assert.match(String((await b.next())['failure reason']), /peer_id/);
  b.socket.send(answer('b'));
  b.socket.send(answer('b'));
  const taken = await a.next();
  assert.deepEqual([taken.peer_id, taken.answer], [latin('b'), { type: 'answer', sdp: 'by b' }]);
  await until(() => server.stats().counts.relayAnswers === 1, 'the answer was counted');
  c.socket.send(JSON.stringify({ action: 'scrape', info_hash: [latin('\u00e9')] }));
  assert.deepEqual((await c.next()).files, { [latin('\u00e9')]: { complete: 0, incomplete: 3, downloaded: 0 } });
  assert.deepEqual([a.count(), server.stats().counts.relayAnswers], [2, 1]);
});

test('a socket cannot take the peer id under which another or itself is in a swarm; its end frees all it had', async () => {
  const { port, server } = await serve();
  const peer = await relayPeer(port);
  for (const hash of ['x', 'y']) {
    peer.socket.send(announceOf('a', { info_hash: latin(hash) }));
    await peer.next();
  }
  peer.socket.send(announceOf('b', { info_hash: latin('x') }));
  assert.match(String((await peer.next())['failure reason']), /another peer_id/);
  assert.deepEqual(
    [server.stats().swarms, server.stats().peers.websocket, server.stats().connections.websocket],
    [2, 2, 1],
  );
  peer.socket.terminate();
  await until(() => server.stats().connections.websocket === 0, 'the connection ended');
  assert.deepEqual([server.stats().swarms, server.stats().peers.websocket], [0, 0]);
});

test('seeds are offered to leechers only', async () => {
  const { port } = await serve();
  const [seed, other, leecher] = [await relayPeer(port), await relayPeer(port), await relayPeer(port)];
  other.socket.send(announceOf('o', { left: 0 }));
  await other.next();
  seed.socket.send(announceOf('s', { left: 0 }));
  await seed.next();
  leecher.socket.send(announceOf('l', { offers: [] }));
  await leecher.next();
  seed.socket.send(announceOf('s', { left: 0 }));
  assert.equal((await leecher.next()).peer_id, latin('s'));
  assert.equal(other.count(), 1);
});

test('rubbish over a WebSocket is answered ten times, then the socket is closed', async () => {
  const { port } = await serve();
  const { socket, next } = await relayPeer(port);
  const closed = once(socket, 'close');
  for (const text of [
    '{',
    '[]',
    '{"action":"dance"}',
    '{"action":"announce"}',
    announceOf('a').replace(latin('a'), 'a'),
  ]) {
    socket.send(text);
    assert.equal(typeof (await next())['failure reason'], 'string', text);
  }
  for (let i = 0; i < 5; i++) socket.send(Buffer.from('{}'));
  assert.equal((await closed)[0], 1008);
});

/** A WebSocket without a library, for frames that no library sends. */
async function rawRelay(port: number): Promise<{ socket: Socket; heard: () => Buffer; closed: () => boolean }> {
  const socket = connect(port, '127.0.0.1');
  open.push({ close: () => socket.destroy() });
  let heard = Buffer.alloc(0);
  let closed = false;
  socket.on('data', (bytes: Buffer) => (heard = Buffer.concat([heard, bytes])));
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  socket.write(
    'GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await until(() => heard.includes('\r\n\r\n'), 'the upgrade');
  // The key and its answer of RFC 6455 section 1.3.
  assert.match(heard.toString(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  heard = Buffer.alloc(0);
  return { socket, heard: () => heard, closed: () => closed };
}

test('frames that break the rules end the connection with the code that says why', async () => {
  const { port } = await serve();
  const cases: readonly (readonly [string, number])[] = [
    ['8101aa', 1002],
    ['c18100000000aa', 1002],
    ['8380000000', 1002],
    ['808000000000', 1002],
    ['89fe00000000', 1002],
    ['098000000000', 1002],
    ['81ff7fffffffffffffff00000000', 1009],
    ['81ff0000000000020001' + '00000000', 1009],
    ['818100000000ff', 1007],
  ];
  for (const [hex, code] of cases) {
    const { socket, heard, closed } = await rawRelay(port);
    socket.write(Buffer.from(hex.padEnd(hex.length + 16, '0'), 'hex'));
    await until(() => heard().length >= 4, `a close frame after ${hex}`);
    assert.deepEqual([heard()[0], heard().readUInt16BE(2)], [0x88, code], hex);
    socket.end();
    await until(closed, 'the end');
  }
});

test('messages in fragments, with pings between them and byte by byte, are read like whole ones', async () => {
  const { port } = await serve();
  const { socket, heard } = await rawRelay(port);
  const text = Buffer.from(announceOf('a', { offers: [] }));
  const frame = (opcode: number, part: Buffer) => {
    const mask = Buffer.from([1, 2, 3, 4]);
    const length = part.length < 126 ? [0x80 | part.length] : [0x80 | 126, part.length >> 8, part.length & 255];
    return Buffer.concat([Buffer.from([opcode, ...length]), mask, part.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
  };
  const bytes = Buffer.concat([
    frame(0x01, text.subarray(0, 5)),
    frame(0x89, Buffer.from('are you there')),
    frame(0x00, text.subarray(5, 40)),
    frame(0x80, text.subarray(40)),
    frame(0x81, text),
  ]);
  for (let at = 0; at < bytes.length; at++) {
    socket.write(bytes.subarray(at, at + 1));
    if (at % 16 === 0) await sleep(0);
  }
  await until(() => heard().toString().split('"interval"').length === 3, 'two answers');
  assert.equal(heard().subarray(0, 15).toString('latin1'), '\u008a\u000dare you there');
});

test('who sends slowly or nothing is cut off', async () => {
  const { port, server } = await serve({ limits: { patience: 100, ping: 100 } });
  const resting = await serve({ limits: { idle: 150 } });
  const silent = talk(port, '');
  const slow = talk(port, 'GET /announce HTTP/1.1\r\n');
  const idle = talk(resting.port, 'GET / HTTP/1.1\r\n\r\n');
  const relay = await rawRelay(port);
  assert.deepEqual([await silent, await slow], ['', '']);
  assert.match(await idle, /404/);
  await until(() => relay.heard()[0] === 0x89 || relay.closed(), 'a ping');
  await until(relay.closed, 'the end of a peer that answers no ping');
  await until(() => server.stats().connections.http + server.stats().connections.websocket === 0, 'all gone');
});

test('a thousand sockets of one address: those above its share are turned away, the rest is served, and nothing stays', async () => {
  const { port, server } = await serve({ limits: { connectionsPerAddress: 300 } });
  const sockets = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
  }
  await until(() => server.stats().turnedAway === 700, 'most turned away');
  assert.equal(server.stats().connections.http, 300);
  for (const socket of sockets) socket.destroy();
  await until(() => server.stats().connections.http === 0, 'all gone');
  assert.match(await talk(port, 'GET /stats.json HTTP/1.0\r\n\r\n'), /"turnedAway": 700/);
});

test('a reader that does not read loses messages, not the tracker its memory', async () => {
  const { port, server } = await serve({ limits: { backlog: 4_096 } });
  const deaf = await rawRelay(port);
  deaf.socket.pause();
  const text = Buffer.from(announceOf('d', { offers: [] }));
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | 126, 0, text.length, 0, 0, 0, 0]), text]);
  const many = Buffer.concat(new Array<Buffer>(1_000).fill(frame));
  for (let round = 0; server.stats().dropped === 0; round++) {
    assert.ok(round < 500, 'messages are dropped in the end');
    deaf.socket.write(many);
    await until(() => server.stats().counts.relayAnnounces === (round + 1) * 1_000, 'all were read');
  }
});

test('forged connection ids and rubbish over UDP list nobody', async () => {
  const { port, server } = await serve();
  const socket = createSocket('udp4');
  open.push({ close: () => socket.close() });
  const forged = tracker.encodeUdpAnnounce(new Uint8Array(8).fill(3), 1, requestOf(), new Uint8Array(0));
  for (let i = 0; i < 50; i++) {
    socket.send(forged, port, '127.0.0.1');
    socket.send(forged.subarray(0, i), port, '127.0.0.1');
  }
  await until(() => server.stats().counts.udpForged >= 50, 'the forged ones were seen');
  assert.deepEqual([server.stats().swarms, server.stats().counts.udpAnnounces], [0, 0]);
});

test('a port that is taken is an error that names it', async () => {
  const { port } = await serve();
  await assert.rejects(new TrackerServer({ host: '127.0.0.1', port }).listen(), {
    code: 'TRACKER_PORT',
    message: new RegExp(`cannot listen on port ${port}: .*EADDRINUSE`),
  });
});
