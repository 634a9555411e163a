import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '@kith/core';

test('an error of the platform has its code, and everything else none', () => {
  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  const cases: readonly (readonly [unknown, string])[] = [
    [missing, 'ENOENT'],
    [new Error('plain'), ''],
    [Object.assign(new Error('numbered'), { code: 20 }), ''],
    [{ code: 'ENOENT' }, ''],
    ['ENOENT', ''],
    [undefined, ''],
  ];
  for (const [error, code] of cases) assert.equal(codeOf(error), code);
});
