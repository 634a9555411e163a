import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blank, filesIn, importsOf, placesOf } from './scan.ts';

test('the scanner finds every way to import', () => {
  const source = `
    import fs from 'node:fs';
    import type { A } from "@kith/core";
    import './side-effect.ts';
    export * from './bytes.ts';
    export {
      one,
      two,
    } from './many.ts';
    const lazy = await import('node:net');
    import { b } from './twice.ts'; import { c } from './line.ts';
  `;
  assert.deepEqual(importsOf(source), [
    'node:fs',
    '@kith/core',
    './side-effect.ts',
    './bytes.ts',
    './many.ts',
    'node:net',
    './twice.ts',
    './line.ts',
  ]);
});

test('the scanner ignores imports in comments and is not led astray by quotes in comments and patterns', () => {
  const source = `
    // import a from 'node:fs'; it's a comment
    /* import b from 'node:net' */
    const quote = /['"]/;
    const half = 1 / 2; // "
    import c from 'node:os';
  `;
  assert.deepEqual(importsOf(source), ['node:os']);
});

test('blanking keeps code and lines, and takes comments and strings', () => {
  const source = "const a = 'Date'; // Date\n/* Date\n */ Date.now();";
  assert.equal(blank(source, 'comments'), "const a = 'Date';        \n       \n    Date.now();");
  assert.deepEqual(placesOf('x.ts', blank(source, 'comments and strings'), /\bDate\b/g), ['x.ts:3 Date']);
});

test('the scanner lists files by ending, without what is generated', () => {
  const found = filesIn('packages/core', '.ts');
  assert.ok(found.includes('packages/core/src/errors.ts'));
  assert.ok(
    found.every((path) => path.endsWith('.ts') && !path.includes('/dist/') && !path.includes('/node_modules/')),
  );
});
