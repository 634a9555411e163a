import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCbor, encodeCbor, fromHex, KithError, toHex } from '@kith/core';
import type { Cbor } from '@kith/core';
import fc from 'fast-check';

test('numbered values and their only encoding (RFC 8949 appendix A)', () => {
  const table: readonly [Cbor, string][] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1000, '3903e7'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    ['', '60'],
    ['IETF', '6449455446'],
    [Uint8Array.of(1, 2, 3, 4), '4401020304'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
    [{ bb: 1, a: 2 }, 'a261610262626201'],
  ];
  for (const [i, [value, hex]] of table.entries()) {
    assert.equal(toHex(encodeCbor(value)), hex, `${i + 1}`);
    assert.deepEqual(decodeCbor(fromHex(hex), 100), value, `${i + 1}`);
  }
});

test('every other spelling of a value is refused', () => {
  const table = [
    '1800', // 0 in two bytes
    '190001', // 1 in three
    '5f42010243030405ff', // indefinite length
    '9f01ff',
    'a2616201616100', // keys out of order
    'a2616100616101', // one key twice
    'fb3ff8000000000000', // a float
    'c074323031332d30332d32315432303a30343a30305a', // a tag
    'f7', // undefined
    '0000', // something follows
    '8101ff',
    '', // nothing
    '62c328', // broken UTF-8
  ];
  for (const hex of table) assert.throws(() => decodeCbor(fromHex(hex), 100), KithError, hex);
});

test('input over its limit is refused unread, and random bytes never throw anything else', () => {
  assert.throws(() => decodeCbor(new Uint8Array(101), 100), /over its limit of 100/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        assert.deepEqual(encodeCbor(decodeCbor(bytes, 60)), bytes);
      } catch (error) {
        assert.ok(error instanceof KithError && error.code === 'CBOR_INVALID');
      }
    }),
    { numRuns: 2000 },
  );
});
