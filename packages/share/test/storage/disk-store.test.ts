import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pieceCheck, type PieceCheck } from '@kith/torrent';
import { ReadCache } from '../../src/storage/read-cache.ts';
import { hasBit, recheck, setBit } from '../../src/storage/recheck.ts';
import { put, type Rig, torrentV1 } from '../store-conformance/rig.ts';
import { diskFor, folderFor } from './folder.ts';

function checkOf(rig: Rig, piece: number): PieceCheck {
  return pieceCheck(rig.torrent, piece) ?? {};
}

const NEIGHBOURS = [
  { path: 'rig/wanted', length: 50_000 },
  { path: 'rig/sub/other', length: 100_000 },
  { path: 'rig/last', length: 10_000 },
];

test('files get their bytes, their lengths and their folders; padding is never on disk', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(
    [...NEIGHBOURS, { path: 'rig/.pad/5', length: 5, padding: true }, { path: 'rig/after', length: 20 }],
    32_768,
  );
  const store = diskFor(t).open(rig.torrent, { folder });
  await put(store, rig, 4, checkOf(rig, 4));
  assert.equal(
    statSync(join(folder, 'rig/sub/other')).size,
    100_000,
    'sparse, with its length from the first piece on',
  );
  for (let i = 0; i < rig.torrent.pieceCount; i++) await put(store, rig, i, checkOf(rig, i));
  for (const { path, offset, length, padding } of rig.torrent.files) {
    if (padding) continue;
    const expected = Buffer.from(rig.content.subarray(offset, offset + length));
    assert.deepEqual(readFileSync(join(folder, ...path)), expected);
  }
  assert.deepEqual(readdirSync(join(folder, 'rig')).sort(), ['after', 'last', 'sub', 'wanted']);
});

test('a file that is not wanted is not created; what it shares with neighbours is kept, and moves there when it is wanted', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(NEIGHBOURS, 32_768);
  const disk = diskFor(t);
  const store = disk.open(rig.torrent, { folder, wanted: [true, false, false] });
  const have = new Uint8Array(1);
  for (const piece of [0, 1]) {
    assert.ok(await put(store, rig, piece, checkOf(rig, piece)));
    setBit(have, piece);
  }
  assert.deepEqual(readdirSync(join(folder, 'rig')), ['wanted']);
  const parts = readdirSync(folder).filter((name) => name.endsWith('.parts'));
  assert.equal(parts.length, 1);
  assert.deepEqual(Buffer.from(await store.read(1, 0, 32_768)), Buffer.from(rig.piece(1)), 'peers get the whole piece');
  await store.close();

  const again = disk.open(rig.torrent, { folder, wanted: [true, false, false] });
  assert.ok(await again.check(1, checkOf(rig, 1)), 'after a restart too');
  await again.select([true, true, false], have);
  assert.deepEqual(
    readFileSync(join(folder, 'rig/sub/other')).subarray(0, 65_536 - 50_000),
    Buffer.from(rig.content.subarray(50_000, 65_536)),
  );
  assert.ok(await again.check(1, checkOf(rig, 1)));
  await again.select([true, true, true], have);
  assert.deepEqual(readdirSync(folder), ['rig'], 'the part file goes when nothing needs it');
});

test('ten thousand small files do not use up the descriptors', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(
    Array.from({ length: 2000 }, (_, i) => ({ path: `many/${i % 7}/${i}`, length: 100 + (i % 50) })),
    16_384,
  );
  const store = diskFor(t, { handles: 8 }).open(rig.torrent, { folder });
  let most = 0;
  for (let i = 0; i < rig.torrent.pieceCount; i++) {
    assert.ok(await put(store, rig, i, checkOf(rig, i)));
    const open = readdirSync('/proc/self/fd').length;
    most = Math.max(most, open);
  }
  assert.ok(most < 100, `${most} descriptors`);
  const bits = await recheck(store, rig.torrent);
  for (let i = 0; i < rig.torrent.pieceCount; i++) assert.ok(hasBit(bits, i));
});

test('preparing makes empty files and links, and with full allocation takes the room', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(
    [
      { path: 'rig/empty', length: 0 },
      { path: 'rig/big', length: 3_000_000 },
    ],
    32_768,
  );
  const link = {
    path: ['rig', 'link'],
    length: 0,
    offset: 3_000_000,
    padding: false,
    executable: false,
    hidden: false,
  };
  const torrent = { ...rig.torrent, files: [...rig.torrent.files, { ...link, symlink: ['rig', 'big'] }] };
  const store = diskFor(t).open(torrent, { folder });
  await store.prepare();
  assert.equal(statSync(join(folder, 'rig/empty')).size, 0);
  assert.ok(!existsSync(join(folder, 'rig/big')));
  await store.prepare('full');
  const big = statSync(join(folder, 'rig/link'));
  assert.equal(big.size, 3_000_000);
  assert.ok(big.blocks * 512 >= 3_000_000);
});

test('checking again finds what is right, what is wrong and what is missing, and says how far it is', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(NEIGHBOURS, 16_384);
  const store = diskFor(t).open(rig.torrent, { folder });
  for (let i = 0; i < rig.torrent.pieceCount; i++) await put(store, rig, i, checkOf(rig, i));
  rmSync(join(folder, 'rig/last'));
  const other = readFileSync(join(folder, 'rig/sub/other'));
  other[20_000] = 1 ^ (other[20_000] ?? 0);
  writeFileSync(join(folder, 'rig/sub/other'), other);
  const steps: number[] = [];
  const bits = await recheck(store, rig.torrent, { onProgress: (done) => steps.push(done) });
  const wrong = [...Array(rig.torrent.pieceCount).keys()].filter((piece) => !hasBit(bits, piece));
  assert.deepEqual(wrong, [Math.floor(70_000 / 16_384), Math.floor(150_000 / 16_384)]);
  assert.deepEqual(
    steps,
    Array.from({ length: rig.torrent.pieceCount }, (_, i) => i + 1),
  );
  const stop = AbortSignal.abort(new Error('enough'));
  await assert.rejects(recheck(store, rig.torrent, { signal: stop }), /enough/);
});

for (const [how, change] of [
  ['shortened', (path: string) => truncateSync(path, 1000)],
  ['replaced in place', (path: string) => writeFileSync(path, 'x'.repeat(40_000))],
  ['touched', (path: string) => utimesSync(path, 1, 1)],
] as const) {
  test(`a file ${how} under a seed is an error that names it, and goes after a check`, async (t) => {
    const folder = await folderFor(t);
    const rig = torrentV1([{ path: 'file', length: 40_000 }], 16_384);
    // No cache: every read goes to the file.
    const disk = diskFor(t, { cache: 0, handles: 1 });
    const store = disk.open(rig.torrent, { folder });
    for (let i = 0; i < rig.torrent.pieceCount; i++) await put(store, rig, i, checkOf(rig, i));
    await store.read(0, 0, 100);
    change(join(folder, 'file'));
    // Opens another file, so that the one in question is opened, and looked at, anew.
    const elsewhere = torrentV1([{ path: 'elsewhere', length: 10 }], 16_384);
    await put(disk.open(elsewhere.torrent, { folder }), elsewhere, 0, checkOf(elsewhere, 0));
    await assert.rejects(async () => store.read(0, 0, 100), {
      code: 'STORAGE_CHANGED',
      message: new RegExp(join(folder, 'file')),
    });
    await recheck(store, rig.torrent);
    if (how === 'touched')
      assert.deepEqual(Buffer.from(await store.read(0, 0, 9)), Buffer.from(rig.content.subarray(0, 9)));
  });
}

test('bytes that are not on disk yet, read ahead with others, are not mistaken for the piece that comes later', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1([{ path: 'file', length: 16_384 * 64 }], 16_384);
  const store = diskFor(t).open(rig.torrent, { folder });
  const late = [5, 9, 17, 33];
  for (let i = 0; i < 64; i++) if (!late.includes(i)) await put(store, rig, i, checkOf(rig, i));
  for (let i = 0; i < 64; i++) if (!late.includes(i)) await store.read(i, 0, 16_384);
  const reads = [];
  for (const i of late) {
    const commit = put(store, rig, i, checkOf(rig, i));
    await store.read(i - 1, 0, 16_384);
    await commit;
    reads.push([i, await store.read(i, 0, 16_384)] as const);
  }
  for (const [i, bytes] of reads) assert.deepEqual(Buffer.from(bytes), Buffer.from(rig.piece(i)), `piece ${i}`);
});

test('many reads in order are answered from few runs and then at once', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1([{ path: 'file', length: 16_384 * 64 }], 16_384);
  const store = diskFor(t).open(rig.torrent, { folder });
  for (let i = 0; i < 64; i++) await put(store, rig, i, checkOf(rig, i));
  let waited = 0;
  for (let i = 0; i < 64; i++) {
    const bytes = store.read(i, 0, 16_384);
    if (bytes instanceof Promise) waited++;
    assert.deepEqual(Buffer.from(await bytes), Buffer.from(rig.piece(i)));
  }
  assert.ok(waited <= 12, `${waited} reads of 64 had to wait`);
});

test('more readers than there is memory for wait for it, and each gets its own bytes', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1([{ path: 'file', length: 262_144 * 64 }], 262_144);
  const store = diskFor(t, { cache: 0 }).open(rig.torrent, { folder });
  for (let i = 0; i < 64; i++) await put(store, rig, i, checkOf(rig, i));
  const readers = Array.from({ length: 128 }, async (_, i) => {
    const [piece, begin] = [i % 64, 16_384 * (i >> 5)];
    const bytes = await store.read(piece, begin, 16_384);
    return Buffer.from(rig.piece(piece))
      .subarray(begin, begin + 16_384)
      .equals(bytes);
  });
  assert.ok((await Promise.all(readers)).every((same) => same));
});

test('a run that was forgotten keeps its bytes until the turn ends in which they came', async () => {
  const cache = new ReadCache(16_384);
  const first = await cache.acquire(16_384, 1, 16_384, 1);
  cache.keep(1, first);
  cache.release(first);
  const bytes = cache.get(1, 0, 16_384);
  // Nothing is left for it: what is read next pushes it out.
  const second = await cache.acquire(16_384, 2, 16_384, 1);
  cache.keep(2, second);
  cache.release(second);
  assert.equal(cache.get(1, 0, 16_384), undefined);
  const third = await cache.acquire(16_384, 3, 16_384, 1);
  assert.notEqual(third.slab.bytes.byteOffset, bytes?.byteOffset);
  await new Promise((resolve) => setImmediate(resolve));
  const fourth = await cache.acquire(16_384, 4, 16_384, 1);
  assert.equal(fourth.slab.bytes.byteOffset, bytes?.byteOffset, 'and after it they are free');
});

test('removing takes the files and leaves what is not the torrent’s', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(NEIGHBOURS, 16_384);
  const store = diskFor(t).open(rig.torrent, { folder });
  for (let i = 0; i < rig.torrent.pieceCount; i++) await put(store, rig, i, checkOf(rig, i));
  await mkdir(join(folder, 'rig/mine'));
  await store.remove();
  assert.deepEqual(readdirSync(join(folder, 'rig')).sort(), ['mine', 'sub']);
});
