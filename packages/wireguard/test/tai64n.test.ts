import { equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes, toHex } from '@kith/core';
import { TimestampSource, tai64n } from '@kith/wireguard';
import fc from 'fast-check';

test('a time becomes seconds from 2^62 + 10 and nanoseconds, big endian', () => {
  equal(toHex(tai64n(0n)), '400000000000000a00000000');
  equal(toHex(tai64n(1_700_000_000_083_886_080n)), '400000006553f10a05000000');
  throws(() => tai64n(-1n), RangeError);
});

test('stamps strictly increase while the wall clock stands still, jumps back or talks nonsense', () => {
  const reading = fc.oneof(fc.double(), fc.integer({ min: 0, max: 2e12 }), fc.constant(1_700_000_000_000));
  fc.assert(
    fc.property(fc.array(reading), (readings) => {
      const source = new TimestampSource();
      let last = new Uint8Array(12);
      for (const wall of readings) {
        const next = Uint8Array.from(source.next(wall));
        ok(compareBytes(next, last) > 0);
        last = next;
      }
    }),
  );
});
