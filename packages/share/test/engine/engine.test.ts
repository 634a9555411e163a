import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePrefix } from '@kith/core';
import { createTorrent, type FinderHost, type PeerFinder, type Wanted } from '../../src/index.ts';
import { engineIn, folderOf, linkTo, next, same, until, write } from './rig.ts';

for (const version of ['v1', 'v2', 'hybrid'] as const) {
  test(`a folder of ${version} goes from one engine to another by a magnet link, and back after the first lost it`, async (t) => {
    const [here, there] = [await folderOf(t), await folderOf(t)];
    const files = await write(here, { 'films/one.mp4': 700_001, 'films/deep/two.srt': 33, 'films/none': 0 });
    const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
    const share = await seed.share(join(here, 'films'), { version, pieceLength: 65_536 });
    await until(seed, share, 'seeding');
    const got = await leech.add({ magnet: linkTo(seed, share) }, { content: join(there, 'in') });
    assert.equal(got.snapshot().state, 'metadata');
    await until(leech, got, 'seeding');
    for (const [path, bytes] of files) assert.ok(await same(join(there, 'in', path), bytes), path);
    assert.equal(got.snapshot().version, version);
    assert.equal(got.snapshot().progress, 1);
    await seed.remove(share);
    assert.ok(existsSync(join(here, 'films/one.mp4')));
    const back = await seed.add({ magnet: linkTo(leech, got) }, { content: join(here, 'back') });
    await until(seed, back, 'seeding');
    for (const [path, bytes] of files) assert.ok(await same(join(here, 'back', path), bytes), path);
  });
}

test('a download that is cut off goes on where it was, by a torrent file, and knows after a restart what it has', async (t) => {
  // Whole pieces, whichever five come first.
  const [piece, size] = [65_536, 46 * 65_536];
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, { 'big.bin': size });
  const seed = await engineIn(t, here, { rates: { up: 600_000 } });
  const share = await seed.share(join(here, 'big.bin'), { pieceLength: piece });
  let leech = await engineIn(t, there);
  await writeFile(join(there, 'big.torrent'), share.torrentFile ?? '');
  await leech.add(
    { file: join(there, 'big.torrent') },
    { content: join(there, 'in'), peers: [`127.0.0.1:${seed.port}`] },
  );
  for (let pieces = 0; pieces < 5; pieces++) await next(leech, 'piece');
  await leech.close();
  const before = share.snapshot().uploaded;
  leech = await engineIn(t, there);
  const [again] = leech.shares();
  assert.ok(again);
  await again.opened;
  assert.ok(again.snapshot().done >= 5 * piece, `${again.snapshot().done}`);
  seed.setRates({ up: Number.POSITIVE_INFINITY });
  await until(leech, again, 'seeding');
  assert.ok(await same(join(there, 'in/big.bin'), files.get('big.bin')));
  assert.ok(share.snapshot().uploaded - before < size);
  assert.ok(again.snapshot().downloaded >= size);
});

test('a share under another name is found on disk under its own, also after a restart', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, { 'raw/a': 70_000, 'raw/b': 5 });
  let seed = await engineIn(t, here);
  const { id } = await seed.share(join(here, 'raw'), { name: 'Holiday' });
  await seed.close();
  seed = await engineIn(t, here);
  const share = seed.find(id);
  assert.ok(share);
  await until(seed, share, 'seeding');
  assert.equal(share.path, join(here, 'raw'));
  const leech = await engineIn(t, there);
  const got = await leech.add({ magnet: linkTo(seed, share) }, { content: there });
  await until(leech, got, 'seeding');
  assert.ok(await same(join(there, 'Holiday/a'), files.get('raw/a')));
});

test('only what is selected is loaded, until more is', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, {
    'set/a.mp3': 100_000,
    'set/b.txt': 100_000,
    'set/sub/c.mp3': 100_000,
    'set/sub/d': 9,
  });
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const share = await seed.share(join(here, 'set'), { version: 'v1', pieceLength: 16_384 });
  const got = await leech.add({ magnet: linkTo(seed, share) }, { content: there, select: ['*.mp3', '4'] });
  await until(leech, got, 'seeding');
  const names = got.files().filter(({ priority }) => priority > 0);
  assert.deepEqual(
    names.map(({ path }) => path),
    ['set/a.mp3', 'set/sub/c.mp3', 'set/sub/d'],
  );
  assert.equal(existsSync(join(there, 'set/b.txt')), false);
  assert.ok(await same(join(there, 'set/sub/c.mp3'), files.get('set/sub/c.mp3')));
  await got.select(['set/**']);
  await until(leech, got, 'seeding');
  for (const [path, bytes] of files) assert.ok(await same(join(there, path), bytes), path);
});

test('a pause ends every connection and lasts over a restart', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { 'a.bin': 2_000_000 });
  const seed = await engineIn(t, here, { rates: { up: 300_000 } });
  const share = await seed.share(join(here, 'a.bin'), { pieceLength: 65_536 });
  let leech = await engineIn(t, there);
  let got = await leech.add({ magnet: linkTo(seed, share) }, { content: there });
  await next(leech, 'piece');
  got.pause();
  assert.equal(got.state, 'paused');
  assert.deepEqual(got.peers(), []);
  await leech.close();
  leech = await engineIn(t, there);
  got = leech.find(share.id) ?? got;
  await got.opened;
  assert.equal(got.state, 'paused');
  seed.setRates({ up: Number.POSITIVE_INFINITY });
  got.resume();
  await until(leech, got, 'seeding');
});

test('a limit of one share holds back that share', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { 'a.bin': 1_000_000 });
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const share = await seed.share(join(here, 'a.bin'), { pieceLength: 65_536 });
  share.setLimits({ up: 50_000 });
  const got = await leech.add({ magnet: linkTo(seed, share) }, { content: there });
  await next(leech, 'piece');
  assert.equal(got.state, 'downloading');
  assert.deepEqual(share.snapshot().limits, { up: 50_000 });
  share.setLimits({ up: null });
  await until(leech, got, 'seeding');
});

test('a link without trackers that leads nowhere waits; --no-seed ends a download that is whole', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { 'a.bin': 100_000 });
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const share = await seed.share(join(here, 'a.bin'));
  const got = await leech.add({ magnet: share.magnet([]) }, { content: there, noSeed: true });
  assert.equal(got.state, 'metadata');
  await got.addPeers([`127.0.0.1:${seed.port}`]);
  await until(leech, got, 'paused');
  assert.equal(got.snapshot().progress, 1);
});

test('readers get bytes of the middle while the rest is on its way', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, { 'film/film.mp4': 2_000_000, 'film/film.srt': 10 });
  const seed = await engineIn(t, here, { rates: { up: 400_000 } });
  const share = await seed.share(join(here, 'film'), { pieceLength: 32_768 });
  const leech = await engineIn(t, there);
  const got = await leech.add({ magnet: linkTo(seed, share) }, { content: there, sequential: true });
  await next(leech, 'metadata');
  await got.opened;
  const file = got.stream()?.files.find(({ name }) => name === 'film/film.mp4');
  assert.ok(file);
  const reader = file.open();
  const bytes = await reader.read(1_500_000, 1000, 1_501_000);
  reader.close();
  assert.ok(
    Buffer.from(bytes).equals(files.get('film/film.mp4')?.subarray(1_500_000, 1_500_000 + bytes.length) ?? bytes),
  );
  assert.ok(got.snapshot().progress < 1);
});

test('content that is there already is checked and not loaded again', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, { 'a.bin': 500_000 });
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const share = await seed.share(join(here, 'a.bin'), { pieceLength: 16_384 });
  const damaged = Buffer.from(files.get('a.bin') ?? '');
  damaged[200_000] = (damaged[200_000] ?? 0) ^ 1;
  await writeFile(join(there, 'a.bin'), damaged);
  const got = await leech.add({ magnet: linkTo(seed, share) }, { content: there });
  await until(leech, got, 'seeding');
  assert.ok(await same(join(there, 'a.bin'), files.get('a.bin')));
  assert.equal(got.snapshot().downloaded, 16_384);
});

test('a file that changed under a share is an error that names it; nothing is written over it', async (t) => {
  const here = await folderOf(t);
  await write(here, { 'a.bin': 200_000 });
  let seed = await engineIn(t, here);
  await seed.share(join(here, 'a.bin'));
  await seed.close();
  await writeFile(join(here, 'a.bin'), 'something else');
  seed = await engineIn(t, here);
  let [share] = seed.shares();
  assert.ok(share);
  await share.opened;
  assert.equal(share.state, 'error');
  assert.equal(share.snapshot().error?.code, 'STORAGE_CHANGED');
  assert.match(share.snapshot().error?.message ?? '', /a\.bin/);
  share.resume();
  await until(seed, share, 'error');
  assert.equal(await readFile(join(here, 'a.bin'), 'utf8'), 'something else');
  await seed.close();
  await rename(join(here, 'a.bin'), join(here, 'b.bin'));
  seed = await engineIn(t, here);
  [share] = seed.shares();
  await share?.opened;
  assert.equal(share?.snapshot().error?.code, 'STORAGE_CHANGED');
});

test('a file that was only touched is checked and shared on', async (t) => {
  const here = await folderOf(t);
  await write(here, { 'a.bin': 200_000 });
  let seed = await engineIn(t, here);
  await seed.share(join(here, 'a.bin'));
  await seed.close();
  await utimes(join(here, 'a.bin'), 1, 1);
  seed = await engineIn(t, here);
  const [share] = seed.shares();
  await share?.opened;
  assert.equal(share?.state, 'seeding');
});

test('what cannot be shared is refused with its code', async (t) => {
  const here = await folderOf(t);
  await write(here, { 'a.bin': 20_000, 'text.torrent': 100 });
  const seed = await engineIn(t, here);
  const share = await seed.share(join(here, 'a.bin'));
  const content = join(here, 'in');
  const refuse = async (work: Promise<unknown>, code: string, words: RegExp): Promise<void> => {
    await assert.rejects(work, (error: Error & { code: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, words);
      return true;
    });
  };
  await refuse(seed.share(join(here, 'a.bin')), 'TORRENT_DUPLICATE', /a\.bin/);
  await refuse(seed.add({ magnet: share.magnet([]) }, { content }), 'TORRENT_DUPLICATE', /a\.bin/);
  await refuse(seed.share(join(here, 'none')), 'TORRENT_SOURCE_UNREADABLE', /none/);
  await refuse(seed.add({ file: join(here, 'text.torrent') }, { content }), 'TORRENT_INVALID', /text\.torrent/);
  await refuse(seed.add({ file: join(here, 'no.torrent') }, { content }), 'SHARE_SOURCE', /no such file/);
  await refuse(seed.add({ url: 'http://127.0.0.1:1/x.torrent' }, { content }), 'SHARE_SOURCE', /127\.0\.0\.1:1/);
  await refuse(seed.add({ magnet: 'magnet:?dn=x' }, { content }), 'MAGNET_NO_HASH', /names no torrent/);
  const other = `magnet:?xt=urn:btih:${'ab'.repeat(20)}`;
  await refuse(seed.add({ magnet: other }, { content, peers: ['nobody'] }), 'SHARE_PEER', /nobody/);
  const outside = `${other}&tr=udp://tracker.example.org:1337`;
  await refuse(seed.add({ magnet: outside }, { content }), 'SHARE_NOT_PUBLIC', /tracker\.example\.org/);
  await refuse(
    seed.share(join(here, 'text.torrent'), { trackers: ['http://198.51.100.1/a'] }),
    'SHARE_NOT_PUBLIC',
    /198/,
  );
  await refuse(seed.remove(share, { data: true }), 'SHARE_ORIGINAL', /a\.bin/);
  const torrent = share.torrentFile;
  assert.ok(torrent);
  await seed.remove(share);
  await refuse(seed.add({ torrent }, { content, select: ['*.mp3'] }), 'SHARE_SELECTION', /mp3/);
  const blocked = await seed.add({ torrent }, { content: join(here, 'a.bin/sub') });
  await blocked.opened;
  assert.equal(blocked.snapshot().error?.code, 'STORAGE_BLOCKED');
});

test('two downloads into one place are refused; what was loaded can be deleted with its share', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { 'one/x/a': 20_000 });
  const [seed, leech] = [await engineIn(t, here), await engineIn(t, there)];
  const first = await seed.share(join(here, 'one'), { version: 'v1' });
  const second = await seed.share(join(here, 'one'), { version: 'v2' });
  const peers = [`127.0.0.1:${seed.port}`];
  const got = await leech.add({ torrent: first.torrentFile ?? new Uint8Array() }, { content: there, peers });
  await until(leech, got, 'seeding');
  await assert.rejects(leech.add({ torrent: second.torrentFile ?? new Uint8Array() }, { content: there, peers }), {
    code: 'SHARE_PLACE_TAKEN',
  });
  await leech.remove(got, { data: true });
  assert.equal(existsSync(join(there, 'one')), false);
  assert.ok(existsSync(there));
  assert.deepEqual(leech.shares(), []);
});

test('only public shares are looked for by finders that ask strangers, and found peers are taken', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { a: 30_000, b: 30_001 });
  const seed = await engineIn(t, here);
  const [mine, all] = [await seed.share(join(here, 'a')), await seed.share(join(here, 'b'), { public: true })];
  const started: Wanted[] = [];
  let host: FinderHost | undefined;
  const finder = (public_: boolean): PeerFinder => ({
    source: 'dht',
    public: public_,
    start: (wanted) => {
      if (!started.includes(wanted)) started.push(wanted);
    },
    stop: () => undefined,
    close: () => undefined,
  });
  const leech = await engineIn(t, there, {
    finders: [
      (given) => {
        host = given;
        return finder(true);
      },
    ],
  });
  const quiet = await leech.add({ magnet: mine.magnet([]) }, { content: there });
  assert.equal(started.length, 0);
  const loud = await leech.add({ magnet: all.magnet([]) }, { content: there, public: true });
  assert.equal(started.length, 1);
  const [wanted] = started;
  assert.ok(wanted && host);
  host.onPeers(wanted, [{ ip: '127.0.0.1', port: seed.port }], 'dht');
  await until(leech, loud, 'seeding');
  assert.equal(quiet.state, 'metadata');
});

test('who is outside of what is allowed is no candidate, unless the share is public or the user named him', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  await write(here, { a: 30_000 });
  const seed = await engineIn(t, here, { allow: [parsePrefix('10.9.0.0/16')] });
  const share = await seed.share(join(here, 'a'));
  const leech = await engineIn(t, there);
  const got = await leech.add({ magnet: share.magnet([]) }, { content: there });
  got.foundPeers(
    [
      { ip: '198.51.100.7', port: 1 },
      { ip: '10.9.0.1', port: 1 },
    ],
    'tracker',
  );
  assert.equal(got.torrent.book.size, 0);
  leech.allow = [parsePrefix('10.9.0.0/16')];
  got.foundPeers(
    [
      { ip: '198.51.100.7', port: 1 },
      { ip: '10.9.0.1', port: 1 },
    ],
    'tracker',
  );
  assert.equal(got.torrent.book.size, 1);
  await got.addPeers(['198.51.100.8:1']);
  assert.equal(got.torrent.book.size, 2);
  const open = await leech.add({ magnet: `magnet:?xt=urn:btih:${'ab'.repeat(20)}` }, { content: there, public: true });
  open.foundPeers([{ ip: '198.51.100.7', port: 1 }], 'tracker');
  assert.equal(open.torrent.book.size, 1);
});

test('a public share loads from web servers, and one that is not asks none', async (t) => {
  const [here, there] = [await folderOf(t), await folderOf(t)];
  const files = await write(here, { 'a.bin': 300_000 });
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const bytes = files.get('a.bin') ?? Buffer.alloc(0);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${bytes.length}` });
    response.end(bytes.subarray(Number(first), Number(last) + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { torrent } = await createTorrent(join(here, 'a.bin'), { webSeeds: [`http://127.0.0.1:${port}/a.bin`] });
  const leech = await engineIn(t, there);
  const quiet = await leech.add({ torrent }, { content: join(there, 'quiet') });
  await until(leech, quiet, 'downloading');
  await leech.remove(quiet, { data: true });
  assert.equal(asked, 0);
  const loud = await leech.add({ torrent }, { content: join(there, 'loud'), public: true });
  await until(leech, loud, 'seeding');
  assert.ok(asked > 0);
  assert.ok(await same(join(there, 'loud/a.bin'), files.get('a.bin')));
});
