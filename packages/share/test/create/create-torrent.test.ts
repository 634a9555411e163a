import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { KithError, toHex, type ErrorCode } from '@kith/core';
import { createTorrent, type CreateOptions } from '@kith/share';
import { infoHash20, pieceCheck, type Metainfo } from '@kith/torrent';

const VERSIONS = ['v1', 'v2', 'hybrid'] as const;

/** A folder with these files, gone after the test. */
function folderOf(t: TestContext, files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'kith-create-')), 'content');
  t.after(() => rmSync(dirname(folder), { recursive: true }));
  mkdirSync(folder);
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

function content(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 31 + (i >>> 8) * seed + seed) & 0xff;
  return out;
}

const paths = (metainfo: Metainfo): string[] =>
  metainfo.files.filter((file) => !file.padding).map((file) => file.path.slice(1).join('/'));

async function refused(path: string, options: CreateOptions, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(createTorrent(path, options), (error: unknown) => {
    assert.ok(error instanceof KithError, String(error));
    assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
    return true;
  });
}

test('pieces hash to what the files hold, in every version', async (t) => {
  const files = { a: content(20_000, 1), 'b/long': content(3_000_000, 2), 'b/empty': '', c: content(5, 3) };
  const folder = folderOf(t, files);
  for (const version of VERSIONS) {
    const { metainfo, ...created } = await createTorrent(folder, { version, pieceLength: 32_768 });
    assert.equal(created.folder, dirname(folder));
    assert.deepEqual([metainfo.version, metainfo.name], [version, basename(folder)]);
    const stream = new Uint8Array(metainfo.length);
    for (const file of metainfo.files) {
      if (!file.padding)
        stream.set(Buffer.from(files[file.path.slice(1).join('/') as keyof typeof files]), file.offset);
    }
    for (let piece = 0; piece < metainfo.pieceCount; piece++) {
      const check = pieceCheck(metainfo, piece);
      const at = piece * metainfo.pieceLength;
      const bytes = stream.subarray(at, at + metainfo.pieceSize(piece));
      assert.equal(check?.sha1 !== undefined, version !== 'v2');
      assert.equal(check?.merkle !== undefined, version !== 'v1');
      if (check?.sha1) assert.equal(toHex(check.sha1), createHash('sha1').update(bytes).digest('hex'));
      if (check?.merkle?.leaves === 2) {
        const leaf = (from: number): Buffer =>
          from >= (check.merkle?.bytes ?? 0)
            ? Buffer.alloc(32)
            : createHash('sha256')
                .update(bytes.subarray(from, Math.min(from + 16_384, check.merkle?.bytes ?? 0)))
                .digest();
        const root = createHash('sha256').update(leaf(0)).update(leaf(16_384)).digest('hex');
        assert.equal(toHex(check.merkle.root), root, `piece ${piece}`);
      }
    }
  }
});

test('the number of threads makes no difference, nor does the time', async (t) => {
  const folder = folderOf(t, { big: content(20_000_000, 5), small: content(10, 6) });
  for (const version of VERSIONS) {
    const one = await createTorrent(folder, { version, workers: 1 });
    const three = await createTorrent(folder, { version, workers: 3 });
    assert.equal(toHex(infoHash20(three.metainfo)), toHex(infoHash20(one.metainfo)));
    assert.deepEqual(three.torrent, one.torrent);
  }
});

test('progress begins with nothing, only grows and ends with everything', async (t) => {
  const folder = folderOf(t, { a: content(20_000_000, 1), b: content(9_000_000, 2) });
  const seen: number[] = [];
  await createTorrent(folder, { onProgress: ({ hashed, total }) => void seen.push(hashed, total) });
  const hashed = seen.filter((_, i) => i % 2 === 0);
  assert.deepEqual([hashed[0], hashed.at(-1)], [0, 29_000_000]);
  assert.ok(hashed.length > 3);
  assert.deepEqual(
    hashed,
    hashed.toSorted((a, b) => a - b),
  );
  assert.ok(seen.every((value, i) => i % 2 === 0 || value === 29_000_000));
});

test('a torrent of one file is called as the file, or as one says', async (t) => {
  const folder = folderOf(t, { 'film.mkv': content(100_000, 1) });
  for (const version of VERSIONS) {
    const { metainfo } = await createTorrent(join(folder, 'film.mkv'), { version });
    assert.deepEqual([metainfo.name, metainfo.files.map((file) => file.path)], ['film.mkv', [['film.mkv']]]);
    const renamed = await createTorrent(join(folder, 'film.mkv'), { version, name: 'other.mkv' });
    assert.deepEqual(
      renamed.metainfo.files.map((file) => file.path),
      [['other.mkv']],
    );
  }
});

test('names that only some systems take stay as they are on disk', async (t) => {
  const names = ['a:b?.txt', 'README', 'con', 'end.', 'line\nbreak', 'readme', 'x'.repeat(255)];
  const folder = folderOf(t, Object.fromEntries(names.map((name) => [name, name])));
  const { metainfo } = await createTorrent(folder);
  assert.deepEqual(paths(metainfo).toSorted(), names.toSorted());
});

test('hidden files are left out and named, unless they are asked for', async (t) => {
  const folder = folderOf(t, { a: '1', '.env': '2', '.git/config': '3', 'sub/Thumbs.db': '4', 'sub/b': '5' });
  const without = await createTorrent(folder);
  assert.deepEqual(paths(without.metainfo), ['a', 'sub/b']);
  assert.deepEqual(without.skipped.toSorted(), ['.env', '.git', 'sub/Thumbs.db']);
  const all = await createTorrent(folder, { hidden: true });
  assert.deepEqual(paths(all.metainfo), ['.env', '.git/config', 'a', 'sub/Thumbs.db', 'sub/b']);
  assert.deepEqual(all.skipped, []);
});

test('links are kept inside the folder, followed or skipped, as one says', async (t) => {
  const folder = folderOf(t, { 'dir/a': 'a', '../outside': 'secret' });
  symlinkSync('dir/a', join(folder, 'good'));
  symlinkSync('dir', join(folder, 'way'));
  symlinkSync('../outside', join(folder, 'out'));
  symlinkSync('nothing', join(folder, 'gone'));
  symlinkSync('..', join(folder, 'dir', 'round'));
  const keep = await createTorrent(folder);
  assert.deepEqual(
    keep.metainfo.files
      .filter((file) => !file.padding)
      .map((file) => [file.path.slice(1).join('/'), file.symlink?.slice(1).join('/')]),
    [
      ['dir/a', undefined],
      ['good', 'dir/a'],
      ['way', 'dir'],
    ],
  );
  assert.deepEqual(keep.skipped.toSorted(), ['dir/round', 'gone', 'out']);
  const skip = await createTorrent(folder, { links: 'skip' });
  assert.deepEqual(paths(skip.metainfo), ['dir/a']);
  rmSync(join(folder, 'gone'));
  const follow = await createTorrent(folder, { links: 'follow' });
  assert.deepEqual(paths(follow.metainfo), ['dir/a', 'good', 'out', 'way/a']);
  assert.deepEqual(follow.skipped.toSorted(), ['dir/round', 'way/round'], 'circles end');
});

test('what can not be read is named', async (t) => {
  const folder = folderOf(t, { a: '1' });
  await refused(join(folder, 'none'), {}, 'TORRENT_SOURCE_UNREADABLE', /none can't be read: there is no such file/);
  await refused('/dev/null', {}, 'TORRENT_SOURCE_UNREADABLE', /\/dev\/null is neither a file nor a folder/);
  symlinkSync('none', join(folder, 'link'));
  await refused(folder, { links: 'follow' }, 'TORRENT_SOURCE_UNREADABLE', /link can't be read: there is no such file/);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.of(0xff)]), '');
  await refused(folder, {}, 'TORRENT_SOURCE_UNREADABLE', /the name "b\ufffd" in .*content is no UTF-8/);
});

test('a folder without files makes no torrent', async (t) => {
  await refused(folderOf(t, {}), {}, 'TORRENT_SOURCE_EMPTY', /there are no files in .*content/);
  await refused(folderOf(t, { '.hidden': '1' }), {}, 'TORRENT_SOURCE_EMPTY', /there are no files/);
});

test('options are checked before anything is hashed', async (t) => {
  const folder = folderOf(t, { a: '1' });
  await refused(folder, { pieceLength: 20_000 }, 'TORRENT_OPTION_INVALID', /20000 bytes is no power of two/);
  await refused(folder, { name: '' }, 'TORRENT_OPTION_INVALID', /name of the torrent is empty/);
});

test('a file that changes meanwhile is told', async (t) => {
  const change = async (act: (path: string) => void, message: RegExp): Promise<void> => {
    const folder = folderOf(t, { a: content(3_000_000, 1), b: content(100, 2) });
    let done = false;
    const onProgress = (): void => {
      if (!done) act(join(folder, 'a'));
      done = true;
    };
    await refused(folder, { onProgress }, 'TORRENT_SOURCE_CHANGED', message);
  };
  await change((path) => appendFileSync(path, 'more'), /a changed while the torrent was made: its size or time/);
  await change((path) => truncateSync(path, 1_000_000), /a changed: it became shorter while it was read/);
  await change((path) => writeFileSync(path, content(3_000_000, 9)), /a changed while the torrent was made/);
});

test('making a torrent ends at once when it is told to', async (t) => {
  const folder = folderOf(t, { a: content(60_000_000, 1) });
  const abort = new AbortController();
  const reason = new Error('enough');
  const seen: number[] = [];
  const onProgress = ({ hashed }: { hashed: number }): void => {
    seen.push(hashed);
    if (hashed > 0) abort.abort(reason);
  };
  await assert.rejects(createTorrent(folder, { signal: abort.signal, onProgress, workers: 2 }), reason);
  assert.ok((seen.at(-1) ?? 0) < 60_000_000);
  await assert.rejects(createTorrent(folder, { signal: abort.signal }), reason);
});
