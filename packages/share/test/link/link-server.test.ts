import assert from 'node:assert/strict';
import { spawnSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, request, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { LinkServer, type LinkServerOptions } from '../../src/link/link-server.ts';
import { noise } from '../store-conformance/rig.ts';
import { MemoryFile } from './memory-file.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function serve(t: TestContext, files: MemoryFile[], options: LinkServerOptions = {}): Promise<string> {
  const server = new LinkServer(options);
  server.add('t', { name: 'Torrent <1>', files });
  const url = await server.listen();
  t.after(() => server.close());
  return url + server.path('t');
}

async function ask(
  url: string,
  headers: Record<string, string> = {},
  method: string = 'GET',
  agent?: Agent,
): Promise<Answer> {
  const outgoing = request(url, { method, headers, ...(agent === undefined ? {} : { agent }) });
  outgoing.end();
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  assert.ok(response !== undefined);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds();) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const FILM = noise(500_000);

test('a file comes whole with 200, its type, its length and a strong tag', async (t) => {
  const url = await serve(t, [new MemoryFile('dir/Ein Film (2).mp4', FILM)]);
  const { status, headers, body } = await ask(`${url}files/0/anything`);
  assert.deepEqual([status, headers['content-length'], headers['content-type']], [200, '500000', 'video/mp4']);
  assert.deepEqual([headers['accept-ranges'], headers.etag], ['bytes', '"abc-0"']);
  assert.equal(headers['content-disposition'], "inline; filename*=UTF-8''Ein%20Film%20%282%29.mp4");
  assert.deepEqual(body, Buffer.from(FILM));
});

test('a range comes with 206 and its place; one behind the end with 416 and the length', async (t) => {
  const url = await serve(t, [new MemoryFile('a.mkv', FILM)]);
  for (const [range, begin, end] of [
    ['bytes=0-1', 0, 2],
    ['bytes=100000-', 100_000, 500_000],
    ['bytes=-5', 499_995, 500_000],
    ['bytes=250000-999999', 250_000, 500_000],
  ] as const) {
    const { status, headers, body } = await ask(`${url}files/0/x`, { range });
    assert.equal(status, 206);
    assert.equal(headers['content-range'], `bytes ${begin}-${end - 1}/500000`);
    assert.equal(headers['content-length'], String(end - begin));
    assert.deepEqual(body, Buffer.from(FILM.subarray(begin, end)));
  }
  const behind = await ask(`${url}files/0/x`, { range: 'bytes=500000-' });
  assert.deepEqual([behind.status, behind.headers['content-range']], [416, 'bytes */500000']);
});

test('several ranges come as parts', async (t) => {
  const url = await serve(t, [new MemoryFile('a.txt', Buffer.from('0123456789'))]);
  const { status, headers, body } = await ask(`${url}files/0/x`, { range: 'bytes=0-1,-2' });
  assert.equal(status, 206);
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '')?.[1] ?? '';
  assert.equal(headers['content-length'], String(body.length));
  const part = (range: string, bytes: string): string =>
    `\r\n--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${range}/10\r\n\r\n${bytes}`;
  assert.equal(body.toString(), `${part('0-1', '01')}${part('8-9', '89')}\r\n--${boundary}--\r\n`);
});

test('HEAD says what GET would, without ranges and without reading', async (t) => {
  const file = new MemoryFile('a.flac', FILM);
  const url = await serve(t, [file]);
  const { status, headers, body } = await ask(`${url}files/0/x`, { range: 'bytes=0-1' }, 'HEAD');
  assert.deepEqual(
    [status, headers['content-length'], headers['content-type'], body.length],
    [200, '500000', 'audio/flac', 0],
  );
  assert.deepEqual(file.reads, []);
});

test('a tag that fits makes If-Range a range and If-None-Match a 304; one that does not makes the whole file', async (t) => {
  const url = await serve(t, [new MemoryFile('a.mp4', FILM)]);
  const range = 'bytes=5-9';
  assert.equal((await ask(`${url}files/0/x`, { range, 'if-range': '"abc-0"' })).status, 206);
  for (const other of ['"other"', 'W/"abc-0"', 'Sun, 22 Nov 2026 00:00:00 GMT']) {
    assert.equal((await ask(`${url}files/0/x`, { range, 'if-range': other })).status, 200);
  }
  const same = await ask(`${url}files/0/x`, { 'if-none-match': '"z", W/"abc-0"' });
  assert.deepEqual([same.status, same.body.length], [304, 0]);
});

test('an empty file is empty, and has no ranges', async (t) => {
  const url = await serve(t, [new MemoryFile('empty', new Uint8Array(0))]);
  const { status, body } = await ask(`${url}files/0/x`);
  assert.deepEqual([status, body.length], [200, 0]);
  assert.equal((await ask(`${url}files/0/x`, { range: 'bytes=0-' })).status, 416);
});

test('who comes under a strange name, without the token or with another verb gets nothing', async (t) => {
  const url = await serve(t, [new MemoryFile('a.mp4', FILM)], { names: ['kith.test'] });
  const { port, pathname } = new URL(url);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
    assert.equal((await ask(`${url}files/0/x`, { host })).status, 421, host);
  }
  for (const host of [`localhost:${port}`, '127.0.0.1', `KITH.test:${port}`, `[::1]:${port}`]) {
    assert.equal((await ask(`${url}files/0/x`, { host })).status, 200, host);
  }
  for (const path of [
    '/',
    '/s/t/files/0/x',
    pathname.replace(/^\/s\/./, '/s/-'),
    `${pathname}files/1/x`,
    `${pathname}files/../files/1/x`,
    `${pathname}files/0x/x`,
    `${pathname}share.json`,
    `${pathname}metainfo`,
    '/shelf.json',
  ]) {
    assert.equal((await ask(new URL(path, url).href)).status, 404, path);
  }
  const post = await ask(`${url}files/0/x`, {}, 'POST');
  assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD']);
});

test('a file that could carry scripts is to be saved, not shown', async (t) => {
  const names = ['a.html', 'a.svg', 'a.xml', 'a.exe', 'a'];
  const url = await serve(
    t,
    names.map((name) => new MemoryFile(name, Buffer.from('x'))),
  );
  for (const i of names.keys()) {
    const { headers } = await ask(`${url}files/${i}/x`);
    assert.match(headers['content-disposition'] ?? '', /^attachment/, names[i]);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});

test('the files are listed for people, programs and players', async (t) => {
  const url = await serve(t, [new MemoryFile('d/1 & <2>.mp3', FILM), new MemoryFile('b.txt', FILM)]);
  const page = (await ask(url)).body.toString();
  assert.match(
    page,
    /<h1>Torrent &lt;1&gt;<\/h1>.*<a href="files\/0\/1%20%26%20%3C2%3E\.mp3">d\/1 &amp; &lt;2&gt;\.mp3<\/a>/,
  );
  const list: { files: { url: string }[] } = JSON.parse((await ask(`${url}files.json`)).body.toString());
  assert.equal(list.files.length, 2);
  const first = await ask(list.files[0]?.url ?? '', { range: 'bytes=1-2' });
  assert.deepEqual(first.body, Buffer.from(FILM.subarray(1, 3)));
  const lines = (await ask(`${url}playlist.m3u8`)).body.toString().trim().split('\n');
  assert.deepEqual(lines, ['#EXTM3U', '#EXTINF:-1,d/1 & <2>.mp3', list.files[0]?.url]);
});

test('a slow client makes the file wait: no more than a window lies in memory', async (t) => {
  const file = new MemoryFile('a.mp4', noise(1000).subarray(0, 0));
  const large = Object.assign(file, { length: 64 * 1_048_576, bytes: new Uint8Array(64 * 1_048_576) });
  const url = await serve(t, [large]);
  const [response]: IncomingMessage[] = await once(get(`${url}files/0/x`), 'response');
  assert.ok(response !== undefined);
  response.pause();
  let last = -1;
  await until('reading stops', () => {
    const before = last;
    last = large.reads.at(-1) ?? -1;
    return before === last && last > 0;
  });
  assert.ok(last < 16 * 1_048_576, `read up to ${last} for a client that takes nothing`);
  let got = 0;
  for await (const chunk of response) got += Buffer.from(chunk).length;
  assert.equal(got, large.length);
});

test('a client that goes away frees its reader at once, others go on', async (t) => {
  const file = new MemoryFile('a.mp4', FILM);
  file.held = 100_000;
  const url = await serve(t, [file]);
  const outgoing = get(`${url}files/0/x`, { headers: { range: 'bytes=100000-' } });
  outgoing.on('error', () => undefined);
  const other = ask(`${url}files/0/x`);
  await until('both read', () => file.readers === 2 && file.reads.includes(100_000));
  outgoing.destroy();
  await until('one reader is left', () => file.readers === 1);
  file.release();
  assert.deepEqual((await other).body, Buffer.from(FILM));
  await until('no reader is left', () => file.readers === 0);
});

test('one connection serves one request after the other', async (t) => {
  const url = await serve(t, [new MemoryFile('a.mp4', FILM)]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set<unknown>();
  agent.on('free', (socket) => sockets.add(socket));
  for (let i = 0; i < 5; i++) {
    const range = `bytes=${i * 1000}-${i * 1000 + 9}`;
    assert.equal((await ask(`${url}files/0/x`, { range }, 'GET', agent)).body.length, 10);
  }
  assert.equal(sockets.size, 1);
});

test(
  'curl gets the ranges it asks for',
  { skip: spawnSync('curl', ['--version']).status !== 0 && 'no curl' },
  async (t) => {
    const url = await serve(t, [new MemoryFile('a.mp4', FILM)]);
    for (const [range, begin, end] of [
      ['0-99', 0, 100],
      ['499990-', 499_990, 500_000],
      ['-7', 499_993, 500_000],
    ] as const) {
      const curl = spawn('curl', ['-s', '-r', range, `${url}files/0/x`]);
      const chunks: Buffer[] = [];
      for await (const chunk of curl.stdout) chunks.push(Buffer.from(chunk));
      assert.deepEqual(Buffer.concat(chunks), Buffer.from(FILM.subarray(begin, end)));
    }
  },
);
