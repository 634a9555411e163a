/** What a browser finds behind a share's link: the torrent, the peer protocol and other browsers, of that share alone. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { MemoryStore, parseTorrent, Session, tracker } from '@kith/torrent';
import { type Engine, type Share, LinkServer, type LinkServerOptions, nodeHashes } from '../../src/index.ts';
import { WsDuplex } from '../../src/link/ws-duplex.ts';
import { engineIn, folderOf, write } from '../engine/rig.ts';

const SIZE = 3_000_000;
const PATIENCE = 10_000;

interface Stage {
  readonly engine: Engine;
  readonly shares: readonly Share[];
  readonly server: LinkServer;
  readonly base: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Two shares of one engine behind their links. */
async function stage(t: TestContext, options: LinkServerOptions = {}): Promise<Stage> {
  const folder = await folderOf(t);
  const files = await write(folder, { 'one.bin': SIZE, 'two.bin': 1000 });
  const engine = await engineIn(t, folder);
  const shares = [await engine.share(`${folder}/one.bin`), await engine.share(`${folder}/two.bin`)];
  const server = new LinkServer(options);
  t.after(() => server.close());
  for (const share of shares) {
    const door = share.door();
    assert.ok(door);
    server.add(share.id, door.folder, door);
  }
  return { engine, shares, server, base: await server.listen(), files };
}

function linkOf({ base, server }: Stage, share: Share | undefined): string {
  assert.ok(share);
  return base + server.path(share.id);
}

async function socketTo(t: TestContext, url: string, origin?: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), origin === undefined ? {} : { origin });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** A peer that has nothing but what comes through the socket. */
async function loadThrough(t: TestContext, socket: WebSocket, torrent: Uint8Array): Promise<Uint8Array> {
  const metainfo = parseTorrent(torrent, nodeHashes);
  const now = (): number => performance.now();
  const session = new Session({ hashes: nodeHashes, random: randomBytes, peerId: randomBytes(20) }, now());
  const store = new MemoryStore(metainfo, nodeHashes);
  const leech = session.add({ metainfo, store }, now());
  const timer = setInterval(() => session.tick(now()), 5);
  t.after(() => clearInterval(timer));
  const remote = { ip: '127.0.0.1', port: 1 };
  session.connected(new WsDuplex(socket, { remote, incoming: false, clock: now }), leech, now());
  for (const deadline = now() + PATIENCE; !leech.have.complete;) {
    assert.ok(now() < deadline, `${leech.have.count} of ${leech.have.length} pieces came`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const bytes = new Uint8Array(SIZE);
  for (let piece = 0; piece < metainfo.pieceCount; piece++) {
    const from = piece * metainfo.pieceLength;
    bytes.set(store.read(piece, 0, Math.min(metainfo.pieceLength, SIZE - from)), from);
  }
  return bytes;
}

test('a peer that has only the link gets the torrent and all of its content', async (t) => {
  const set = await stage(t);
  const [first] = set.shares;
  const link = linkOf(set, first);
  const described = (await (await fetch(`${link}share.json`)).json()) as { id: string; files: { url: string }[] };
  assert.equal(described.id, first?.id);
  assert.match(described.files[0]?.url ?? '', /^files\/0\/one\.bin$/);
  const torrent = new Uint8Array(await (await fetch(`${link}metainfo`)).arrayBuffer());
  const bytes = await loadThrough(t, await socketTo(t, `${link}wire`, new URL(link).origin), torrent);
  assert.ok(Buffer.from(bytes).equals(set.files.get('one.bin') ?? Buffer.alloc(0)));
});

test('the link of one share leads to no other, not even for who knows its hash', async (t) => {
  const set = await stage(t);
  const [first, second] = set.shares;
  const other = parseTorrent(second?.torrentFile ?? new Uint8Array(0), nodeHashes).infoHash ?? new Uint8Array(20);
  const socket = await socketTo(t, `${linkOf(set, first)}wire`);
  const closed = once(socket, 'close');
  const text = Buffer.from('\u0013BitTorrent protocol', 'latin1');
  let heard = 0;
  socket.on('message', (data: Buffer) => (heard += data.length));
  socket.send(Buffer.concat([text, Buffer.alloc(8), other, randomBytes(20)]));
  await closed;
  assert.equal(heard, 0, 'not even a handshake comes back');
  const own = await socketTo(t, `${linkOf(set, second)}wire`);
  own.send(Buffer.concat([text, Buffer.alloc(8), other, randomBytes(20)]));
  const [answer]: Buffer[] = await once(own, 'message');
  assert.ok(answer?.subarray(0, 20).equals(text), 'through its own link it answers');
});

test('whom the node closes it says goodbye to, and waits for no answer', async (t) => {
  const set = await stage(t);
  const link = new URL(`${linkOf(set, set.shares[0])}wire`);
  const text = Buffer.from('\u0013BitTorrent protocol', 'latin1');
  const strange = Buffer.concat([text, Buffer.alloc(8), randomBytes(40)]);
  const polite = await socketTo(t, link.href);
  const said = once(polite, 'close');
  polite.send(strange);
  assert.equal((await said)[0], 1000);

  const mute = connect(Number(link.port), link.hostname);
  t.after(() => mute.destroy());
  const key = randomBytes(16).toString('base64');
  const headers = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
  ];
  mute.write([`GET ${link.pathname} HTTP/1.1`, `Host: ${link.host}`, ...headers, '', ''].join('\r\n'));
  await once(mute, 'data');
  const cutOff = once(mute, 'close');
  // One binary frame, masked with nothing (RFC 6455, section 5.2).
  mute.write(Buffer.concat([Buffer.from([0x82, 0x80 | strange.length, 0, 0, 0, 0]), strange]));
  mute.resume();
  await cutOff;
});

test('browsers that opened one link find each other, and nobody of another link', async (t) => {
  const set = await stage(t);
  const [first, second] = set.shares;
  const hash = parseTorrent(first?.torrentFile ?? new Uint8Array(0), nodeHashes).infoHash ?? new Uint8Array(20);
  const announce = (peerId: Uint8Array, offers: tracker.Offer[]): string =>
    tracker.formatRelayAnnounce(
      { infoHash: hash, peerId, port: 0, uploaded: 0, downloaded: 0, left: 1, key: 0, event: 'started' },
      offers,
    );
  const url = `${linkOf(set, first)}announce`;
  const ada = await socketTo(t, url);
  ada.send(announce(randomBytes(20), []));
  await once(ada, 'message');
  const bob = await socketTo(t, url);
  const offered = once(ada, 'message');
  bob.send(announce(randomBytes(20), [{ offerId: 'x'.repeat(20), sdp: 'v=0' }]));
  const [text]: Buffer[] = await offered;
  const message = tracker.parseRelayMessage(String(text));
  assert.equal(message.kind, 'offer');
  const stranger = await socketTo(t, `${linkOf(set, second)}announce`);
  const closed = once(stranger, 'close');
  stranger.send(announce(randomBytes(20), []));
  await closed;
});

test('a page of another site opens no socket, and a link that is none opens nothing', async (t) => {
  const set = await stage(t);
  const link = linkOf(set, set.shares[0]);
  const refused = async (url: string, origin?: string): Promise<string> => {
    const socket = new WebSocket(url.replace('http', 'ws'), origin === undefined ? {} : { origin });
    const [error]: Error[] = await once(socket, 'error');
    return error?.message ?? '';
  };
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
    assert.match(await refused(`${link}wire`, origin), /403/);
    assert.match(await refused(`${link}announce`, origin), /403/);
  }
  assert.match(await refused(`${set.base}s/${'A'.repeat(22)}/wire`), /404/);
  assert.match(await refused(`${link}other`), /404/);
  set.server.remove(set.shares[0]?.id ?? '');
  assert.match(await refused(`${link}wire`), /404/);
});

test('who sends text or more than a message may have is closed, and the server serves on', async (t) => {
  const set = await stage(t);
  const link = linkOf(set, set.shares[0]);
  for (const message of ['text', Buffer.alloc(2_000_000)]) {
    const socket = await socketTo(t, `${link}wire`);
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    socket.send(message);
    await closed;
  }
  const noisy = await socketTo(t, `${link}announce`);
  const answered = once(noisy, 'message');
  noisy.send('{"action":"announce"}');
  assert.match(String((await answered)[0]), /failure reason/);
  assert.equal((await fetch(`${link}share.json`)).status, 200);
});

test('the page comes by every link, with a policy, and by one that leads nowhere as 404', async (t) => {
  const html = { body: Buffer.from('<!doctype html>'), type: 'text/html; charset=utf-8' };
  const script = { body: Buffer.from('1'), type: 'text/javascript; charset=utf-8' };
  const pages = new Map([
    ['share.html', html],
    ['index.html', html],
    ['assets/a.js', script],
    ['sw.js', script],
  ]);
  const set = await stage(t, { pages, shelf: (remote) => (remote === '127.0.0.1' ? { shares: [] } : undefined) });
  const link = linkOf(set, set.shares[0]);
  const page = await fetch(link);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*connect-src 'self' ws:/);
  assert.equal((await fetch(`${link}assets/a.js`)).status, 200);
  assert.equal((await fetch(`${link}sw.js`)).status, 200);
  assert.equal((await fetch(`${link}index.html`)).status, 404);
  assert.equal((await fetch(`${set.base}s/${'A'.repeat(22)}/`)).status, 404);
  assert.deepEqual(await (await fetch(`${set.base}shelf.json`)).json(), { shares: [] });
});
