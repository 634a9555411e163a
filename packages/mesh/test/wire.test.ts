import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attemptDecode, Reader, ShortInput, Writer } from '../src/wire.ts';

const FIELDS = {
  u8: fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
  u16: fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  u32: fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  u48: fc.record({ kind: fc.constant('u48' as const), value: fc.maxSafeNat().map((n) => n % 2 ** 48) }),
  bytes: fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 20 }) }),
};
const record = fc.array(fc.oneof(FIELDS.u8, FIELDS.u16, FIELDS.u32, FIELDS.u48, FIELDS.bytes), { maxLength: 20 });

test('whatever a writer wrote, a reader reads, and nothing is left over', () => {
  fc.assert(
    fc.property(record, (fields) => {
      const w = new Writer();
      for (const field of fields) {
        if (field.kind === 'bytes') w.bytes(field.value);
        else w[field.kind](field.value);
      }
      const done = w.done();
      assert.equal(done.length, w.length);
      const r = new Reader(done);
      for (const field of fields) {
        if (field.kind === 'bytes') assert.deepEqual(r.bytes(field.value.length), field.value);
        else assert.equal(r[field.kind](), field.value);
      }
      assert.equal(r.left, 0);
    }),
  );
});

test('integers stand in big endian order, 48 bits without loss', () => {
  const w = new Writer().u8(0xab).u16(0x0102).u32(0xdeadbeef).u48(0xffff_ffff_fffe);
  assert.deepEqual([...w.done()], [0xab, 1, 2, 0xde, 0xad, 0xbe, 0xef, 255, 255, 255, 255, 255, 254]);
  assert.equal(new Reader(Uint8Array.of(255, 255, 255, 255, 255, 255)).u48(), 2 ** 48 - 1);
});

test('a reader never runs past its end, also not where its bytes are a window into more', () => {
  const whole = new Uint8Array(64).fill(7);
  fc.assert(
    fc.property(fc.nat(32), fc.nat(40), fc.nat(64), (from, length, ask) => {
      const window = whole.subarray(from, Math.min(64, from + length));
      const r = new Reader(window);
      if (ask > window.length) {
        assert.throws(() => r.bytes(ask), ShortInput);
        assert.equal(r.left, window.length, 'a refused read takes nothing');
      } else {
        assert.equal(r.bytes(ask).length, ask);
        assert.equal(r.left, window.length - ask);
      }
    }),
  );
  for (const read of ['u8', 'u16', 'u32', 'u48'] as const) {
    assert.throws(() => new Reader(new Uint8Array(0))[read](), ShortInput);
  }
});

test('a decoder that runs short gives null', () => {
  assert.equal(
    attemptDecode(() => new Reader(Uint8Array.of(1)).u16()),
    null,
  );
});
