import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pieceCheck, type PieceCheck } from '@kith/torrent';
import type { DiskStore } from '../../src/storage/disk-store.ts';
import { hasBit, recheck, setBit } from '../../src/storage/recheck.ts';
import { ResumeFile, type TorrentRecord } from '../../src/storage/resume-file.ts';
import { ProgressLog, reopen, sample } from '../../src/storage/resume.ts';
import { put, type Rig, torrentV1 } from '../store-conformance/rig.ts';
import { diskFor, folderFor } from './folder.ts';
import { crashRig } from './crash-child.ts';

const FILES = [
  { path: 'rig/a', length: 50_000 },
  { path: 'rig/b', length: 100_000 },
  { path: 'rig/c', length: 10_000 },
];

function checkOf(rig: Rig, piece: number): PieceCheck {
  return pieceCheck(rig.torrent, piece) ?? {};
}

function recordOf(rig: Rig, folder: string, part: Partial<TorrentRecord> = {}): TorrentRecord {
  return {
    ...{ id: rig.torrent.infoHash ?? new Uint8Array(20), metainfo: new Uint8Array([1, 2]), added: 5, folder },
    ...{ paused: false, priorities: new Uint8Array(rig.torrent.files.length).fill(1), stamps: undefined },
    ...{ have: new Uint8Array(Math.ceil(rig.torrent.pieceCount / 8)), unsynced: false, rebooted: false },
    ...{ uploaded: 0, downloaded: 0 },
    ...part,
  };
}

async function download(rig: Rig, store: DiskStore): Promise<Uint8Array> {
  const have = new Uint8Array(Math.ceil(rig.torrent.pieceCount / 8));
  for (let i = 0; i < rig.torrent.pieceCount; i++) {
    assert.ok(await put(store, rig, i, checkOf(rig, i)));
    setBit(have, i);
  }
  return have;
}

/** A torrent that is whole and recorded. */
async function settled(rig: Rig, folder: string, store: DiskStore): Promise<TorrentRecord> {
  const log = new ProgressLog(rig.torrent, new Uint8Array(2), await store.stamp(), false);
  const have = await download(rig, store);
  await log.settle(store, have);
  return recordOf(rig, folder, log.next(have, 1, 2));
}

test('what was put is there after the file is opened again, in the order of adding', async (t) => {
  const path = join(await folderFor(t), 'resume.db');
  const rig = torrentV1(FILES, 16_384);
  const first = new ResumeFile(path);
  const record = recordOf(rig, '/srv', { paused: true, uploaded: 2 ** 40, downloaded: 7 });
  first.add({ ...record, id: new Uint8Array(32).fill(9), added: 6 });
  first.add(record);
  const stamps = {
    sizes: Float64Array.of(1, -1, 2 ** 41),
    mtimes: BigInt64Array.of(1n, 0n, 1_700_000_000_123_456_789n),
  };
  first.put(record.id, { ...record, have: Uint8Array.of(0xf0), stamps, unsynced: true });
  first.setSettings(record.id, { folder: '/other', paused: false, priorities: Uint8Array.of(1, 0, 1) });
  first.setMetainfo(record.id, Uint8Array.of(3));
  first.close();
  const second = new ResumeFile(path);
  const [one, two] = second.all();
  assert.ok(one !== undefined && two !== undefined);
  assert.deepEqual(
    { ...one, id: Buffer.from(one.id) },
    {
      ...{ id: Buffer.from(record.id), metainfo: Uint8Array.of(3), added: 5, folder: '/other', paused: false },
      ...{ priorities: Uint8Array.of(1, 0, 1), have: Uint8Array.of(0xf0), stamps, unsynced: true },
      ...{ rebooted: false, uploaded: 2 ** 40, downloaded: 7 },
    },
  );
  assert.equal(two.id.length, 32);
  second.remove(one.id);
  assert.deepEqual(
    second.all().map(({ id }) => id.length),
    [32],
  );
  second.close();
});

test('a file that is no database, and one that another process has, are errors that name it', async (t) => {
  const path = join(await folderFor(t), 'resume.db');
  writeFileSync(path, 'no database at all, '.repeat(500));
  assert.throws(() => new ResumeFile(path), { code: 'STORAGE_RESUME', message: new RegExp(path) });
  rmSync(path);
  const held = new ResumeFile(path);
  assert.throws(() => new ResumeFile(path), { code: 'STORAGE_RESUME', message: /locked/ });
  held.close();
});

test('files as they were are believed without being read', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(FILES, 16_384);
  const disk = diskFor(t);
  const record = await settled(rig, folder, disk.open(rig.torrent, { folder }));
  assert.equal(record.unsynced, false);
  const trust = await reopen(record, rig.torrent, disk.open(rig.torrent, { folder }));
  assert.deepEqual(trust.have, record.have);
  assert.deepEqual([trust.doubtful, trust.missing, trust.changed], [[], [], []]);
});

test('a file with another time is checked again, a missing one is loaded again, the rest is believed', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(FILES, 16_384);
  const disk = diskFor(t);
  const record = await settled(rig, folder, disk.open(rig.torrent, { folder }));
  utimesSync(join(folder, 'rig/a'), 5, 5);
  rmSync(join(folder, 'rig/c'));
  const store = disk.open(rig.torrent, { folder });
  const trust = await reopen(record, rig.torrent, store);
  assert.deepEqual([trust.changed, trust.missing, trust.doubtful], [[0], [2], [0, 1, 2, 3]]);
  assert.deepEqual(trust.have, Uint8Array.of(0b0000_1111, 0b1000_0000));
  const right = await recheck(store, rig.torrent, { pieces: trust.doubtful });
  assert.deepEqual(right, Uint8Array.of(0b1111_0000, 0), 'touched only: everything is still right');
});

test('after the machine started anew, what was not made to last is checked again', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(FILES, 16_384);
  const disk = diskFor(t);
  const store = disk.open(rig.torrent, { folder });
  const log = new ProgressLog(rig.torrent, new Uint8Array(2), await store.stamp(), false);
  const record = recordOf(rig, folder, log.next(await download(rig, store), 0, 0));
  assert.equal(record.unsynced, true);
  assert.deepEqual((await reopen(record, rig.torrent, store)).doubtful, []);
  const trust = await reopen({ ...record, rebooted: true }, rig.torrent, store);
  assert.deepEqual(trust.doubtful, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(trust.changed, [], 'nobody is accused of changing files');
});

test('a sample finds a file whose bytes changed under an unchanged size and time', async (t) => {
  const folder = await folderFor(t);
  const rig = torrentV1(FILES, 16_384);
  const disk = diskFor(t);
  const record = await settled(rig, folder, disk.open(rig.torrent, { folder }));
  const path = join(folder, 'rig/b');
  const { atime, mtime } = statSync(path);
  writeFileSync(path, Buffer.alloc(100_000));
  utimesSync(path, atime, mtime);
  const store = disk.open(rig.torrent, { folder });
  assert.deepEqual(await sample(rig.torrent, store, record.have, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, 10));
  assert.deepEqual(await sample(rig.torrent, store, Uint8Array.of(0xc0, 0), 10), [], 'right pieces raise no doubt');
});

test('a thousand torrents are there at once, and none of their files is opened', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'resume.db');
  const first = new ResumeFile(path);
  const disk = diskFor(t);
  const rigs = Array.from({ length: 1000 }, (_, i) =>
    torrentV1([{ path: `t${i}`, length: 1000 }], 16_384, `seed ${i}`),
  );
  for (const [i, rig] of rigs.entries()) {
    writeFileSync(join(folder, `t${i}`), rig.content);
    const { mtimeNs } = statSync(join(folder, `t${i}`), { bigint: true });
    const stamps = { sizes: Float64Array.of(1000), mtimes: BigInt64Array.of(mtimeNs) };
    first.add(recordOf(rig, folder, { added: i, have: Uint8Array.of(0x80), stamps, metainfo: rig.content }));
  }
  first.close();
  const records = new ResumeFile(path).all();
  const trusts = await Promise.all(
    records.map((record, i) => {
      const rig = rigs[i];
      assert.ok(rig !== undefined);
      return reopen(record, rig.torrent, disk.open(rig.torrent, { folder }));
    }),
  );
  assert.ok(trusts.every(({ have, doubtful }) => have[0] === 0x80 && doubtful.length === 0));
  const open = readdirSync('/proc/self/fd').map((fd) => linkOf(fd));
  assert.deepEqual(
    open.filter((file) => file.startsWith(`${folder}/t`)),
    [],
  );
});

test('kill -9 at any moment leaves no bit without its piece', { timeout: 120_000 }, async (t) => {
  const folder = await folderFor(t);
  const rig = crashRig();
  const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
  let claimed = 0;
  for (let round = 0; round < 5; round++) {
    const process = spawn(globalThis.process.execPath, ['--conditions=source', child, folder, String(1 + (round % 2))]);
    await once(process, 'exit');

    const resume = new ResumeFile(join(folder, 'resume.db'));
    const [record] = resume.all();
    assert.ok(record !== undefined);
    const disk = diskFor(t);
    const store = disk.open(rig.torrent, { folder });
    const trust = await reopen(record, rig.torrent, store);
    assert.deepEqual(trust.missing, []);
    const right = await recheck(store, rig.torrent);
    const wrong = [...Array(rig.torrent.pieceCount).keys()].filter((i) => hasBit(trust.have, i) && !hasBit(right, i));
    assert.deepEqual(wrong, [], `round ${round}`);
    const count = record.have.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    assert.ok(count >= claimed, 'nothing that was recorded is lost');
    claimed = count;
    await disk.close();
    resume.close();
  }
  assert.ok(claimed > 0);
});

/** Empty where the descriptor was closed meanwhile: the one that listed them was. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
