import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webSeedUrl } from '../../src/web-seed/web-seed-url.ts';
import { type Rig, torrentV1 } from '../store-conformance/rig.ts';
import { Leecher, type Quirk, webServer } from './rig.ts';
import { until } from '../until.ts';

const FILES = [
  { path: 'rig/eins & zwei.bin', length: 300_000 },
  { path: 'rig/.pad/1', length: 1000, padding: true },
  { path: 'rig/sub/#3', length: 700_001 },
];

function assertWhole(leecher: Leecher, rig: Rig): void {
  for (let i = 0; i < rig.torrent.pieceCount; i++) {
    assert.deepEqual(Buffer.from(leecher.store.read(i, 0, rig.torrent.pieceSize(i))), Buffer.from(rig.piece(i)));
  }
}

test('the address of a file follows BEP 19', () => {
  const one = torrentV1([{ path: 'film.mp4', length: 5 }], 16_384).torrent;
  const many = torrentV1(FILES, 16_384).torrent;
  const url = (base: string, torrent: typeof one, i: number): string =>
    webSeedUrl(base, torrent, torrent.files[i] ?? torrent.files[0] ?? assert.fail()).href;
  assert.equal(url('http://a/b/other.mp4?x=1', one, 0), 'http://a/b/other.mp4?x=1');
  assert.equal(url('http://a/b/', one, 0), 'http://a/b/film.mp4');
  assert.equal(url('http://a/b', many, 2), 'http://a/b/rig/sub/%233');
  assert.equal(url('http://a/b/', many, 0), 'http://a/b/rig/eins%20%26%20zwei.bin');
});

test('a torrent is loaded from a web server alone, in large ranges over few connections, padding without asking', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  const web = await webServer(t, rig);
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(web.url);
  await until(() => leecher.torrent.have.complete, 'the torrent is whole');
  assertWhole(leecher, rig);
  assert.ok(web.asked.length < 62, `${web.asked.length} requests for 62 pieces`);
  assert.ok(web.connections <= 4, `${web.connections} connections`);
  assert.ok(!web.asked.some((line) => line.includes('.pad')));
});

test('a redirection is followed, a circle is not', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  const real = await webServer(t, rig);
  const front = await webServer(t, rig, (request, response) => {
    response.writeHead(302, { Location: real.url.replace('/base/', request.url ?? '') }).end();
    return true;
  });
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(front.url);
  await until(() => leecher.torrent.have.complete, 'the torrent is whole');
  const circle = await webServer(t, rig, (request, response) => {
    response.writeHead(302, { Location: request.url ?? '' }).end();
    return true;
  });
  const other = new Leecher(t, rig.torrent);
  other.connect(circle.url);
  await until(() => other.ends.length === 1, 'the seed is given up');
  assert.match(other.ends[0]?.[0] ?? '', /more than 5 redirections/);
  assert.equal(other.ends[0]?.[1], true);
});

const LASTING: readonly [what: string, quirk: Quirk, reason: RegExp][] = [
  ['404', (_, response) => Boolean(response.writeHead(404).end()), /answers 404/],
  ['416', (_, response) => Boolean(response.writeHead(416).end()), /answers 416/],
  [
    'the whole file for a range',
    (_, response) => Boolean(response.writeHead(200).end('x'.repeat(300_000))),
    /knows no ranges/,
  ],
  [
    'a file of another size',
    (request, response) => {
      const range = /(\d+)-(\d+)/.exec(request.headers.range ?? '');
      response.writeHead(206, { 'Content-Range': `bytes ${range?.[1]}-${range?.[2]}/5000000` }).end();
      return true;
    },
    /5000000 bytes instead of/,
  ],
  [
    'another range',
    (_, response) => Boolean(response.writeHead(206, { 'Content-Range': 'bytes 7-8/300000' }).end('xx')),
    /another range/,
  ],
  [
    'a redirection to a file',
    (_, response) => Boolean(response.writeHead(301, { Location: 'file:///etc/passwd' }).end()),
    /is not followed/,
  ],
];

for (const [what, quirk, reason] of LASTING) {
  test(`a server that answers with ${what} is given up at once, with the reason`, async (t) => {
    const rig = torrentV1(FILES, 16_384);
    const web = await webServer(t, rig, quirk);
    const leecher = new Leecher(t, rig.torrent);
    leecher.connect(web.url);
    await until(() => leecher.ends.length === 1, 'the seed is given up');
    assert.match(leecher.ends[0]?.[0] ?? '', reason);
    assert.equal(leecher.ends[0]?.[1], true);
    assert.equal(leecher.torrent.have.count, 0);
  });
}

test('a server that is busy or hangs up in the middle is asked again, with patience', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  const web = await webServer(t, rig, (request, response, count) => {
    if (count === 1) response.writeHead(503, { 'Retry-After': '0' }).end();
    else if (count === 3) {
      const range = /(\d+)-(\d+)/.exec(request.headers.range ?? '');
      const length = request.url?.includes('sub') === true ? 700_001 : 300_000;
      response.writeHead(206, { 'Content-Range': `bytes ${range?.[1]}-${range?.[2]}/${length}` });
      response.write(Buffer.alloc(10), () => response.destroy());
    } else return false;
    return true;
  });
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(web.url);
  await until(() => leecher.torrent.have.complete, 'the torrent is whole');
  assertWhole(leecher, rig);
  assert.ok(!leecher.ends.some(([reason]) => reason.startsWith('web seed')), 'it was never given up');
});

test('a server that stays away is given up after some tries, and not for good', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  const web = await webServer(t, rig, (_, response) => Boolean(response.writeHead(500).end()));
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(web.url, { tries: 3 });
  await until(() => leecher.ends.length === 1, 'the seed is given up');
  assert.match(leecher.ends[0]?.[0] ?? '', /answers 500/);
  assert.equal(leecher.ends[0]?.[1], false);
  assert.ok(web.asked.length >= 3);
});

test('a server that says nothing is left after its time', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  const web = await webServer(t, rig, () => true);
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(web.url, { tries: 1, silence: 100 });
  await until(() => leecher.ends.length === 1, 'the seed is given up');
  assert.match(leecher.ends[0]?.[0] ?? '', /said nothing for 0\.1 s/);
});

test('a torrent that is removed ends what is on its way', async (t) => {
  const rig = torrentV1(FILES, 16_384);
  let open = 0;
  const web = await webServer(t, rig, (_, response) => {
    open++;
    response.on('close', () => open--);
    return true;
  });
  const leecher = new Leecher(t, rig.torrent);
  leecher.connect(web.url, { silence: 60_000 });
  await until(() => open > 0, 'requests hang');
  leecher.session.remove(leecher.torrent, performance.now());
  await until(() => open === 0, 'they are gone');
  await until(() => leecher.ends.length === 1, 'the seed ended');
});
