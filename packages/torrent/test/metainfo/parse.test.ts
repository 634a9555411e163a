import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KithError, toHex, type ErrorCode } from '@kith/core';
import { bencode, infoHash20, parseInfo, parseTorrent, type ParseOptions } from '@kith/torrent';
import fc from 'fast-check';
import { changed, content, hashes, made, parts, v1 } from './support.ts';

const SOURCES = [
  { path: ['b', 'long'], length: 100_000, bytes: content(100_000, 2), executable: true },
  { path: ['a'], length: 20_000, bytes: content(20_000, 1) },
  { path: ['b', 'empty'], length: 0, bytes: content(0), hidden: true },
  { path: ['c'], length: 5, bytes: content(5, 3) },
];
const V1 = made('v1', SOURCES);
const V2 = made('v2', SOURCES);
const HYBRID = made('hybrid', SOURCES);

function refused(torrent: Uint8Array, code: ErrorCode, message: RegExp, options: ParseOptions = {}): void {
  assert.throws(
    () => parseTorrent(torrent, hashes, options),
    (error: unknown) => {
      assert.ok(error instanceof KithError, String(error));
      assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
      return true;
    },
  );
}

const text = (value: string): Uint8Array => bencode.fromBinaryString(value);

test('the example of BEP 3 of one file: name, length, pieces and the hash over the bytes as they came', () => {
  // Keys of the info dictionary are out of order: a program that sorts them again computes another hash.
  const info = `d4:name6:a.file12:piece lengthi16384e6:lengthi16385e6:pieces40:${'x'.repeat(40)}e`;
  const torrent = text(`d8:announce22:http://t.example/a?b=14:info${info}e`);
  const metainfo = parseTorrent(torrent, hashes);
  assert.equal(toHex(infoHash20(metainfo)), toHex(hashes.sha1(text(info))));
  assert.equal(bencode.binaryString(metainfo.info), info);
  assert.deepEqual(
    [metainfo.version, metainfo.name, metainfo.length, metainfo.pieceCount],
    ['v1', 'a.file', 16_385, 2],
  );
  assert.deepEqual([metainfo.pieceSize(0), metainfo.pieceSize(1)], [16_384, 1]);
  assert.deepEqual(
    metainfo.files.map(({ path, offset, padding }) => [path, offset, padding]),
    [[['a.file'], 0, false]],
  );
  assert.deepEqual([metainfo.trackers, metainfo.private], [[['http://t.example/a?b=1']], false]);
});

test('the example of BEP 52 of a file tree is read as the path that it stands for', () => {
  const tree = 'd4:dir1d4:dir2d9:fileA.txtd0:d6:lengthi1024e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeeeee';
  const info = `d9:file tree${tree}12:meta versioni2e4:name1:n12:piece lengthi16384ee`;
  const metainfo = parseTorrent(text(`d4:info${info}12:piece layersdee`), hashes);
  assert.deepEqual([metainfo.version, metainfo.files[0]?.path], ['v2', ['n', 'dir1', 'dir2', 'fileA.txt']]);
  assert.equal(metainfo.infoHash, undefined);
  assert.equal(toHex(infoHash20(metainfo)), toHex(hashes.sha256(text(info)).subarray(0, 20)));
});

test('v1 is one stream, v2 aligned files, a hybrid both by padding', () => {
  const lines = (torrent: Uint8Array): string[] =>
    parseTorrent(torrent, hashes).files.map(({ path, offset, length }) => `${path.join('/')} ${offset} ${length}`);
  assert.deepEqual(lines(V1.torrent), [
    'made/a 0 20000',
    'made/b/empty 20000 0',
    'made/b/long 20000 100000',
    'made/c 120000 5',
  ]);
  assert.deepEqual(lines(V2.torrent), [
    'made/a 0 20000',
    'made/b/empty 20000 0',
    'made/b/long 32768 100000',
    'made/c 163840 5',
  ]);
  assert.deepEqual(lines(HYBRID.torrent), [
    'made/a 0 20000',
    'made/b/empty 20000 0',
    'made/.pad/12768 20000 12768',
    'made/b/long 32768 100000',
    'made/.pad/31072 132768 31072',
    'made/c 163840 5',
  ]);
  const sizes = (torrent: Uint8Array): number[] => {
    const { pieceCount, pieceSize } = parseTorrent(torrent, hashes);
    return Array.from({ length: pieceCount }, (_, piece) => pieceSize(piece));
  };
  assert.deepEqual(sizes(V1.torrent), [32_768, 32_768, 32_768, 21_701]);
  assert.deepEqual(sizes(V2.torrent), [20_000, 32_768, 32_768, 32_768, 1696, 5]);
  assert.deepEqual(sizes(HYBRID.torrent), [32_768, 32_768, 32_768, 32_768, 32_768, 5]);
});

test('attributes are read in all versions, and layers are kept of files longer than a piece', () => {
  for (const { torrent } of [V1, V2, HYBRID]) {
    const { version, files, pieceLayers } = parseTorrent(torrent, hashes);
    const flags = files.filter((file) => !file.padding).map((file) => [file.executable, file.hidden]);
    assert.deepEqual(flags, [
      [false, false],
      [false, true],
      [true, false],
      [false, false],
    ]);
    const long = files.find((file) => file.length === 100_000);
    const keys = long?.piecesRoot === undefined ? [] : [toHex(long.piecesRoot)];
    assert.deepEqual([keys.length, [...pieceLayers.keys()]], [version === 'v1' ? 0 : 1, keys]);
    if (version !== 'v1') assert.equal(pieceLayers.get(keys[0] ?? '')?.length, 4 * 32);
  }
});

test('an info dictionary alone gives the same, without what stood beside it', () => {
  for (const { torrent } of [V1, V2, HYBRID]) {
    const { pieceSize: _a, pieceLayers: _b, ...whole } = parseTorrent(torrent, hashes);
    const { pieceSize: _c, pieceLayers, ...alone } = parseInfo(whole.info, hashes);
    assert.deepEqual(alone, whole);
    assert.equal(pieceLayers.size, 0);
  }
});

test('trackers keep their tiers, each address once; comments and dates are read; what is malformed counts as absent', () => {
  const fields = {
    announce: 'http://only.example/announce',
    'announce-list': [
      ['udp://a.example:1', ' http://b.example/x '],
      [],
      ['udp://a.example:1', 'wss://c.example', 'x:y'],
      5,
    ],
    'url-list': ['https://seed.example/', 'file:///etc', ''],
    comment: 'hello',
    'created by': 7,
    'creation date': -5,
  };
  const metainfo = parseTorrent(changed(V1.torrent, { private: 1 }, fields), hashes);
  assert.deepEqual(metainfo.trackers, [['udp://a.example:1', 'http://b.example/x'], ['wss://c.example']]);
  assert.deepEqual(metainfo.webSeeds, ['https://seed.example/']);
  assert.deepEqual([metainfo.comment, metainfo.createdBy, metainfo.creationDate], ['hello', undefined, undefined]);
  assert.equal(metainfo.private, true);
  const single = parseTorrent(
    changed(V1.torrent, {}, { ...fields, 'announce-list': [], 'url-list': 'http://s.example' }),
    hashes,
  );
  assert.deepEqual([single.trackers, single.webSeeds], [[['http://only.example/announce']], ['http://s.example']]);
});

test('what people take for a torrent is named', () => {
  const table: readonly [string, RegExp][] = [
    ['', /^film: not a torrent: the file is empty$/],
    ['\n <!DOCTYPE html><html>', /web page/],
    ['\xef\xbb\xbf<?xml', /web page/],
    ['\x1f\x8b\x08\x00', /gzip/],
    ['PK\x03\x04', /zip/],
    ['magnet:?xt=urn:btih:00', /magnet link/],
    ['https://example.org/a.torrent', /address/],
    ['\x00\x01\x02', /byte 0: expected a value .*, found "\\x00"/],
    ['i1e', /byte 0: expected a dictionary/],
    ['de', /there is no "info" dictionary/],
    ['d4:info3:abce', /expected a dictionary as "info"/],
    ['d4:infod4:name5:abc', /byte 14: expected a string of 5 bytes, found the end after 3/],
  ];
  for (const [torrent, message] of table) refused(text(torrent), 'TORRENT_INVALID', message, { source: 'film' });
});

test('an info dictionary that decides nothing clearly is refused, with the reason', () => {
  const table: readonly [info: Record<string, bencode.Encodable | undefined>, message: RegExp][] = [
    [{ name: undefined }, /no "name"/],
    [{ name: 5 }, /a string as "name"/],
    [{ pieces: undefined }, /no "pieces"/],
    [{ pieces: new Uint8Array(79) }, /"pieces" has 79 bytes where 4 pieces need 20 each/],
    [{ pieces: new Uint8Array(100) }, /"pieces" has 100 bytes/],
    [{ 'piece length': undefined }, /no valid "piece length"/],
    [{ 'piece length': 0 }, /no valid "piece length"/],
    [{ 'piece length': -16_384 }, /no valid "piece length"/],
    [{ files: undefined }, /neither "files" nor "length"/],
    [{ length: 5 }, /both "files" and "length"/],
    [{ files: [5] }, /file 0 is not described by a dictionary/],
    [{ files: [{ length: 5 }] }, /file 0 has no path/],
    [{ files: [{ length: 5, path: [] }] }, /file 0 has no path/],
    [{ files: [{ length: 5, path: [5] }] }, /"path" at byte \d+ is no list of strings/],
    [{ files: [{ path: ['x'] }] }, /"x" has no valid "length"/],
    [{ files: [{ length: -1, path: ['x'] }] }, /"x" has no valid "length"/],
  ];
  for (const [info, message] of table) refused(changed(V1.torrent, info), 'TORRENT_INVALID', message);
});

test('of v2 a piece length, a tree and roots that fit are demanded', () => {
  const root = new Uint8Array(32);
  const leaf = (fields: Record<string, bencode.Encodable>): bencode.Encodable => ({ '': fields });
  const table: readonly [tree: bencode.Encodable | undefined, message: RegExp][] = [
    [undefined, /no "file tree"/],
    [{ '': { length: 5, 'pieces root': root } }, /root of the file tree is a file/],
    [{ a: leaf({ length: 5 }) }, /"a" has no "pieces root" of 32 bytes/],
    [{ a: leaf({ length: 5, 'pieces root': new Uint8Array(20) }) }, /"a" has no "pieces root"/],
    [{ a: leaf({ 'pieces root': root }) }, /"a" has no valid "length"/],
    [{ a: leaf({ length: 5, 'pieces root': root, attr: 'p' }) }, /"a" is padding/],
    [{ a: { '': { length: 0 }, b: leaf({ length: 0 }) } }, /a file and a folder in one/],
    [{ a: 5 }, /holds no dictionaries/],
    [{ a: leaf({ length: 40_000, 'pieces root': root }) }, /"piece layers" has nothing for "a"/],
  ];
  for (const [tree, message] of table) refused(changed(V2.torrent, { 'file tree': tree }), 'TORRENT_INVALID', message);
  for (const length of [8192, 16_385, 49_152]) {
    refused(changed(V2.torrent, { 'piece length': length }), 'TORRENT_INVALID', /no power of two from 16384 on/);
  }
  const unsorted = text(
    'd4:infod9:file treed1:bd0:d6:lengthi0eee1:ad0:d6:lengthi0eeee12:meta versioni2e4:name1:n12:piece lengthi16384eee',
  );
  refused(unsorted, 'TORRENT_INVALID', /is not in order/);
});

test('a torrent of a later version is told from a broken one', () => {
  refused(changed(V2.torrent, { 'meta version': 3, 'file tree': 7 }), 'TORRENT_UNSUPPORTED', /it is of version 3/);
});

test('piece layers that are missing, too long or of another content are refused', () => {
  const layers = parts(V2.torrent).root.get('piece layers');
  assert.ok(layers instanceof bencode.BencodedDict);
  const [[key, layer] = []] = [...layers.entries()];
  assert.ok(key !== undefined && layer instanceof Uint8Array);
  const wrong = layer.slice();
  wrong[40] = (wrong[40] ?? 0) ^ 1;
  const withLayer = (value: Uint8Array): Uint8Array =>
    changed(V2.torrent, {}, { 'piece layers': new Map([[key, value]]) });
  assert.ok(parseTorrent(withLayer(layer), hashes));
  refused(withLayer(wrong), 'TORRENT_INCONSISTENT', /the piece layer of "made\/b\/long" does not lead to its root/);
  refused(withLayer(layer.subarray(32)), 'TORRENT_INVALID', /has 96 bytes for "made\/b\/long", whose 4 pieces/);
  refused(changed(V2.torrent, {}, { 'piece layers': undefined }), 'TORRENT_INVALID', /has nothing for "made\/b\/long"/);
});

test('a hybrid whose halves differ in names, order, lengths or alignment is refused', () => {
  const files = bencode.list(infoOf(HYBRID.torrent), 'files') ?? [];
  assert.equal(files.length, 6);
  const [a = 0, empty = 0, pad = 0, long = 0, pad2 = 0, c = 0] = files;
  const table: readonly [list: readonly bencode.Encodable[], message: RegExp][] = [
    [[a, empty, pad, long, pad2, { length: 5, path: ['d'] }], /"d" stands in v1 where v2 has "c"/],
    [[empty, a, pad, long, pad2, c], /"b\/empty" stands in v1 where v2 has "a"/],
    [[a, empty, pad, long, pad2, { length: 6, path: ['c'] }], /"c" has 6 bytes in v1 and 5 in v2/],
    [[a, empty, pad, long, pad2], /"c" is in v2 only/],
    [[a, empty, pad, long, pad2, c, { length: 0, path: ['e'] }], /"e" is in v1 only/],
    [[a, empty, long, pad2, c], /"b\/long" does not begin at a piece/],
    [[a, empty, pad, long, pad2, { length: 0, path: ['c'], attr: 'l', 'symlink path': ['a'] }], /"c" has 0 bytes/],
  ];
  for (const [list, message] of table)
    refused(changed(HYBRID.torrent, { files: list }), 'TORRENT_INCONSISTENT', message);
  const tail = changed(HYBRID.torrent, {
    files: [...files, { attr: 'p', length: 32_763, path: ['.pad', '32763'] }],
  });
  assert.equal(parseTorrent(tail, hashes).length, 6 * 32_768, 'padding after the last file is usual');
});

function infoOf(torrent: Uint8Array): bencode.BencodedDict {
  const value = bencode.decode(torrent);
  assert.ok(value instanceof bencode.BencodedDict);
  const info = bencode.dict(value, 'info');
  assert.ok(info);
  return info;
}

test('links are kept where they lead to something of the torrent, and lead nowhere otherwise', () => {
  const link = (name: string, target: readonly string[] | undefined): bencode.Encodable => ({
    attr: 'l',
    length: 0,
    path: [name],
    'symlink path': target,
  });
  const files = [
    { length: 5, path: ['dir', 'CON'] },
    link('good', ['dir', 'CON']),
    link('folder', ['dir']),
    link('out', ['..', '..', 'etc', 'passwd']),
    link('absolute', ['/etc/passwd']),
    link('gone', ['nothing']),
    link('self', ['self']),
    link('root', []),
    link('none', undefined),
  ];
  const metainfo = parseTorrent(v1({ files }), hashes);
  assert.deepEqual(
    metainfo.files.map((file) => file.symlink?.join('/')),
    [undefined, 'folder/dir/_CON', 'folder/dir', '', '', '', '', '', ''],
  );
  assert.ok(metainfo.files.every((file) => file.symlink === undefined || file.length === 0));
});

test('padding needs no path and is known by its old name too', () => {
  const files = [
    { length: 5, path: ['a'] },
    { attr: 'p', length: 16_379 },
    { length: 5, path: ['b'] },
    { length: 16_379, path: ['_____padding_file_0_if you see this file, please update'] },
  ];
  const metainfo = parseTorrent(v1({ files }, 2), hashes);
  assert.deepEqual(
    metainfo.files.map((file) => file.padding),
    [false, true, false, true],
  );
  assert.deepEqual(metainfo.files[1]?.path, ['folder', '.pad', '16379']);
});

test('limits are held, each with its number', () => {
  const deep = v1({ files: [{ length: 1, path: Array.from({ length: 65 }, () => 'd') }] });
  const huge = changed(V2.torrent, {
    'file tree': { a: { '': { length: 2 ** 50, 'pieces root': new Uint8Array(32) } } },
  });
  const table: readonly [Uint8Array, ParseOptions['limits'], RegExp][] = [
    [V1.torrent, { bytes: 100 }, /bytes: \d+ is over the limit of 100/],
    [V1.torrent, { infoBytes: 100 }, /bytes of the info dictionary: \d+ is over the limit of 100/],
    [V1.torrent, { files: 3 }, /files: 4 is over the limit of 3/],
    [V2.torrent, { files: 3 }, /files: 4 is over the limit of 3/],
    [V1.torrent, { pieces: 3 }, /pieces: 4 is over the limit of 3/],
    [V1.torrent, { pieceLength: 16_384 }, /bytes of a piece: 32768 is over the limit of 16384/],
    [deep, {}, /folders around file 0: 65 is over the limit of 64/],
    [huge, {}, /pieces: 34359738368 is over the limit of 2097152/],
    [
      v1({
        files: [
          { length: 2 ** 53 - 1, path: ['a'] },
          { length: 5, path: ['b'] },
        ],
      }),
      {},
      /2\^53/,
    ],
    [v1({ length: 2 ** 53 - 1, 'piece length': 1 }), {}, /pieces: 9007199254740991/],
  ];
  for (const [torrent, limits, message] of table)
    refused(torrent, 'TORRENT_LIMIT', message, limits === undefined ? {} : { limits });
});

test('bytes of strangers and damaged torrents give a torrent or a typed error, never anything else', () => {
  const originals = [V1.torrent, V2.torrent, HYBRID.torrent, v1({ files: [{ length: 0, path: ['a'], attr: 'l' }] }, 0)];
  const damage = fc.array(
    fc.record({
      place: fc.nat(),
      // Digits and marks of bencoding keep a damaged torrent well-formed more often than any byte does.
      byte: fc.oneof(
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(0x30, 0x31, 0x39, 0x64, 0x65, 0x69, 0x6c, 0x2f, 0x2e),
      ),
      kind: fc.constantFrom('set', 'insert', 'remove', 'cut'),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const damaged = fc.tuple(fc.constantFrom(...originals), damage).map(([torrent, changes]) => {
    const bytes = [...torrent];
    for (const { place, byte, kind } of changes) {
      const at = place % (bytes.length + 1);
      if (kind === 'set') bytes.splice(at, 1, byte);
      else if (kind === 'insert') bytes.splice(at, 0, byte);
      else if (kind === 'remove') bytes.splice(at, 1);
      else bytes.splice(at);
    }
    return Uint8Array.from(bytes);
  });
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: damaged }, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        const { files, pieceCount, length, pieceSize } = parseTorrent(bytes, hashes);
        accepted++;
        let total = 0;
        for (let piece = 0; piece < pieceCount; piece++) total += pieceSize(piece);
        assert.ok(total <= length);
        for (const file of files)
          assert.ok((file.offset >= 0 && file.offset + file.length <= length) || file.length === 0);
      } catch (error) {
        assert.ok(error instanceof KithError && /^TORRENT_/.test(error.code), String(error));
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 10, 'some damage hits hashes and names only');
});

test('values of any shape in place of what belongs there give a typed error', () => {
  const keys = [
    'files',
    'length',
    'name',
    'piece length',
    'pieces',
    'meta version',
    'file tree',
    'name.utf-8',
    'private',
  ];
  const outside = ['announce', 'announce-list', 'url-list', 'comment', 'piece layers', 'creation date'];
  const value = fc.letrec<{ value: bencode.Encodable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.maxSafeInteger(),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('', 'length', 'path', 'attr', 'pieces root', 'symlink path', 'a'), tie('value')),
    ),
  })).value;
  const changes = fc.tuple(
    fc.constantFrom(V1.torrent, V2.torrent, HYBRID.torrent),
    fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 2 }),
    fc.dictionary(fc.constantFrom(...outside), value, { maxKeys: 2 }),
  );
  fc.assert(
    fc.property(changes, ([torrent, inInfo, inRoot]) => {
      try {
        parseTorrent(changed(torrent, inInfo, inRoot), hashes);
      } catch (error) {
        assert.ok(error instanceof KithError && /^TORRENT_/.test(error.code), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
