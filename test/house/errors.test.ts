import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '@kith/core';
import { errorsPage } from '../../scripts/docs-errors.ts';
import { blank, filesIn, read } from './scan.ts';

const REGISTRY = 'packages/core/src/errors/';

/** Codes that a source names in a string, and those handed to `new KithError`. */
function codesIn(source: string): { named: string[]; thrown: string[] } {
  const code = blank(source, 'comments');
  const named = [...code.matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g)].map((match) => match[1] ?? '');
  const thrown = [...code.matchAll(/new KithError\(\s*'([^']*)'/g)].map((match) => match[1] ?? '');
  return { named, thrown };
}

function sources(): string[] {
  return ['packages', 'lab', 'bench']
    .flatMap((folder) => filesIn(folder, '.ts', '.tsx'))
    .filter((path) => !path.startsWith(REGISTRY) && !path.includes('/test/'));
}

test('the check of codes sees them where they are thrown and not in comments', () => {
  const source = "// 'NOT_ME'\nthrow new KithError(\n  'KEY_INVALID', 'x');\nfail('STATE_DENIED');";
  assert.deepEqual(codesIn(source), { named: ['KEY_INVALID', 'STATE_DENIED'], thrown: ['KEY_INVALID'] });
});

test('every code that is thrown is in the registry', () => {
  const unknown = sources().flatMap((path) =>
    codesIn(read(path))
      .thrown.filter((code) => !Object.hasOwn(ERRORS, code))
      .map((code) => `${path}: ${code}`),
  );
  assert.deepEqual(unknown, []);
});

test('every code of the registry is used by the program', () => {
  const used = new Set(sources().flatMap((path) => codesIn(read(path)).named));
  assert.deepEqual(
    Object.keys(ERRORS).filter((code) => !used.has(code)),
    [],
  );
});

test('every code says in whole sentences what it means and what to do', () => {
  for (const [code, { meaning, advice, exit }] of Object.entries(ERRORS)) {
    assert.match(meaning, /^(?:[A-Z]|kith\b).*\.$/, code);
    assert.match(advice, /^[A-Z`].*\.$/, code);
    assert.ok(Number.isInteger(exit) && exit >= 1 && exit <= 6, code);
  }
});

test('docs/errors.md is what the registry says; npm run docs:errors writes it anew', () => {
  assert.equal(read('docs/errors.md'), errorsPage());
});
