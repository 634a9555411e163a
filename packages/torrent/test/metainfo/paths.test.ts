import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@kith/core';
import { parseTorrent, type NameRules } from '@kith/torrent';
import fc from 'fast-check';
import { hashes, v1, v1Paths } from './support.ts';

type Component = string | readonly number[];

function placesOf(paths: readonly (readonly Component[])[], names: NameRules): string[] {
  return parseTorrent(v1Paths(paths), hashes, { names }).files.map((file) => file.path.join('/'));
}

/** Each is the only file of a torrent called "folder". */
const TABLE: readonly [path: readonly Component[], portable: string, posix: string][] = [
  [['a.txt'], 'a.txt', 'a.txt'],
  [['a', 'b', 'c'], 'a/b/c', 'a/b/c'],
  [['..', '..', 'etc', 'passwd'], '__/__/etc/passwd', '__/__/etc/passwd'],
  [['.'], '_', '_'],
  [['...'], '___', '...'],
  [[''], '_', '_'],
  [['', 'a'], '_/a', '_/a'],
  [['/etc/passwd'], '_etc_passwd', '_etc_passwd'],
  [['a/../../b'], 'a_.._.._b', 'a_.._.._b'],
  [['..\\..\\b'], '.._.._b', '..\\..\\b'],
  [['C:'], 'C_', 'C:'],
  [['C:\\Windows'], 'C__Windows', 'C:\\Windows'],
  [['\\\\server\\share'], '__server_share', '\\\\server\\share'],
  [['a\0b'], 'a_b', 'a_b'],
  [['a\nb'], 'a_b', 'a\nb'],
  [['what?*<>|":.txt'], 'what_______.txt', 'what?*<>|":.txt'],
  [['photo\u202egpj.exe'], 'photo_gpj.exe', 'photo\u202egpj.exe'],
  [['CON'], '_CON', 'CON'],
  [['con.txt'], '_con.txt', 'con.txt'],
  [['Aux.tar.gz'], '_Aux.tar.gz', 'Aux.tar.gz'],
  [['nul '], 'nul_', 'nul '],
  [['nul .txt'], '_nul .txt', 'nul .txt'],
  [['COM1', 'lpt9.log'], '_COM1/_lpt9.log', 'COM1/lpt9.log'],
  [['com\u00b9'], '_com\u00b9', 'com\u00b9'],
  [['console'], 'console', 'console'],
  [['trailing.'], 'trailing_', 'trailing.'],
  [['trailing. . '], 'trailing____', 'trailing. . '],
  [['.hidden'], '.hidden', '.hidden'],
  [[[0x66, 0xfc, 0x72]], 'f\ufffdr', 'f\ufffdr'],
  [[[0xc0, 0xae, 0xc0, 0xae]], '\ufffd\ufffd\ufffd\ufffd', '\ufffd\ufffd\ufffd\ufffd'],
];

test('names of strangers are made safe, the same way every time', () => {
  for (const [path, portable, posix] of TABLE) {
    assert.deepEqual(placesOf([path], 'portable'), [`folder/${portable}`], JSON.stringify(path));
    assert.deepEqual(placesOf([path], 'posix'), [`folder/${posix}`], JSON.stringify(path));
  }
});

test('the name of a torrent is made safe as well, as folder and as file', () => {
  const folder = parseTorrent(v1Paths([['a']], '../up'), hashes);
  assert.deepEqual([folder.name, folder.files[0]?.path], ['.._up', ['.._up', 'a']]);
  const file = parseTorrent(v1({ name: '..', length: 1 }), hashes);
  assert.deepEqual([file.name, file.files[0]?.path], ['__', ['__']]);
});

test('equal names get numbers before their extensions, folders in the way of files too', () => {
  const table: readonly [names: NameRules, paths: readonly (readonly string[])[], places: readonly string[]][] = [
    ['portable', [['a.txt'], ['a.txt'], ['a.txt']], ['a.txt', 'a.1.txt', 'a.2.txt']],
    ['posix', [['a.txt'], ['a.txt']], ['a.txt', 'a.1.txt']],
    ['portable', [['README'], ['readme'], ['ReadMe']], ['README', 'readme.1', 'ReadMe.2']],
    ['posix', [['README'], ['readme']], ['README', 'readme']],
    ['portable', [['stra\u00dfe'], ['STRASSE']], ['stra\u00dfe', 'STRASSE.1']],
    ['portable', [['\u00e9'], ['e\u0301']], ['\u00e9', 'e\u0301.1']],
    [
      'portable',
      [
        ['A', 'x'],
        ['a', 'y'],
        ['a', 'X'],
      ],
      ['A/x', 'a/y', 'a/X.1'],
    ],
    ['portable', [['d'], ['d', 'x'], ['d', 'y']], ['d', 'd.1/x', 'd.1/y']],
    ['portable', [['d', 'x'], ['d']], ['d/x', 'd.1']],
    ['portable', [['a.1.txt'], ['a.txt'], ['a.txt']], ['a.1.txt', 'a.txt', 'a.2.txt']],
    ['portable', [['a:b'], ['a?b']], ['a_b', 'a_b.1']],
    ['portable', [['.env'], ['.env']], ['.env', '.env.1']],
  ];
  for (const [names, paths, places] of table) {
    assert.deepEqual(
      placesOf(paths, names),
      places.map((place) => `folder/${place}`),
      JSON.stringify(paths),
    );
  }
});

test('a name that is too long is cut between characters and keeps its extension', () => {
  const [path] = placesOf([[`${'\u00fc'.repeat(200)}.torrent`]], 'portable');
  const name = path?.slice('folder/'.length) ?? '';
  assert.ok(utf8(name).length <= 240 && utf8(name).length > 230, `${utf8(name).length}`);
  assert.match(name, /^\u00fc+\.torrent$/);
  assert.deepEqual(placesOf([['x'.repeat(255)]], 'posix'), [`folder/${'x'.repeat(255)}`]);
  assert.deepEqual(placesOf([['x'.repeat(256)]], 'posix'), [`folder/${'x'.repeat(240)}`]);
});

test('names as the torrent has them are kept where they had to change', () => {
  const { files } = parseTorrent(v1Paths([['a:b'], ['fine']]), hashes);
  assert.deepEqual(
    files.map((file) => file.original),
    [['folder', 'a:b'], undefined],
  );
});

test('path.utf-8 goes before path', () => {
  const torrent = v1({ files: [{ length: 1, path: [Uint8Array.of(0xfc)], 'path.utf-8': ['\u00fc'] }] });
  assert.deepEqual(parseTorrent(torrent, hashes).files[0]?.path, ['folder', '\u00fc']);
});

test('a hundred thousand equal names take no quadratic time', { timeout: 20_000 }, () => {
  const half = 50_000;
  const paths = Array.from({ length: half }, () => ['d']).concat(Array.from({ length: half }, () => ['d', 'x']));
  const { files } = parseTorrent(v1({ files: paths.map((path) => ({ length: 0, path })), pieces: '' }, 0), hashes);
  assert.equal(new Set(files.map((file) => file.path.join('/'))).size, 2 * half);
});

const nasty = fc.oneof(
  fc.constantFrom('..', '.', '', '/', 'CON', 'a', 'A', 'a.', 'a ', 'b', '\0', 'a/b', '\\', 'e\u0301', '\u00e9', 'a.1'),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => [...bytes]),
);

test('no path leaves its folder, meets another one or can not be created', () => {
  const paths = fc.array(fc.array(nasty, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(paths, fc.constantFrom<NameRules>('portable', 'posix'), (list, names) => {
      const torrent = v1Paths(list);
      const { files } = parseTorrent(torrent, hashes, { names });
      const places = files.map((file) => file.path);
      for (const place of places) {
        for (const component of place) {
          assert.ok(component !== '' && component !== '.' && component !== '..' && !/[/\0]/.test(component));
          assert.ok(utf8(component).length <= 255);
          if (names === 'portable') {
            assert.doesNotMatch(component, /[<>:"/\\|?*\u0000-\u001f\u202a-\u202e]|[. ]$/);
            assert.doesNotMatch(component, /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
          }
        }
      }
      const fold = (text: string): string => (names === 'portable' ? text.normalize('NFC').toLowerCase() : text);
      const keys = new Set(places.map((place) => fold(place.join('/'))));
      assert.equal(keys.size, places.length);
      for (const place of places) {
        for (let n = 1; n < place.length; n++) assert.ok(!keys.has(fold(place.slice(0, n).join('/'))));
      }
      assert.deepEqual(parseTorrent(torrent, hashes, { names }).files, files);
    }),
    { numRuns: 500 },
  );
});
