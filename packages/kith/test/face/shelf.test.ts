import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KithError } from '@kith/core';
import { toldIn } from '../../src/web/shelf.ts';

const BASE = 'http://10.0.0.2:6551';
const GOOD = {
  ...{ id: 'ab'.repeat(20), name: 'film', size: 7, files: 1, path: `/s/${'A'.repeat(22)}/` },
  magnet: `magnet:?xt=urn:btih:${'ab'.repeat(20)}`,
};

test('what a member tells becomes links that lead to that member', () => {
  const { path, ...rest } = GOOD;
  assert.deepEqual(toldIn({ shares: [GOOD] }, BASE), [{ ...rest, link: `${BASE}${path}` }]);
});

for (const [name, wrong] of Object.entries({
  'an id that is none': { id: '../../api' },
  'a path elsewhere': { path: '//evil.example/s/' },
  'a path with more': { path: `/s/${'A'.repeat(22)}/../../api/` },
  'a script as magnet': { magnet: 'javascript:alert(1)' },
  'a negative size': { size: -1 },
  'a name that is none': { name: null },
})) {
  test(`left out: ${name}`, () => assert.deepEqual(toldIn({ shares: [{ ...GOOD, ...wrong }, GOOD] }, BASE).length, 1));
}

test('whatever a member tells gives shares of the right form or a typed error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.record({ shares: fc.array(fc.jsonValue()) })), (value) => {
      try {
        for (const { link } of toldIn(value, BASE)) assert.ok(link.startsWith(`${BASE}/s/`));
      } catch (error) {
        assert.ok(error instanceof KithError);
      }
    }),
  );
});
