import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareBytes,
  concat,
  equalBytes,
  fromBase64Url,
  fromHex,
  readUint16BE,
  readUint32BE,
  readUint32LE,
  readUint64LE,
  toBase64Url,
  toHex,
  utf8,
  writeUint16BE,
  writeUint32BE,
  writeUint32LE,
  writeUint64LE,
} from '@kith/core';
import fc from 'fast-check';

const bytes = fc.uint8Array({ maxLength: 80 });

test('base64url and hexadecimal say the same as the platform, and come back', () => {
  fc.assert(
    fc.property(bytes, (data) => {
      assert.equal(toBase64Url(data), Buffer.from(data).toString('base64url'));
      assert.equal(toHex(data), Buffer.from(data).toString('hex'));
      assert.deepEqual(fromBase64Url(toBase64Url(data)), data);
      assert.deepEqual(fromHex(toHex(data).toUpperCase()), data);
    }),
  );
});

test('text that is no base64url, or spells the same bytes differently, is refused', () => {
  for (const text of ['A', 'AAAAA', 'AA=', 'A+', 'A/', 'AB', 'AAB', 'ä', ' AA']) {
    assert.throws(() => fromBase64Url(text), RangeError, text);
  }
  for (const text of ['0', 'gg', '0x', ' 00']) assert.throws(() => fromHex(text), RangeError, text);
});

test('UTF-8 says the same as the platform, lone surrogates included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.deepEqual(utf8(text), new Uint8Array(new TextEncoder().encode(text)));
    }),
  );
  assert.deepEqual(utf8('\ud800'), Uint8Array.of(0xef, 0xbf, 0xbd));
});

test('bytes are joined, compared and ordered as unsigned numbers', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.deepEqual(concat(a, b), new Uint8Array(Buffer.concat([a, b])));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
    }),
  );
});

test('integers are written and read in the order that the names say', () => {
  fc.assert(
    fc.property(
      fc.nat(0xffff),
      fc.nat(0xffffffff),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (small, middle, large) => {
        const data = Buffer.alloc(18);
        writeUint16BE(data, 0, small);
        writeUint32LE(data, 2, middle);
        writeUint64LE(data, 6, large);
        writeUint32BE(data, 14, middle);
        assert.deepEqual([data.readUInt32BE(14), readUint32BE(data, 14)], [middle, middle]);
        assert.deepEqual([data.readUInt16BE(0), data.readUInt32LE(2), data.readBigUInt64LE(6)], [small, middle, large]);
        assert.deepEqual([readUint16BE(data, 0), readUint32LE(data, 2), readUint64LE(data, 6)], [small, middle, large]);
      },
    ),
  );
});
