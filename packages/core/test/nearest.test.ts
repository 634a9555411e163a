import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '@kith/core';

test('the nearest word is found over typos and swaps, and nothing is guessed from far away', () => {
  const keys = ['port', 'interface', 'mtu', 'endpoints', 'relay', 'log'];
  const cases: readonly (readonly [string, string | null])[] = [
    ['prot', 'port'],
    ['PORT', 'port'],
    ['iterface', 'interface'],
    ['endpoint', 'endpoints'],
    ['rellay', 'relay'],
    ['zebra', null],
    ['', null],
  ];
  for (const [word, expected] of cases) assert.equal(nearest(word, keys), expected, word);
});
