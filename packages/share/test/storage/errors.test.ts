import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pieceCheck, type PieceCheck } from '@kith/torrent';
import { recheck } from '../../src/storage/recheck.ts';
import { put, type Rig, torrentV1 } from '../store-conformance/rig.ts';
import { diskFor, folderFor } from './folder.ts';

const root = process.getuid?.() === 0;

function checkOf(rig: Rig, piece: number): PieceCheck {
  return pieceCheck(rig.torrent, piece) ?? {};
}

/** A disk of 1 MiB. */
async function tinyDisk(t: TestContext): Promise<string> {
  const mount = await mkdtemp(join(tmpdir(), 'kith-tiny-'));
  assert.equal(
    spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'kith-test', mount]).status,
    0,
    'mount a tmpfs',
  );
  t.after(async () => {
    spawnSync('/bin/umount', ['-l', mount]);
    await rm(mount, { recursive: true });
  });
  return mount;
}

test(
  'a full disk is an error that says how much is missing, loses nothing, and goes on when there is room',
  { skip: !root && 'mounting needs root' },
  async (t) => {
    const mount = await tinyDisk(t);
    const rig = torrentV1([{ path: 'file', length: 900_000 }], 65_536);
    const disk = diskFor(t);
    const store = disk.open(rig.torrent, { folder: mount });
    writeFileSync(join(mount, 'ballast'), Buffer.alloc(600_000));
    await assert.rejects(store.prepare(), { code: 'STORAGE_FULL', message: /878\.9 KiB more, .* free/ });

    const written: number[] = [];
    let failure: unknown;
    for (let i = 0; i < rig.torrent.pieceCount && failure === undefined; i++) {
      await put(store, rig, i, checkOf(rig, i)).then(
        () => written.push(i),
        (error: unknown) => (failure = error),
      );
    }
    assert.ok(failure instanceof Error && 'code' in failure);
    assert.equal(failure.code, 'STORAGE_FULL');
    assert.match(failure.message, new RegExp(`${join(mount, 'file')}: it needs .* more, .* are free. Free some space`));
    assert.ok(written.length > 3);
    for (const piece of written) assert.ok(await store.check(piece, checkOf(rig, piece)), `piece ${piece} is kept`);

    rmSync(join(mount, 'ballast'));
    for (let i = written.length; i < rig.torrent.pieceCount; i++) assert.ok(await put(store, rig, i, checkOf(rig, i)));
    assert.deepEqual(await recheck(store, rig.torrent), Uint8Array.of(0xff, 0xfc));
    await disk.close();
  },
);

test(
  'a disk mounted read-only is an error that says so, and is good enough to seed from',
  { skip: !root && 'mounting needs root' },
  async (t) => {
    const mount = await tinyDisk(t);
    const rig = torrentV1([{ path: 'file', length: 100_000 }], 65_536);
    const disk = diskFor(t);
    const store = disk.open(rig.torrent, { folder: mount });
    await put(store, rig, 0, checkOf(rig, 0));
    await store.close();
    assert.equal(spawnSync('/bin/mount', ['-o', 'remount,ro', mount]).status, 0);
    const again = disk.open(rig.torrent, { folder: mount });
    assert.ok(await again.check(0, checkOf(rig, 0)));
    assert.equal((await again.read(0, 0, 10)).length, 10);
    await assert.rejects(put(again, rig, 1, checkOf(rig, 1)), { code: 'STORAGE_DENIED', message: /mounted read-only/ });
    spawnSync('/bin/mount', ['-o', 'remount,rw', mount]);
    assert.ok(await put(again, rig, 1, checkOf(rig, 1)));
    await disk.close();
  },
);

test(
  'a folder without rights is an error that names the file',
  { skip: root && 'root may write everywhere' },
  async (t) => {
    const folder = await folderFor(t);
    const rig = torrentV1([{ path: 'file', length: 100 }], 65_536);
    const store = diskFor(t).open(rig.torrent, { folder });
    chmodSync(folder, 0o500);
    await assert.rejects(put(store, rig, 0, checkOf(rig, 0)), { code: 'STORAGE_DENIED', message: /permission denied/ });
    chmodSync(folder, 0o700);
    assert.ok(await put(store, rig, 0, checkOf(rig, 0)));
  },
);

test('a folder that is missing is not made anew: it may be a disk that is not mounted', async (t) => {
  const folder = await folderFor(t);
  const gone = join(folder, 'usb');
  const rig = torrentV1([{ path: 'rig/file', length: 100 }], 65_536);
  const store = diskFor(t).open(rig.torrent, { folder: gone });
  await assert.rejects(put(store, rig, 0, checkOf(rig, 0)), {
    code: 'STORAGE_MISSING',
    message: new RegExp(`^${gone} is missing`),
  });
  await assert.rejects(store.prepare(), { code: 'STORAGE_MISSING' });
  await assert.rejects(async () => store.read(0, 0, 10), { code: 'STORAGE_MISSING' });
  assert.deepEqual(readdirSync(folder), []);
  mkdirSync(gone);
  assert.ok(await put(store, rig, 0, checkOf(rig, 0)));
});

test('a folder in a file’s place and a file in a folder’s place are errors that name them', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1([{ path: 'rig/file', length: 100 }], 65_536);
  const store = diskFor(t).open(rig.torrent, { folder });
  mkdirSync(join(folder, 'rig/file'), { recursive: true });
  await assert.rejects(put(store, rig, 0, checkOf(rig, 0)), {
    code: 'STORAGE_BLOCKED',
    message: /rig\/file: a folder stands/,
  });
  rmdirSync(join(folder, 'rig/file'));
  rmdirSync(join(folder, 'rig'));
  writeFileSync(join(folder, 'rig'), 'in the way');
  await assert.rejects(put(store, rig, 0, checkOf(rig, 0)), { code: 'STORAGE_BLOCKED', message: /a file stands/ });
  rmSync(join(folder, 'rig'));
  assert.ok(await put(store, rig, 0, checkOf(rig, 0)));
});

test('a file deleted while it is written is an error, not a silent new one full of holes', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1([{ path: 'file', length: 100_000 }], 16_384);
  const disk = diskFor(t, { handles: 1 });
  const store = disk.open(rig.torrent, { folder });
  await put(store, rig, 0, checkOf(rig, 0));
  rmSync(join(folder, 'file'));
  // Another file takes the only descriptor, so that this one has to be opened again.
  const elsewhere = torrentV1([{ path: 'elsewhere', length: 10 }], 16_384);
  await put(disk.open(elsewhere.torrent, { folder }), elsewhere, 0, checkOf(elsewhere, 0));
  await assert.rejects(put(store, rig, 1, checkOf(rig, 1)), { code: 'STORAGE_MISSING', message: /file is missing/ });
  assert.ok(await put(store, rig, 1, checkOf(rig, 1)), 'who resumes starts with a new file');
});
