import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blank, filesIn, packageNames, placesOf, read } from './scan.ts';

const CODE = ['.ts', '.tsx', '.mjs', '.cc', '.cpp', '.h', '.hpp'];
const LONGEST = 600;

// Spelled in halves: this file is read by its own rules.
const UNFINISHED = new RegExp(`\\b(?:${'TO'}${'DO'}|${'FIX'}${'ME'}|${'X'}XX|${'HA'}${'CK'})\\b`, 'g');
// A condition with a reason, as in `skip: isRoot ? false : 'needs root'`, is none of these.
const LEFT_OUT =
  /\b(?:test|it|describe|suite|t|context)\s*\.\s*(?:only|skip|todo)\b|[{,]\s*(?:only|todo)\s*:|[{,]\s*skip\s*:\s*(?:true|['"`])/g;
const MACHINE_PATH = new RegExp(`(?<![\\w.~$}/-])/(?:${'ho'}me|${'ro'}ot|${'wo'}rk|${'Us'}ers)/[\\w.-]+`, 'g');

function sources(): string[] {
  return packageNames().flatMap((name) => filesIn(`packages/${name}/src`, ...CODE));
}

test('the checks of words see what they look for', () => {
  const marks = ['TO', 'DO'].join('');
  assert.deepEqual(placesOf('a', `// ${marks}: later`, UNFINISHED), [`a:1 ${marks}`]);
  const tests =
    "test.skip('a');\ntest('b', { skip: true });\nt.todo();\nskipped.only = 1;\ntest.only('c');\ntest('d', { skip: isRoot ? false : 'x' });";
  assert.deepEqual(
    placesOf('a', tests, LEFT_OUT).map((place) => place.split(' ')[0]),
    ['a:1', 'a:2', 'a:3', 'a:5'],
  );
  const path = ['', 'home', 'ada', 'kith'].join('/');
  assert.equal(placesOf('a', `cd ${path}`, MACHINE_PATH).length, 1);
  assert.equal(placesOf('a', `~${path} https://example.org${path} .${path}`, MACHINE_PATH).length, 0);
});

test('every entry file says in its head comment what the package is for', () => {
  // A page is entered by what its HTML names.
  const entries = packageNames().flatMap((name) => (name === 'web' ? [] : [`packages/${name}/src/index.ts`]));
  assert.deepEqual(
    entries.filter((path) => !/^(?:#!.*\n)?\/\*\*[^]{30,}?\*\//.test(read(path))),
    [],
  );
});

test(`no source file is longer than ${LONGEST} lines`, () => {
  assert.deepEqual(
    sources().filter((path) => read(path).split('\n').length - 1 > LONGEST),
    [],
  );
});

test('nothing is marked as unfinished', () => {
  const places = filesIn('', ...CODE, '.md', '.json', '.sh').flatMap((path) => placesOf(path, read(path), UNFINISHED));
  assert.deepEqual(places, []);
});

test('no test is left out', () => {
  const places = filesIn('', '.test.ts').flatMap((path) =>
    placesOf(path, blank(read(path), 'comments and strings'), LEFT_OUT),
  );
  assert.deepEqual(places, []);
});

test('no file knows a path of the machine it was written on', () => {
  const places = filesIn(
    '',
    ...CODE,
    '.md',
    '.json',
    '.txt',
    '.sh',
    '.yaml',
    '.yml',
    '.svg',
    '.gyp',
    '.ci/run',
  ).flatMap((path) => placesOf(path, read(path), MACHINE_PATH));
  assert.deepEqual(places, []);
});
