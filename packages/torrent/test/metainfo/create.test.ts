import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError, toHex } from '@kith/core';
import { pieceLengthFor, parseTorrent, planTorrent, type PlanOptions } from '@kith/torrent';
import fc from 'fast-check';
import { content, hashes, made } from './support.ts';

const VERSIONS = ['v1', 'v2', 'hybrid'] as const;

function source(path: string, length: number, seed = 1) {
  return { path: path.split('/'), length, bytes: content(length, seed) };
}

test('the order in which files are found does not matter: they stand in the order of a v2 tree', () => {
  const sources = ['b', 'a/z', 'a.b', 'a/b/c', 'B', '\u00fc', '\u{1f600}', '\uffee'].map((path, i) =>
    source(path, 10, i + 1),
  );
  for (const version of VERSIONS) {
    const one = made(version, sources);
    const other = made(version, sources.toReversed());
    assert.equal(toHex(other.torrent), toHex(one.torrent));
    const names = one.plan.files.filter((file) => !file.padding).map((file) => file.path.join('/'));
    assert.deepEqual(names, ['B', 'a/b/c', 'a/z', 'a.b', 'b', '\u00fc', '\uffee', '\u{1f600}']);
  }
});

test('a torrent of one file is called as it and has no folder', () => {
  for (const version of VERSIONS) {
    const { torrent } = made(version, [source('anything', 40_000)], { single: true });
    const metainfo = parseTorrent(torrent, hashes);
    assert.deepEqual([metainfo.name, metainfo.files.length, metainfo.files[0]?.path], ['made', 1, ['made']], version);
    const folder = parseTorrent(made(version, [source('made', 40_000)]).torrent, hashes);
    if (version !== 'v2') assert.deepEqual(folder.files[0]?.path, ['made', 'made'], version);
  }
});

test('what is said about a torrent is read again', () => {
  const { torrent } = made('hybrid', [source('a', 1)], {
    private: true,
    trackers: [['http://a.example/announce', 'udp://b.example:1'], [], ['wss://c.example/']],
    webSeeds: ['https://seed.example/'],
    comment: 'c\u00f6mment',
    createdBy: 'kith',
    creationDate: 1_700_000_000,
    source: 'elsewhere',
  });
  const metainfo = parseTorrent(torrent, hashes);
  assert.equal(metainfo.private, true);
  assert.deepEqual(metainfo.trackers, [['http://a.example/announce', 'udp://b.example:1'], ['wss://c.example/']]);
  assert.deepEqual(metainfo.webSeeds, ['https://seed.example/']);
  assert.deepEqual(
    [metainfo.comment, metainfo.createdBy, metainfo.creationDate],
    ['c\u00f6mment', 'kith', 1_700_000_000],
  );
  assert.notDeepEqual(
    metainfo.infoHash,
    parseTorrent(made('hybrid', [source('a', 1)], { private: true }).torrent, hashes).infoHash,
  );
});

test('links are written and read as links', () => {
  const link = { path: ['link'], length: 0, bytes: content(0), symlink: ['a'] };
  for (const version of VERSIONS) {
    const { files } = parseTorrent(made(version, [source('a', 100), link]).torrent, hashes);
    assert.deepEqual(
      files.map((file) => file.symlink),
      [undefined, ['made', 'a']],
      version,
    );
  }
});

test('pieces grow with the content, between 16 KiB and 128 MiB', () => {
  const kib = 1024;
  const table: readonly [length: number, pieceLength: number][] = [
    [0, 16 * kib],
    [kib ** 2, 16 * kib],
    [kib ** 3, 1024 * kib],
    [100 * kib ** 3, 16 * kib ** 2],
    [50 * kib ** 4, 64 * kib ** 2],
    [1000 * kib ** 4, 128 * kib ** 2],
  ];
  for (const [length, pieceLength] of table) assert.equal(pieceLengthFor(length), pieceLength, `${length}`);
});

test('options that make no torrent, and content that no reader would take, are refused before the work', () => {
  const options: PlanOptions = { version: 'v2', name: 'n', single: false };
  const refused = (changes: Partial<PlanOptions>, length: number, code: string): void => {
    assert.throws(
      () => planTorrent([{ path: ['a'], length }], { ...options, ...changes }),
      (error: unknown) => error instanceof KithError && error.code === code,
    );
  };
  for (const pieceLength of [0, 1, 8192, 16_385, 3 * 16_384, 2 ** 28, Number.NaN]) {
    refused({ pieceLength }, 1, 'TORRENT_OPTION_INVALID');
  }
  refused({ name: '' }, 1, 'TORRENT_OPTION_INVALID');
  refused({ pieceLength: 16_384 }, 2 ** 40, 'TORRENT_LIMIT');
  const deep = [{ path: Array.from({ length: 65 }, () => 'd'), length: 0 }];
  assert.throws(() => planTorrent(deep, options), /65 folders inside each other/);
});

test('whatever files there are, the torrent made of them says the same of them', () => {
  const name = fc.constantFrom('a', 'b', 'A', 'd', '\u00fc');
  const files = fc.uniqueArray(
    fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 3 }),
      length: fc.oneof(fc.nat(70_000), fc.constantFrom(0, 1, 16_384, 32_768, 65_536)),
      executable: fc.boolean(),
    }),
    // A file must not be in another one: the last component marks what is a file.
    { selector: ({ path }) => path.join('/'), minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(files, fc.constantFrom(...VERSIONS), (list, version) => {
      const sources = list.map((file, i) => ({
        ...file,
        path: [...file.path.slice(0, -1), `${file.path.at(-1)}.file`],
        bytes: content(file.length, i + 1),
      }));
      const { torrent, plan, stream } = made(version, sources);
      const metainfo = parseTorrent(torrent, hashes, { names: 'posix' });
      assert.equal(metainfo.version, version);
      const read = metainfo.files.filter((file) => !file.padding);
      const only = sources.length === 1 && sources[0]?.path.length === 1 && version === 'v2';
      assert.deepEqual(
        read.map((file) => [file.path.slice(only ? 0 : 1), file.length, file.executable, file.offset]),
        plan.files
          .filter((file) => !file.padding)
          .map((file) => [file.path, file.length, file.executable, file.offset]),
      );
      assert.equal(stream.length, metainfo.length);
    }),
    { numRuns: 100 },
  );
});
